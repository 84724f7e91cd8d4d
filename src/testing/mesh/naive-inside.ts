/**
 * Whether the mesh admits a caller of its own, read from route tables and policies as the design words it: entry by entry, without
 * union, translation or Istio.
 */
import type { Gateway, RouteEntry, VirtualHost } from '../../ir/gateway.ts';
import type { Match, PathMatch, ValueMatch } from '../../ir/match.ts';
import type { MeshWorkload } from '../../ir/mesh.ts';
import { keyOf } from '../../kube/object.ts';
import { namesIdentity } from '../../policy/decision.ts';
import { evaluate, type RequestFacts } from '../../policy/evaluate.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import type { InsideRequest } from './requests.ts';
import type { Tokens } from './tokens.ts';

export interface InsideCall {
  readonly namespace: string;
  readonly request: InsideRequest;
  readonly tokens: Tokens;
}

/**
 * The answer of the mesh, by way of the Routes and of what stands on the Service; 'unknown' for what only the real parsers
 * know, or where a Route changes what is compared.
 */
export function naiveInside(resolution: Resolution, call: InsideCall): 200 | 401 | 403 | 'unknown' {
  const { namespace, request } = call;
  const service = keyOf(namespace, request.service);
  const workload = [...resolution.mesh.workloads.values()].find(
    (one) => one.namespace === namespace && one.services.includes(request.service),
  );
  const gateways = [...resolution.gateways.values()].filter(({ mesh }) => mesh !== undefined);
  const entries = entriesTo(gateways, service);
  if (workload === undefined || entries.length === 0 || !isPlain(request) || entries.some(isChanging)) return 'unknown';
  const facts = factsOf(call, workload);
  if (facts === 'bad token') return 401;
  const standing = entries.flatMap(({ guard }) => (guard.kind === 'guarded' ? guard.parts : []));
  const onService = standing.filter(({ on }) => on === 'service').map(({ policy }) => policy);
  // One that cannot be enforced refuses all.
  if (entries.some(({ guard }) => guard.kind === 'blocked')) return 'unknown';
  if (!onService.every(({ decision }) => evaluate(decision, facts).admitted)) return 403;
  const hosts = gateways.flatMap(({ chains }) => chains.flatMap(({ virtualHosts }) => virtualHosts));
  if (hosts.some((host) => isDenied(host, service, facts))) return 403;
  const opened = onService.some(({ opens }) => opens) || hosts.some((host) => isNamed(host, service, facts));
  return opened ? 200 : 403;
}

function entriesTo(gateways: readonly Gateway[], service: string): readonly RouteEntry[] {
  const all = gateways.flatMap(({ chains }) =>
    chains.flatMap(({ virtualHosts }) => virtualHosts.flatMap(({ entries }) => entries)),
  );
  return all.filter((entry) => reaches(entry, service));
}

function reaches({ rule }: RouteEntry, service: string): boolean {
  return rule.backends.some((backend) => keyOf(backend.namespace, backend.service) === service);
}

/** Paths, hosts and methods about which no two parsers differ; one token at most, and no preflight. */
function isPlain({ method, target, headers, tokens }: InsideRequest): boolean {
  const names = headers.map(([name]) => name.toLowerCase());
  return (
    /^(GET|POST|DELETE|PUT|PATCH)$/.test(method) &&
    /^(\/[a-z0-9]+)*\/?(\?[a-z0-9=]*)?$/i.test(target) &&
    tokens.length < 2 &&
    !names.includes('origin') &&
    new Set(names).size === names.length
  );
}

function isChanging({ rule }: RouteEntry): boolean {
  return Object.keys(rule.settings).some((name) => name === 'rewrite' || name === 'requestHeaders');
}

function factsOf({ namespace, request, tokens }: InsideCall, workload: MeshWorkload): RequestFacts | 'bad token' {
  const [name] = request.tokens;
  const claims = name === undefined ? undefined : tokens.claims[name];
  const issuers = workload.issuers.filter(({ issuer }) => issuer === claims?.['iss']).map(({ id }) => id);
  if (name !== undefined && workload.issuers.length > 0 && issuers.length === 0) return 'bad token';
  const lines = request.headers.map(([key, value]) => [key.toLowerCase(), value.trim()] as const);
  return {
    method: request.method,
    path: request.target.replace(/\?.*$/, ''),
    host: request.host,
    headers: new Map(lines.map(([key, value]) => [key, [value.replaceAll('WORLD', namespace)]])),
    directIp: '',
    remoteIp: '',
    principal: request.caller.replaceAll('WORLD', namespace),
    ...(issuers.length === 0 || claims === undefined ? {} : { token: { issuers, claims } }),
  };
}

/** Where a rule that names the caller takes the request, were it sent to this host. */
function isNamed({ entries }: VirtualHost, service: string, facts: RequestFacts): boolean {
  const first = entries.find(({ match }) => takes(match, facts));
  if (first === undefined || first.guard.kind !== 'guarded' || !reaches(first, service)) return false;
  const { allow, deny } = first.guard.decision;
  return evaluate({ deny, allow: allow.filter(namesIdentity) }, facts).admitted;
}

function isDenied({ entries }: VirtualHost, service: string, facts: RequestFacts): boolean {
  const first = entries.find(({ match }) => takes(match, facts));
  if (first === undefined || first.guard.kind !== 'guarded' || !reaches(first, service)) return false;
  const deny = first.guard.decision.deny.filter(namesIdentity);
  return evaluate({ deny, allow: [] }, facts).because === 'denied';
}

function takes({ path, method, headers, queryParams }: Match, facts: RequestFacts): boolean {
  const value = ({ name, type, value: wanted }: ValueMatch) =>
    (facts.headers.get(name) ?? []).some((one) => (type === 'Exact' ? one === wanted : whole(wanted).test(one)));
  return (
    isUnder(path, facts.path) &&
    (method === undefined || method === facts.method) &&
    headers.every(value) &&
    queryParams.length === 0
  );
}

function isUnder({ type, value }: PathMatch, path: string): boolean {
  if (type === 'RegularExpression') return whole(value).test(path);
  if (type === 'Exact') return path === value;
  return value === '/' || path === value || path.startsWith(`${value}/`);
}

function whole(regex: string): RegExp {
  return new RegExp(`^(?:${regex})$`);
}

/** Whether some rule is about what a regular expression or a query says, of which the mesh knows nothing. */
export function isOpaque(resolution: Resolution, namespace: string): boolean {
  const matches = [...resolution.gateways.values()]
    .filter(({ ref }) => ref.namespace === namespace)
    .flatMap(({ chains }) => chains.flatMap(({ virtualHosts }) => virtualHosts.flatMap(({ entries }) => entries)))
    .map(({ match }) => match);
  return matches.some(
    ({ path, headers, queryParams }) =>
      path.type === 'RegularExpression' || headers.some(({ type }) => type !== 'Exact') || queryParams.length > 0,
  );
}
