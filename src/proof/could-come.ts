/** Whether an edge would send a request on for somebody: what only the edge sees is free, all else is as the workload sees it. */

import type { TableRoute, VirtualHostTable } from './edge/parsed.ts';
import { chooseHost, listsOf } from './edge/table.ts';
import { answerAtEdge, type EdgeRequest, type Forwarded } from './edge.ts';
import type { Atom } from './regions/atoms.ts';
import { addressDimensions, dimensionOf } from './regions/choices.ts';
import { clustersOf, type Door, doorsOf, rulesOf, sampleHost } from './regions/doors.ts';
import { routeAtoms, rulesAtoms } from './regions/edge-atoms.ts';
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

/** A route by which it comes, and the rule that admits it there. */
export interface Arrival {
  readonly route: TableRoute;
  readonly by: string | undefined;
}

export function couldCome(coming: Coming): Arrival | undefined {
  for (const place of placesOf(coming)) {
    const arrival = comesBy(place);
    if (arrival !== undefined) return arrival;
  }
  return undefined;
}

/** A route to the destination, under one of its hosts. */
export interface Place extends Coming {
  readonly door: Door;
  readonly host: VirtualHostTable;
  readonly route: TableRoute;
}

export function* placesOf(coming: Coming): Iterable<Place> {
  for (const door of doorsOf(coming.gateway.edge)) {
    for (const host of door.table.virtual_hosts) {
      for (const route of routesTo(coming, host)) yield { ...coming, door, host, route };
    }
  }
}

function routesTo(coming: Coming, host: VirtualHostTable): readonly TableRoute[] {
  return listsOf(host)
    .flat()
    .filter((route) => clustersOf(route).some((cluster) => leadsTo(coming, cluster)));
}

export function leadsTo({ world, destination }: Coming, cluster: string): boolean {
  return sameDestination(world.destinations.get(cluster), destination);
}

function comesBy(way: Place): Arrival | undefined {
  const { share, host, door, route } = way;
  const space = freeSpace(way);
  const authority = authorityBefore(way);
  if (authority === undefined || !plainHost.test(authority) || chooseHost(door.table, { authority }) !== host) return;
  const paths = new Set(pathsBefore(route.match, route.route ?? {}, share.path.replace(/\?.*$/s, '')));
  for (const path of paths) {
    const arrival = arrivalOf(way, { path, authority }, space);
    if (arrival !== undefined) return arrival;
  }
  return undefined;
}

function arrivalOf(
  way: Place,
  { path, authority }: Pick<EdgeRequest, 'path' | 'authority'>,
  space: Space,
): Arrival | undefined {
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
    const arrival = arrives(way, request);
    if (arrival !== undefined) return arrival;
  }
  return undefined;
}

/** A host by which the request may have come. */
function authorityBefore({ host, share, route }: Place): string | undefined {
  const literal = route.route?.host_rewrite_literal;
  if (literal === undefined) return share.host;
  return literal === share.host ? sampleHost(host.domains[0] ?? '*') : undefined;
}

/** What the workload cannot see, or not as the client said it. */
function freeSpace({ gateway, door, host, route }: Place): Space {
  const atoms: readonly Atom[] = [
    ...listsOf(host)
      .flat()
      .flatMap(({ match }) => routeAtoms(match)),
    ...rulesOf(door.table, host, route).flatMap((rules) => rulesAtoms(rules, () => undefined)),
  ];
  const unseen = editedHeaders(route);
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

function arrives(way: Place, request: EdgeRequest): Arrival | undefined {
  const { gateway, share, route } = way;
  const answer = answerAtEdge(gateway.edge, request);
  // Another route changes other headers, and has a way of its own.
  if (answer.kind !== 'forwarded' || answer.route !== route.name) return undefined;
  const bare = (path: string) => path.replace(/\?.*$/s, '');
  const same = ({ cluster, path, host }: Forwarded) =>
    leadsTo(way, cluster) && bare(path) === bare(share.path) && host === share.host;
  return answer.to.some(same) ? { route, by: answer.by } : undefined;
}
