/** The one place that answers "may this object name that one?". */
import type { ReferenceGrant } from '../kube/core.ts';
import type { ObjectRef } from '../kube/object.ts';
import type { Collection } from '../kube/snapshot.ts';

const ownGroup = 'evengate.dev';

/** GEP-709: the same namespace, or a ReferenceGrant in the target's namespace that names both ends. */
export function canReference(
  from: ObjectRef,
  to: ObjectRef & { readonly group: string },
  grants: Collection<ReferenceGrant>,
): boolean {
  if (from.namespace === to.namespace) return true;
  for (const grant of grants.values()) {
    if (grant.metadata.namespace === to.namespace && admits(grant, from, to)) return true;
  }
  return false;
}

function admits(grant: ReferenceGrant, from: ObjectRef, to: ObjectRef & { readonly group: string }): boolean {
  // A grant comes from a file or an older API server as often as from one that validated it.
  const sources = Array.isArray(grant.spec?.from) ? grant.spec.from : [];
  const targets = Array.isArray(grant.spec?.to) ? grant.spec.to : [];
  return (
    sources.some(
      (source) => source.group === ownGroup && source.kind === from.kind && source.namespace === from.namespace,
    ) &&
    targets.some(
      (target) =>
        (target.group ?? '') === to.group &&
        target.kind === to.kind &&
        (target.name === undefined || target.name === to.name),
    )
  );
}
