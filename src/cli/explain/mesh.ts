/** What every point of enforcement in the mesh says to a request, and by which rule. */
import type { Gateway } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { EnforcementPoint } from '../../ir/mesh.ts';
import type { AuthorizationPolicy, SecurityObject } from '../../istio/security.ts';
import { keyOf, objectKey } from '../../kube/object.ts';
import { describeVerdict } from '../../proof/difference.ts';
import { answerAtEdge, type ProofToken } from '../../proof/edge.ts';
import type { Decider } from '../../proof/istio.ts';
import { answersInMesh, type MeshAnswer, type Stage } from '../../proof/mesh-answer.ts';
import { keySetOf } from '../../proof/regions/issuers.ts';
import { callOf } from '../../proof/through-edge.ts';
import type { Destination, ProofWorld } from '../../proof/world.ts';
import { noOrigin } from '../../render/mesh/origins.ts';
import { readOrigins } from '../../render/mesh.ts';
import { addressOf, seeRequest } from '../../resolve/explain/request.ts';
import type { ExplainRequest, TokenFacts } from '../../resolve/explain/types.ts';
import { issuersOf } from './token.ts';

/** One Service that may answer, and the points before its workload. */
export interface MeshStep {
  /** `shop/orders port 80` */
  readonly service: string;
  readonly principal: string;
  readonly points: readonly PointStep[];
  /** What is known of the workload that the points cannot say. */
  readonly notes: readonly string[];
}

export interface PointStep {
  readonly point: EnforcementPoint;
  readonly admitted: boolean;
  readonly status: 200 | 401 | 403;
  /** A clause. */
  readonly because: string;
  /** `shop/orders:readers`, as the object says where its rule comes from; absent where no rule of ours decided. */
  readonly rule?: string;
}

/** What becomes of a request that the gateway forwards; nothing where the gateway has no part in a mesh. */
export function behindEdge(gateway: Gateway, request: ExplainRequest, world: ProofWorld): readonly MeshStep[] {
  const own = world.gateways.find(({ key }) => key === keyOf(gateway.ref.namespace, gateway.ref.name));
  const address = addressOf(request.url);
  const seen = address === undefined ? undefined : seeRequest(gateway, request, address);
  if (own?.identity === undefined || address === undefined || seen === undefined || 'kind' in seen) return [];
  const token = proofToken(request.token, issuersOf(gateway));
  const { clientCertificate: certificate } = request;
  const asked = {
    ...seen,
    // Those listeners that ask for none do not see it.
    ...(certificate === undefined ? {} : { certificate }),
    port: request.listenerPort ?? address.port,
    scheme: address.scheme,
    sni: request.sni ?? address.hostname,
    path: `${seen.path}${seen.query}`,
    ...(token === undefined ? {} : { token }),
  };
  const answer = answerAtEdge(own.edge, asked);
  if (answer.kind !== 'forwarded') return [];
  return answer.to.flatMap((share) => {
    const destination = world.destinations.get(share.cluster);
    if (destination === undefined || share.weight === 0) return [];
    const call = callOf(share, asked, own.identity ?? '');
    return answersInMesh(destination, call).map((found) => meshStep(destination, found, call.principal ?? ''));
  });
}

export function proofToken(facts: TokenFacts | undefined, issuers: readonly Issuer[]): ProofToken | undefined {
  if (facts === undefined) return undefined;
  if (facts.kind !== 'valid') {
    return { issuer: facts.kind === 'refused' ? facts.issuer : '', claims: {}, bad: true };
  }
  const { claims, issuerIds } = facts;
  const jwks = issuers.filter(({ id }) => issuerIds.includes(id)).map(({ keys }) => keySetOf(keys));
  return { issuer: String(claims['iss']), claims, jwks };
}

export function meshStep(destination: Destination, { stages }: MeshAnswer, principal: string): MeshStep {
  const { workload, service, port } = destination;
  const { objects, meant, reports } = workload;
  const shadow =
    meant.settings.enforcement === 'Shadow' ? ['spec.mesh.enforcement is Shadow: the mesh only counts'] : [];
  const missing = reports.filter(({ reason }) => reason === 'NotEnrolled').map(({ message }) => message);
  return {
    service: `${keyOf(meant.namespace, service)} port ${port}`,
    principal,
    points: stages.map((stage) => pointStep(stage, objects)),
    notes: [...shadow, ...new Set(missing)],
  };
}

function pointStep({ point, verdict }: Stage, objects: readonly SecurityObject[]): PointStep {
  const { admitted, status, by } = verdict;
  const rule = by === undefined ? undefined : originOf(by, objects);
  const step: PointStep = { point, admitted, status, because: describeVerdict(verdict) };
  return rule === undefined ? step : { ...step, rule };
}

/** From the annotation of the object: Istio's rules have no names. */
function originOf({ policy, rule }: Decider, objects: readonly SecurityObject[]): string | undefined {
  const object = objects.find(
    (one): one is AuthorizationPolicy =>
      one.kind === 'AuthorizationPolicy' && objectKey(one) === keyOf(policy.namespace, policy.name),
  );
  const origin = object === undefined ? undefined : readOrigins(object)[rule];
  return origin === undefined || origin === noOrigin ? undefined : origin;
}
