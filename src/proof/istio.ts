/**
 * What Istio decides of one request, from the objects alone: written from its documentation and its code, and sharing none with
 * what renders them. CUSTOM, then JWT, then DENY, then ALLOW.
 */

import {
  type AuthorizationPolicy,
  type AuthorizationPolicySpec,
  dryRunAnnotation,
  type PeerAuthentication,
  type RequestAuthentication,
  type SecurityObject,
} from '../istio/security.ts';
import { describeRef, refOf } from '../kube/object.ts';
import { type JwtOutcome, type Payload, verifyToken } from './istio/jwt.ts';
import { peerMode } from './istio/peer.ts';
import type { Decider, EnforcementPoint, MeshRequest, MeshVerdict } from './istio/request.ts';
import { ruleMatches } from './istio/rule.ts';
import { isAbout } from './istio/select.ts';
import { ztunnelMatches } from './istio/ztunnel.ts';
import { ztunnelPeerMode } from './istio/ztunnel-peer.ts';

export type {
  Decider,
  DryRun,
  EnforcementPoint,
  MeshBecause,
  MeshFacts,
  MeshRequest,
  MeshToken,
  MeshVerdict,
} from './istio/request.ts';

type Action = 'ALLOW' | 'DENY' | 'CUSTOM';
/** Of an action's policies: the first rule that matches. */
type Find = (policies: readonly AuthorizationPolicy[], action: 'ALLOW' | 'DENY') => Decider | undefined;
type Authorized = Pick<MeshVerdict, 'admitted' | 'because' | 'by'>;

/** `objects` of any namespace and kind of security.istio.io, also ones that are about other workloads. */
export function decideInMesh(
  objects: readonly SecurityObject[],
  point: EnforcementPoint,
  request: MeshRequest,
): MeshVerdict {
  const peers = objects.filter((one): one is PeerAuthentication => one.kind === 'PeerAuthentication');
  const { mode, by } = (point === 'ztunnel' ? ztunnelPeerMode : peerMode)(peers, request);
  // HBONE, in which a waypoint is spoken to, is always mTLS.
  if (request.principal === undefined && (mode === 'STRICT' || point === 'waypoint')) {
    return refused('plaintext', by === undefined ? undefined : { policy: refOf(by), rule: 0 });
  }
  const policies = objects
    .filter((one): one is AuthorizationPolicy => one.kind === 'AuthorizationPolicy')
    .filter((policy) => isAbout(policy, point, request));
  if (point === 'ztunnel') return decideAtZtunnel(policies, request);
  const tokens = objects
    .filter((one): one is RequestAuthentication => one.kind === 'RequestAuthentication')
    .filter((policy) => isAbout(policy, point, request));
  // Under DISABLE callers of the mesh speak plaintext to a sidecar as well.
  const known = mode === 'DISABLE' && point === 'sidecar' ? anonymous(request) : request;
  return decideAtEnvoy(policies, verifyToken(tokens, known), known);
}

function anonymous(request: MeshRequest): MeshRequest {
  const { principal: _, ...others } = request;
  return others;
}

function decideAtEnvoy(policies: readonly AuthorizationPolicy[], jwt: JwtOutcome, request: MeshRequest): MeshVerdict {
  const find = finder(request, jwt.status === 200 ? jwt.payload : undefined);
  // Asked before the token is looked at.
  const custom = of(policies, 'CUSTOM');
  const asks = finder(request, undefined)(custom, 'DENY');
  const authorizers = new Set(custom.map(authorizerOf));
  if (asks !== undefined && authorizers.size > 1) return refused('several-authorizers', asks);
  const external = asks === undefined ? {} : { asks };
  if (jwt.status !== 200) {
    return {
      ...external,
      admitted: false,
      status: jwt.status,
      because: jwt.status === 401 ? 'bad-token' : 'wrong-audience',
      by: jwt.by,
    };
  }
  const dry = policies.filter(isDryRun);
  const { admitted, by } = authorize(dry, find);
  const dryRun = dry.length === 0 ? {} : { dryRun: by === undefined ? { admitted } : { admitted, by } };
  const verdict = authorize(
    policies.filter((policy) => !isDryRun(policy)),
    find,
  );
  return { ...verdict, ...external, ...dryRun, status: verdict.admitted ? 200 : 403 };
}

/** Dry runs and other actions are not handed to it. */
function decideAtZtunnel(policies: readonly AuthorizationPolicy[], request: MeshRequest): MeshVerdict {
  const find: Find = (list) => firstRule(list, (rule, policy) => ztunnelMatches(rule, policy, request));
  const verdict = authorize(
    policies.filter((policy) => !isDryRun(policy)),
    find,
  );
  return { ...verdict, status: verdict.admitted ? 200 : 403 };
}

function authorize(policies: readonly AuthorizationPolicy[], find: Find): Authorized {
  const denied = find(of(policies, 'DENY'), 'DENY');
  if (denied !== undefined) return { admitted: false, because: 'denied', by: denied };
  const allows = of(policies, 'ALLOW');
  if (allows.length === 0) return { admitted: true, because: 'unprotected' };
  const allowed = find(allows, 'ALLOW');
  return allowed === undefined
    ? { admitted: false, because: 'not-allowed' }
    : { admitted: true, because: 'allowed', by: allowed };
}

function finder(request: MeshRequest, payload: Payload | undefined): Find {
  return (policies, action) =>
    firstRule(policies, (rule, { metadata: { namespace = '' } }) =>
      ruleMatches(rule, action, { request, payload, namespace }),
    );
}

type RuleMatches = (
  rule: NonNullable<AuthorizationPolicySpec['rules']>[number],
  policy: AuthorizationPolicy,
) => boolean;

function firstRule(policies: readonly AuthorizationPolicy[], matches: RuleMatches): Decider | undefined {
  for (const policy of policies) {
    const rule = (policy.spec?.rules ?? []).findIndex((one) => matches(one, policy));
    if (rule >= 0) return { policy: refOf(policy), rule };
  }
  return undefined;
}

function of(policies: readonly AuthorizationPolicy[], action: Action): readonly AuthorizationPolicy[] {
  return policies.filter(({ spec }) => (spec?.action ?? 'ALLOW') === action);
}

function authorizerOf(policy: AuthorizationPolicy): string {
  const spec: AuthorizationPolicySpec & { readonly provider?: { readonly name?: string } } = policy.spec ?? {};
  return spec.provider?.name ?? describeRef(refOf(policy));
}

/** Go's strconv.ParseBool; what it cannot read is not a dry run. */
function isDryRun({ metadata }: AuthorizationPolicy): boolean {
  return /^(1|t|T|TRUE|true|True)$/.test(metadata.annotations?.[dryRunAnnotation] ?? '');
}

function refused(because: MeshVerdict['because'], by: Decider | undefined): MeshVerdict {
  return { admitted: false, status: 403, because, ...(by === undefined ? {} : { by }) };
}
