/** `evengate explain --from NAMESPACE/SERVICEACCOUNT`: what becomes of a call inside the mesh. */
import type { Issuer } from '../../ir/guard.ts';
import type { Service } from '../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Collection } from '../../kube/snapshot.ts';
import type { ProofToken } from '../../proof/edge.ts';
import { type Meant, meaningOf } from '../../proof/meaning.ts';
import { answersInMesh, type MeshCall } from '../../proof/mesh-answer.ts';
import { type Destination, proofWorld } from '../../proof/world.ts';
import { normaliseInMesh } from '../../resolve/explain/normalise-path.ts';
import { addressOf } from '../../resolve/explain/request.ts';
import type { ExplainRequest, TokenClaims, TokenFacts } from '../../resolve/explain/types.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import { tokenNotes } from '../remote-keys.ts';
import { type MeshStep, meshStep, proofToken } from './mesh.ts';
import { claimedToken, tokenFacts } from './token.ts';

export interface CallerExplanation {
  readonly mesh: readonly MeshStep[];
  /** What could not be found out here. */
  readonly notes: readonly string[];
  /** What the policies say, whatever became of them in the mesh. */
  readonly policies: Meant;
}

export interface Asked {
  readonly request: ExplainRequest;
  readonly claims: TokenClaims | undefined;
}

/** As certificates and RBAC write it. */
const otherForms = [
  /^(?:spiffe:\/\/)?[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/,
  /^system:serviceaccount:([^:]+):([^:]+)$/,
] as const;

/** `namespace/name` of a ServiceAccount; a sentence says what is wrong. */
export function readCaller(from: string): { readonly namespace: string; readonly name: string } | string {
  const [namespace = '', name = '', ...more] = from.split('/');
  const label = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
  if (label.test(namespace) && label.test(name) && more.length === 0) return { namespace, name };
  const [, inside, account] = otherForms.map((form) => form.exec(from)).find((found) => found !== null) ?? [];
  if (inside !== undefined && account !== undefined) return `--from ${from} is written ${inside}/${account} here`;
  const shown = from === '' ? '""' : from;
  return `--from ${shown} is nobody; write edge, or a service account as namespace/name, such as billing/batch`;
}

/** A sentence says why nothing can be told. */
export async function explainCaller(
  from: { readonly namespace: string; readonly name: string },
  asked: Asked,
  resolution: Resolution,
  services: Collection<Service>,
): Promise<CallerExplanation | string> {
  const world = proofWorld(resolution);
  const found = dialled(asked.request.url, services);
  if (typeof found === 'string') return found;
  const { namespace, service, port } = found;
  const workload = world.workloads.find(
    ({ meant }) => meant.namespace === namespace && meant.services.includes(service),
  );
  if (workload === undefined) {
    return `Service ${keyOf(namespace, service)} is not enforced in a mesh: no Route of an ApiGateway with spec.mesh reaches it, and no AuthPolicy targets it`;
  }
  const destination: Destination = { workload, service, port };
  const { issuers } = workload.meant;
  const facts = await factsOf(asked, issuers);
  const sent = sentBy(asked.request, workload.meant.settings.normalises === true);
  if (typeof sent === 'string') return sent;
  const call = callOf(from, { ...sent, token: proofToken(facts, issuers) }, destination);
  const mesh = answersInMesh(destination, call).map((answer) => meshStep(destination, answer, call.principal ?? ''));
  const policies = meaningOf(resolution, world, services)(destination, call);
  return { mesh, policies, notes: tokenNotes(facts, issuers) };
}

interface Dialled {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

function dialled(url: string, services: Collection<Service>): Dialled | string {
  const address = addressOf(url);
  if (address === undefined || address.scheme === 'https') {
    return `${url}: inside the mesh callers say http:// and the mesh encrypts; write http://SERVICE.NAMESPACE/path`;
  }
  const [service = '', namespace = '', ...rest] = address.hostname.split('.');
  const cluster = rest.length === 0 || rest[0] === 'svc';
  if (service === '' || namespace === '' || !cluster) {
    return `${address.hostname} is no Service; write http://SERVICE.NAMESPACE/path, such as http://orders.shop/orders`;
  }
  const key: ObjectKey = keyOf(namespace, service);
  const object = services.get(key);
  if (object === undefined) return `there is no Service ${key}`;
  const ports = (object.spec?.ports ?? []).map(({ port }) => port);
  return ports.includes(address.port)
    ? { namespace, service, port: address.port }
    : `Service ${key} has no port ${address.port}; it has ${ports.join(', ') || 'none'}`;
}

interface Sent {
  readonly request: ExplainRequest;
  /** As rules see it, with its query. */
  readonly path: string;
}

/** A sentence says why the proxy answers 400 before it asks any rule. */
function sentBy(request: ExplainRequest, fully: boolean): Sent | string {
  const { method, url } = request;
  if (!/^[A-Z]+$/.test(method)) return `${JSON.stringify(method)} is not a method that Envoy takes; write it as GET`;
  const target = normaliseInMesh(addressOf(url)?.target ?? '/', fully);
  if (target.kind === 'refused') return `${url}: a proxy answers 400, because ${target.reason}`;
  return { request, path: `${target.path}${target.query}` };
}

async function factsOf({ request, claims }: Asked, issuers: readonly Issuer[]): Promise<TokenFacts | undefined> {
  const lines = request.headers
    .filter(([header]) => header.toLowerCase() === 'authorization')
    .map(([, value]) => value);
  const header = lines.length === 0 ? undefined : lines.join(',');
  return claims === undefined ? await tokenFacts(header, issuers, new Date()) : claimedToken(claims, issuers);
}

function callOf(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { request, path, token }: Sent & { readonly token: ProofToken | undefined },
  { workload }: Destination,
): MeshCall {
  const { settings } = workload.meant;
  const address = addressOf(request.url);
  const headers = Map.groupBy(request.headers, ([header]) => header.toLowerCase());
  return {
    method: request.method,
    path,
    host: headers.get('host')?.[0]?.[1] ?? address?.authority ?? '',
    headers: new Map([...headers].map(([header, all]) => [header, all.map(([, value]) => value)])),
    principal: `${settings.trustDomain}/ns/${namespace}/sa/${name}`,
    directIp: request.clientAddress,
    remoteIp: request.clientAddress,
    ...(token === undefined ? {} : { token }),
  };
}
