/** Whether an edge would send a request on for somebody: what only the edge sees is free, all else is as the workload sees it. */

import type { RouteMatch } from '../envoy/route.ts';
import { leavesDeny } from './difference.ts';
import type { TableRoute, VirtualHostTable } from './edge/parsed.ts';
import { chooseHost, listsOf, routeMatches } from './edge/table.ts';
import { answerAtEdge, type EdgeRequest, type Forwarded } from './edge.ts';
import { type Atom, about, classesOf } from './regions/atoms.ts';
import { addressDimensions, dimensionOf } from './regions/choices.ts';
import { clustersOf, type Door, doorsOf, rulesOf, sampleHost } from './regions/doors.ts';
import { pathAtom, routeAtoms, rulesAtoms } from './regions/edge-atoms.ts';
import { plainHost } from './regions/mesh-cells.ts';
import { pathsBefore } from './regions/preimages.ts';
import { draftAt, indices, type Space, sizeOf } from './regions/space.ts';
import { type Destination, type ProofGateway, type ProofWorld, sameDestination } from './world.ts';

export interface Coming {
  readonly gateway: ProofGateway;
  readonly world: ProofWorld;
  readonly destination: Destination;
  /** As the workload sees it. */
  readonly share: Pick<Forwarded, 'method' | 'host' | 'path' | 'headers' | 'token'>;
}

/** Tries a route and path; past it nobody is believed to come: that is told as a difference rather than passed over. */
const mostTries = 500;

/**
 * `loosely`: where routes have regular expressions, their paths and headers may be any that lead there, and where hosts have
 * wildcards, so may hosts; and a deny may be the edge's alone. Istio cannot ask for such, and the workload leaves it to the edge.
 */
export function couldCome(coming: Coming, loosely = false): boolean {
  return doorsOf(coming.gateway.edge).some((door) =>
    door.table.virtual_hosts.some((host) =>
      routesTo(coming, host).some((route) => comesBy({ ...coming, door, host, route, loosely })),
    ),
  );
}

/** Whether it takes a request is not to be seen behind it. */
function isOpaque({ match }: TableRoute): boolean {
  return (
    match.safe_regex !== undefined || (match.query_parameters ?? []).length > 0 || expressionHeaders(match).length > 0
  );
}

function withoutOpaque(match: RouteMatch): RouteMatch {
  const { safe_regex, headers = [], ...rest } = match;
  const plain = headers.filter(({ string_match: matcher }) => matcher === undefined || !('safe_regex' in matcher));
  return { ...rest, ...(safe_regex === undefined ? {} : { prefix: '/' }), headers: plain, query_parameters: [] };
}

function hasExpressions(host: VirtualHostTable): boolean {
  return listsOf(host)
    .flat()
    .some(({ match }) => match.safe_regex !== undefined || expressionHeaders(match).length > 0);
}

/** Wildcards, of Routes or of policies: a host under one, and a port, are a suffix and a prefix in one. Or it is not the client's any more. */
function hidesHost({ table }: Door, host: VirtualHostTable, route: TableRoute): boolean {
  if (route.route?.host_rewrite_literal !== undefined) return true;
  if (table.virtual_hosts.some(({ domains }) => domains.some((domain) => domain.startsWith('*.')))) return true;
  const asked = rulesOf(table, host, route).flatMap((rules) => rulesAtoms(rules, () => undefined));
  return asked.some(({ id }) => id.startsWith('host expression ') || id.startsWith('host suffix '));
}

function expressionHeaders({ headers = [] }: RouteMatch): readonly string[] {
  return headers.flatMap(({ name, string_match: matcher }) =>
    matcher !== undefined && 'safe_regex' in matcher ? [name] : [],
  );
}

function routesTo(coming: Coming, host: VirtualHostTable): readonly TableRoute[] {
  return listsOf(host)
    .flat()
    .filter((route) => clustersOf(route).some((cluster) => leadsTo(coming, cluster)));
}

function leadsTo({ world, destination }: Coming, cluster: string): boolean {
  return sameDestination(world.destinations.get(cluster), destination);
}

interface Way extends Coming {
  readonly door: Door;
  readonly host: VirtualHostTable;
  readonly route: TableRoute;
  readonly loosely: boolean;
}

function comesBy(way: Way): boolean {
  const space = freeSpace(way);
  const authorities = authoritiesBefore(way);
  return pathsOf(way).some((path) => authorities.some((authority) => someArrives(way, { path, authority }, space)));
}

