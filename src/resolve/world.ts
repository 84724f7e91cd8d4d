/** Everything that resolving one object may look at: the snapshot, and what was derived from it before. */
import type { Policy } from '../ir/guard.ts';
import type { Lookup } from '../ir/lookup.ts';
import { keyOf } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import type { AttachedLimits, GatewayContext } from './context.ts';
import type { Look } from './memo.ts';
import type { Attached } from './policy-index.ts';
import { canReference } from './references.ts';

/** Parsed and resolved from the snapshot's objects alone. */
export type ObjectWorld = { readonly [K in keyof Snapshot]: Snapshot[K] };

/** … with the policies by what they target (`policy-index.ts`). */
export type PolicyWorld = ObjectWorld & {
  readonly authOn: ReadonlyMap<string, readonly Attached<Policy>[]>;
  readonly limitsOn: ReadonlyMap<string, readonly Attached<AttachedLimits>[]>;
};

/** … and with the gateways that Routes attach to. */
export type RouteWorld = PolicyWorld & { readonly gateways: ReadonlyMap<string, GatewayContext> };

/** What a feature may look up, recorded. */
export function lookupOf<W extends ObjectWorld>(recorder: Look<W>): Lookup {
  const look = recorder as unknown as Look<ObjectWorld>;
  return {
    service: (namespace, name) => look.get('Service', keyOf(namespace, name)),
    configMap: (namespace, name) => look.get('ConfigMap', keyOf(namespace, name)),
    secret: (namespace, name) => look.get('Secret', keyOf(namespace, name)),
    namespaceLabels: (namespace) => ({
      ...look.get('Namespace', namespace)?.metadata.labels,
      'kubernetes.io/metadata.name': namespace,
    }),
    canReference: (from, to) => from.namespace === to.namespace || canReference(from, to, look.all('ReferenceGrant')),
  };
}
