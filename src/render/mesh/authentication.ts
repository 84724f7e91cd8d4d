/** Whose tokens and whose certificates count: RequestAuthentication and PeerAuthentication. */
import type { Issuer } from '../../ir/guard.ts';
import type { MeshSettings } from '../../ir/mesh.ts';
import {
  type JwtRule,
  type MutualTlsMode,
  type PeerAuthentication,
  type RequestAuthentication,
  securityVersion,
} from '../../istio/security.ts';
import type { Layer } from './authorization.ts';
import { objectName } from './names.ts';
import { closedPorts, scopeOf } from './view.ts';

/** None in Shadow: it would answer 401 to a bad token. */
export function requestAuthentication({ view, workload, className, labels }: Layer): readonly RequestAuthentication[] {
  const { issuers, settings, namespace } = workload;
  if (issuers.length === 0 || settings.enforcement === 'Shadow') return [];
  const name = objectName(className, view.service, view.point === 'waypoint' ? 'waypoint' : undefined);
  return [
    {
      apiVersion: securityVersion,
      kind: 'RequestAuthentication',
      metadata: { name, namespace, labels },
      spec: { ...scopeOf(view, workload), jwtRules: issuers.map(jwtRule) },
    },
  ];
}

function jwtRule({ issuer, keys }: Issuer): JwtRule {
  return {
    issuer,
    // The same text that the edge verifies by, so that a rotation is one on both sides.
    ...(keys.kind === 'inline' ? { jwks: keys.jwks } : { jwksUri: keys.uri }),
    // Named, as at the edge: otherwise `?access_token=` is read, too.
    fromHeaders: [{ name: 'Authorization', prefix: 'Bearer ' }],
    forwardOriginalToken: true,
  };
}

/** None in Shadow: what the mesh asks for without us stays as it is, be it stricter. */
export function peerAuthentication({ view, workload, className, labels }: Layer): readonly PeerAuthentication[] {
  const mode = modeOf(workload.settings);
  if (mode === undefined) return [];
  const closed = closedPorts(view, workload);
  const { selector } = scopeOf(view, workload);
  const spec =
    closed === 'all'
      ? { mtls: { mode } }
      : { mtls: { mode: 'UNSET' as const }, portLevelMtls: Object.fromEntries(closed.map((port) => [port, { mode }])) };
  return [
    {
      apiVersion: securityVersion,
      kind: 'PeerAuthentication',
      metadata: { name: objectName(className, view.service), namespace: workload.namespace, labels },
      spec: { ...(selector && { selector }), ...spec },
    },
  ];
}

function modeOf({ enforcement, mtls }: Pick<MeshSettings, 'enforcement' | 'mtls'>): MutualTlsMode | undefined {
  if (enforcement === 'Shadow' || mtls === 'Unmanaged') return undefined;
  return mtls === 'Strict' ? 'STRICT' : 'PERMISSIVE';
}
