/** Whether an edge would send a request on for somebody: what only the edge sees is free, all else is as the workload sees it. */

import type { TableRoute, VirtualHostTable } from './edge/parsed.ts';
import { chooseHost, listsOf } from './edge/table.ts';
import { answerAtEdge, type EdgeRequest, type Forwarded } from './edge.ts';
import type { Atom } from './regions/atoms.ts';
import { addressDimensions, dimensionOf } from './regions/choices.ts';
import { clustersOf, type Door, doorsOf, rulesOf, sampleHost } from './regions/doors.ts';
import { routeAtoms, rulesAtoms } from './regions/edge-atoms.ts';
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

export function couldCome(coming: Coming): boolean {
  return doorsOf(coming.gateway.edge).some((door) =>
    door.table.virtual_hosts.some((host) =>
      routesTo(coming, host).some((route) => comesBy({ ...coming, door, host, route })),
    ),
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
}

function comesBy(way: Way): boolean {
  const { gateway, door, share, route } = way;
  const authority = authorityBefore(way);
  if (authority === undefined) return false;
  const space = freeSpace(way);
  const paths = [...new Set(pathsBefore(route.match, route.route ?? {}, share.path.replace(/\?.*$/s, '')))];
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

function authorityBefore({ door, host, share, route }: Way): string | undefined {
  const rewritten = route.route?.host_rewrite_literal;
  if (rewritten === undefined)
    return chooseHost(door.table, { authority: share.host }) === host ? share.host : undefined;
  return rewritten === share.host ? sampleHost(host.domains[0] ?? '*') : undefined;
}

/** What the workload cannot see, or not as the client said it. */
function freeSpace({ gateway, door, host, route }: Way): Space {
  const atoms: readonly Atom[] = [
    ...listsOf(host)
      .flat()
      .flatMap(({ match }) => routeAtoms(match)),
    ...rulesOf(door.table, host, route).flatMap((rules) => rulesAtoms(rules, () => undefined)),
  ];
  const edited = editedHeaders(route);
  const names = [...new Set(atoms.map(({ attribute }) => attribute))].toSorted();
  const free = names.filter((name) => name.startsWith('query:') || edited.has(name.slice('header:'.length)));
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
  const { gateway, share } = way;
  const answer = answerAtEdge(gateway.edge, request);
  const bare = (path: string) => path.replace(/\?.*$/s, '');
  return (
    answer.kind === 'forwarded' &&
    answer.to.some((one) => leadsTo(way, one.cluster) && one.host === share.host && bare(one.path) === bare(share.path))
  );
}
