/** Whether a point takes a caller without an identity (PeerAuthentication, composed as policy_applier.go does). */

import type { MutualTlsMode, PeerAuthentication } from '../../istio/security.ts';
import type { MeshRequest } from './request.ts';
import { rootNamespaceOf, selects } from './select.ts';

export interface PeerMode {
  readonly mode: Exclude<MutualTlsMode, 'UNSET'>;
  /** Who said so; undefined for Istio's default. */
  readonly by: PeerAuthentication | undefined;
}

/** Of each width one, or none; of several of one kind, the oldest. */
export interface Narrowest {
  readonly workload: PeerAuthentication | undefined;
  readonly namespace: PeerAuthentication | undefined;
  readonly root: PeerAuthentication | undefined;
}

export function narrowestOf(policies: readonly PeerAuthentication[], request: MeshRequest): Narrowest {
  const root = rootNamespaceOf(request);
  const wide = (namespace: string) =>
    oldest(policies.filter((one) => one.metadata.namespace === namespace && !hasLabels(one)));
  const narrow = policies.filter(
    (one) =>
      one.metadata.namespace === request.namespace &&
      request.namespace !== root &&
      hasLabels(one) &&
      selects(one.spec?.selector?.matchLabels, request),
  );
  const namespace = request.namespace === root ? undefined : wide(request.namespace);
  return { workload: oldest(narrow), namespace, root: wide(root) };
}

/** The narrowest that says anything: port, workload, namespace, root namespace. */
export function peerMode(policies: readonly PeerAuthentication[], request: MeshRequest): PeerMode {
  const { workload, namespace, root } = narrowestOf(policies, request);
  const candidates = [
    { mode: workload?.spec?.portLevelMtls?.[String(request.port)]?.mode, by: workload },
    ...[workload, namespace, root].map((by) => ({ mode: by?.spec?.mtls?.mode, by })),
  ];
  for (const { mode, by } of candidates) {
    if (mode !== undefined && mode !== 'UNSET') return { mode, by };
  }
  return { mode: 'PERMISSIVE', by: undefined };
}

function hasLabels({ spec }: PeerAuthentication): boolean {
  return Object.keys(spec?.selector?.matchLabels ?? {}).length > 0;
}

/** Those without a time, which are not applied yet, in the order given. */
function oldest(policies: readonly PeerAuthentication[]): PeerAuthentication | undefined {
  return policies.toSorted((a, b) => timeOf(a) - timeOf(b))[0];
}

function timeOf({ metadata: { creationTimestamp } }: PeerAuthentication): number {
  return creationTimestamp === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(creationTimestamp);
}
