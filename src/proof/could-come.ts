/** Whether an edge would send a request on for somebody: what only the edge sees is free, all else is as the workload sees it. */

import type { RouteMatch } from '../envoy/route.ts';
import type { TableRoute, VirtualHostTable } from './edge/parsed.ts';
import { chooseHost, listsOf } from './edge/table.ts';
import { answerAtEdge, type EdgeRequest, type Forwarded } from './edge.ts';
import type { Atom } from './regions/atoms.ts';
import { addressDimensions, dimensionOf } from './regions/choices.ts';
import { clustersOf, type Door, doorsOf, rulesOf, sampleHost } from './regions/doors.ts';
import { pathAtom, routeAtoms, rulesAtoms } from './regions/edge-atoms.ts';
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
 * wildcards, so may hosts: Istio cannot ask for such, and the workload leaves them to the edge.
 */
export function couldCome(coming: Coming, loosely = false): boolean {
  return doorsOf(coming.gateway.edge).some((door) =>
    door.table.virtual_hosts
      .filter((host) => !loosely || hasExpressions(host) || hasWildcards(door))
      .some((host) => routesTo(coming, host).some((route) => comesBy({ ...coming, door, host, route, loosely }))),
  );
}

function hasExpressions(host: VirtualHostTable): boolean {
  return listsOf(host)
    .flat()
    .some(({ match }) => match.safe_regex !== undefined || expressionHeaders(match).length > 0);
}

/** A host under one, and a port: a suffix and a prefix in one. */
function hasWildcards({ table }: Door): boolean {
  return table.virtual_hosts.some(({ domains }) => domains.some((domain) => domain.startsWith('*.')));
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
  const { gateway, door, share } = way;
  const authority = authorityBefore(way);
  if (authority === undefined) return false;
  const space = freeSpace(way);
  const paths = pathsOf(way);
  return paths.some((path) => {
    for (const index of indices(sizeOf(space), mostTries)) {
      const draft = draftAt(space, index);
      const query = draft.query.length === 0 ? '' : `?${draft.query.join('&')}`;
      const { port, scheme, sni } = door;
      const request: EdgeRequest = {
        port,
        scheme,
        sni,
        method: share.method,
        authority,
        path: `${path}${query}`,
        headers: new Map([...share.headers, ...draft.headers]),
        directIp: draft.direct,
        remoteIp: gateway.hops === 0 ? draft.direct : draft.remote,
        ...(share.token === undefined ? {} : { token: share.token }),
      };
      if (arrives(way, request)) return true;
    }
    return false;
  });
}

function pathsOf({ share, host, route, loosely }: Way): readonly string[] {
  const before = pathsBefore(route.match, route.route ?? {}, share.path.replace(/\?.*$/s, ''));
  if (!loosely || !hasExpressions(host)) return [...new Set(before)];
  const { samples, holds } = pathAtom(route.match);
  return [...new Set([...before, ...samples.filter(holds)])];
}

function authorityBefore({ door, host, share, route, loosely }: Way): string | undefined {
  const some = sampleHost(host.domains[0] ?? '*');
  if (loosely && hasWildcards(door)) return some;
  const rewritten = route.route?.host_rewrite_literal;
  if (rewritten !== undefined) return rewritten === share.host ? some : undefined;
  return chooseHost(door.table, { authority: share.host }) === host ? share.host : undefined;
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
  return [...free.flatMap((name) => dimensionOf(name, atoms)), ...addressDimensions(atoms, gateway.hops === 0)];
}

function editedHeaders(route: TableRoute): ReadonlySet<string> {
  const all = [route, ...(route.route?.weighted_clusters?.clusters ?? [])];
  const names = all.flatMap(({ request_headers_to_add: add, request_headers_to_remove: remove }) => [
    ...(add ?? []).map(({ header }) => header.key),
    ...(remove ?? []),
  ]);
  return new Set(names.map((name) => name.toLowerCase()));
}

function arrives(way: Way, request: EdgeRequest): boolean {
  const { gateway, door, host, share, loosely } = way;
  const answer = answerAtEdge(gateway.edge, request);
  const bare = (path: string) => path.replace(/\?.*$/s, '');
  const samePath = (one: Forwarded) => bare(one.path) === bare(share.path) || (loosely && hasExpressions(host));
  const sameHost = (one: Forwarded) => one.host === share.host || (loosely && hasWildcards(door));
  return (
    answer.kind === 'forwarded' && answer.to.some((one) => leadsTo(way, one.cluster) && samePath(one) && sameHost(one))
  );
}
