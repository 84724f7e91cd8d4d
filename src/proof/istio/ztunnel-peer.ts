/**
 * What istiod makes of PeerAuthentications for ztunnel (pilot/pkg/serviceregistry/ambient/authorization.go): a DENY of whoever
 * has no identity. Nearly what a sidecar makes of them, and where it is not, what ztunnel is handed counts.
 */

import type { MutualTlsMode, PeerAuthentication } from '../../istio/security.ts';
import { narrowestOf, type PeerMode } from './peer.ts';
import type { MeshRequest } from './request.ts';

interface Found {
  readonly mode: MutualTlsMode;
  readonly ports: readonly (readonly [port: number, mode: MutualTlsMode])[];
  /** Undefined where there is none: one that says nothing is not the same. */
  readonly namespace: MutualTlsMode | undefined;
  readonly root: MutualTlsMode | undefined;
}

export function ztunnelPeerMode(policies: readonly PeerAuthentication[], request: MeshRequest): PeerMode {
  const { workload, namespace, root } = narrowestOf(policies, request);
  const found = {
    mode: workload?.spec?.mtls?.mode ?? 'UNSET',
    ports: Object.entries(workload?.spec?.portLevelMtls ?? {}).map(([port, { mode }]) => [Number(port), mode] as const),
    namespace: namespace && (namespace.spec?.mtls?.mode ?? 'UNSET'),
    root: root && (root.spec?.mtls?.mode ?? 'UNSET'),
  };
  if (refusesOn(request.port, found)) return { mode: 'STRICT', by: workload };
  if (isReplaced(found) || !isWholly(found)) return { mode: 'PERMISSIVE', by: undefined };
  return { mode: 'STRICT', by: [workload, namespace, root].find((one) => one?.spec?.mtls?.mode === 'STRICT') };
}

/** Without a look at single ports. */
function isWholly({ mode, namespace, root }: Found): boolean {
  const said = [mode, namespace, root].find((one) => one !== undefined && one !== 'UNSET');
  return said === 'STRICT';
}

function isLoose(mode: MutualTlsMode): boolean {
  return mode === 'PERMISSIVE' || mode === 'DISABLE';
}

/** What holds for all ports is left out, as that of single ones is to say it. DISABLE is no exception to what others ask for. */
function isReplaced({ mode, ports, ...wider }: Found): boolean {
  if (mode === 'STRICT') return ports.some(([, one]) => isLoose(one));
  return isWholly({ mode, ports, ...wider }) ? ports.some(([, one]) => one === 'PERMISSIVE') : isLoose(mode);
}

function refusesOn(port: number, { mode, ports, namespace, root }: Found): boolean {
  const inheritsRoot = namespace === undefined || namespace === 'UNSET';
  // The second of them whatever the workload itself says.
  const isLeftOut =
    mode === 'STRICT' || (mode === 'UNSET' && namespace === 'STRICT') || (inheritsRoot && root === 'STRICT');
  const isStrict = !isLeftOut && ports.some(([one, its]) => one === port && its === 'STRICT');
  const hasExceptions = mode === 'STRICT' || (mode === 'UNSET' && (namespace ?? root) === 'STRICT');
  const exceptions = hasExceptions ? ports.filter(([, its]) => isLoose(its)).map(([one]) => one) : [];
  return isStrict || (exceptions.length > 0 && !exceptions.includes(port));
}