function someArrives(way: Way, { path, authority }: Pick<EdgeRequest, 'path' | 'authority'>, space: Space): boolean {
  const { gateway, door, share } = way;
  const { port, scheme, sni } = door;
  for (const index of indices(sizeOf(space), mostTries)) {
    const draft = draftAt(space, index);
    const query = draft.query.length === 0 ? '' : `?${draft.query.join('&')}`;
    const request: EdgeRequest = {
      port,
      scheme,
      sni,
      method: share.method,
      authority,
      path: `${path}${query}`,
      headers: new Map([...share.headers, ...draft.headers]),
      ...(draft.certificate === undefined ? {} : { certificate: draft.certificate }),
      directIp: draft.direct,
      remoteIp: gateway.hops === 0 ? draft.direct : draft.remote,
      ...(share.token === undefined ? {} : { token: share.token }),
    };
    if (arrives(way, request)) return true;
  }
  return false;
}

function pathsOf({ share, host, route, loosely }: Way): readonly string[] {
  const before = pathsBefore(route.match, route.route ?? {}, share.path.replace(/\?.*$/s, ''));
  if (!loosely || !hasExpressions(host)) return [...new Set(before)];
  const { samples, holds } = pathAtom(route.match);
  return [...new Set([...before, ...samples.filter(holds), share.path.replace(/\?.*$/s, '')])];
}

/** Hosts by which the request may have come. */
function authoritiesBefore({ door, host, share, route, loosely }: Way): readonly string[] {
  const some = sampleHost(host.domains[0] ?? '*');
  const isOf = (authority: string) => plainHost.test(authority) && chooseHost(door.table, { authority }) === host;
  if (loosely && hidesHost(door, host, route)) {
    const asked = rulesOf(door.table, host, route).flatMap((rules) => rulesAtoms(rules, () => undefined));
    const usual = [share.host, some, `${some}:8080`];
    return classesOf(about('host', asked), { usual, isPossible: isOf });
  }
  const rewritten = route.route?.host_rewrite_literal;
  if (rewritten !== undefined) return rewritten === share.host ? [some] : [];
  return isOf(share.host) ? [share.host] : [];
}

/** What the workload cannot see, or not as the client said it. */
function freeSpace({ gateway, door, host, route, loosely }: Way): Space {
  const routes = listsOf(host).flat();
  const atoms: readonly Atom[] = [
    ...routes.flatMap(({ match }) => routeAtoms(match)),
    ...rulesOf(door.table, host, route).flatMap((rules) => rulesAtoms(rules, () => undefined)),
  ];
  const unseen = new Set([
    ...editedHeaders(route),
    ...(loosely ? routes.flatMap(({ match }) => expressionHeaders(match)) : []),
  ]);
  const names = [...new Set(atoms.map(({ attribute }) => attribute))].toSorted();
  const free = names.filter((name) => name.startsWith('query:') || unseen.has(name.slice('header:'.length)));
  return [
    ...free.flatMap((name) => dimensionOf(name, atoms, 8)),
    ...dimensionOf('certificate', atoms),
    ...addressDimensions(atoms, gateway.hops === 0),
  ];
}

export function editedHeaders(route: TableRoute): ReadonlySet<string> {
  const all = [route, ...(route.route?.weighted_clusters?.clusters ?? [])];
  const names = all.flatMap(({ request_headers_to_add: add, request_headers_to_remove: remove }) => [
    ...(add ?? []).map(({ header }) => header.key),
    ...(remove ?? []),
  ]);
  return new Set(names.map((name) => name.toLowerCase()));
}

function arrives(way: Way, request: EdgeRequest): boolean {
  const { gateway, door, host, share, route, loosely } = way;
  const left = { certified: true, ignoring: leavesDeny(way.destination.workload) };
  const past = (other: TableRoute) => other.name !== route.name && isOpaque(other);
  const by = loosely && isOpaque(route) && routeMatches(withoutOpaque(route.match), request) ? { by: route } : {};
  const answer = answerAtEdge(gateway.edge, request, loosely ? { ...left, past, ...by } : {});
  const bare = (path: string) => path.replace(/\?.*$/s, '');
  const samePath = (one: Forwarded) => bare(one.path) === bare(share.path) || (loosely && hasExpressions(host));
  const sameHost = (one: Forwarded) => one.host === share.host || (loosely && hidesHost(door, host, route));
  return (
    answer.kind === 'forwarded' && answer.to.some((one) => leadsTo(way, one.cluster) && samePath(one) && sameHost(one))
  );
}
