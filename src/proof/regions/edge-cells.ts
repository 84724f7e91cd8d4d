/** The requests of one edge in cells: each is one door, host, path and method, with what else may decide there. */

import { forwarded } from '../edge/forward.ts';
import { keysOf, type Provider } from '../edge/jwt.ts';
import type { TableRoute, VirtualHostTable } from '../edge/parsed.ts';
import { chooseHost, listsOf, pathMatches } from '../edge/table.ts';
import type { EdgeRequest } from '../edge.ts';
import type { Destination, ProofGateway, ProofWorld } from '../world.ts';
import { type Atom, about, classesOf } from './atoms.ts';
import { spacesOf } from './choices.ts';
import { clustersOf, type Door, doorsOf, rulesOf, sampleHost } from './doors.ts';
import { type Known, routeAtoms, rulesAtoms } from './edge-atoms.ts';
import { type TokenIssuer, tokenIssuers } from './issuers.ts';
import { meshAtoms } from './mesh-atoms.ts';
import { isPlainPath, plainHost, usualMethods } from './mesh-cells.ts';
import { preimages } from './preimages.ts';
import { type Space, sizeOf, somewhere } from './space.ts';

export interface EdgeCell {
  readonly gateway: ProofGateway;
  /** Without what the spaces say. */
  readonly base: EdgeRequest;
  readonly spaces: readonly Space[];
  readonly size: number;
  /** Whom its requests may reach. */
  readonly destinations: readonly Destination[];
}

interface Place extends Door {
  readonly gateway: ProofGateway;
  readonly world: ProofWorld;
  readonly issuers: readonly TokenIssuer[];
}

export function* edgeCells(gateway: ProofGateway, world: ProofWorld): Iterable<EdgeCell> {
  const issuers = issuersOf(gateway);
  for (const door of doorsOf(gateway.edge)) {
    for (const host of door.table.virtual_hosts) yield* hostCells({ ...door, gateway, world, issuers }, host);
  }
}

/** Of every chain: the mesh knows no chains. */
export function issuersOf({ edge }: ProofGateway): readonly TokenIssuer[] {
  const all = [...edge.extensions.values()].flatMap((extension) =>
    Object.values((extension['providers'] ?? {}) as Readonly<Record<string, Provider>>),
  );
  return tokenIssuers(all.map((provider) => ({ issuer: provider.issuer ?? '', keys: keysOf(provider) ?? '' })));
}

interface Forwarding {
  readonly route: TableRoute;
  readonly destinations: readonly Destination[];
  readonly path: readonly Atom[];
  readonly atoms: readonly Atom[];
}

const unknown: Known = () => undefined;

function* hostCells(door: Place, host: VirtualHostTable): Iterable<EdgeCell> {
  const routes = [
    ...new Map(
      listsOf(host)
        .flat()
        .map((route) => [JSON.stringify([route.name, route.match]), route]),
    ).values(),
  ];
  const all = routes.map((route) => forwardingOf(door, host, route));
  if (all.every(({ destinations }) => destinations.length === 0)) return;
  const paths = classesOf(
    about(
      'path',
      all.flatMap(({ path }) => path),
    ),
    { usual: ['/', '/none'], isPossible: isPlainPath },
  );
  for (const path of paths) {
    const some = all.filter(({ route }) => pathMatches(route.match, path));
    if (some.every(({ destinations }) => destinations.length === 0)) continue;
    const asked = some.flatMap(({ atoms }) => atoms);
    const methods = classesOf(about('method', asked), {
      usual: usualMethods,
      isPossible: (one) => usualMethods.includes(one),
    });
    const hosts = classesOf(about('host', asked), {
      usual: samplesOfDomain(host),
      isPossible: (one) => isOf(door, host, one),
    });
    for (const authority of hosts) {
      for (const method of methods) yield cellOf({ door, host, some }, { path, method, authority });
    }
  }
}

function samplesOfDomain({ domains: [domain = '*'] }: VirtualHostTable): readonly string[] {
  return [sampleHost(domain), `${sampleHost(domain)}:8080`];
}

function isOf({ table }: Place, host: VirtualHostTable, authority: string): boolean {
  return plainHost.test(authority) && chooseHost(table, { authority }) === host;
}

/** What is asked about requests that the route takes, by itself and behind it. */
function forwardingOf(door: Place, host: VirtualHostTable, route: TableRoute): Forwarding {
  const destinations = destinationsOf(door, route);
  const behind = destinations.flatMap(({ workload }) => meshAtoms(workload.objects, unknown));
  const own = [
    ...routeAtoms(route.match),
    ...rulesOf(door.table, host, route).flatMap((rules) => rulesAtoms(rules, unknown)),
  ];
  const moved = about('path', behind).map((one) => preimages(route, one));
  return { route, destinations, path: [...about('path', own), ...moved], atoms: [...own, ...behind] };
}

function destinationsOf({ world }: Place, route: TableRoute): readonly Destination[] {
  return clustersOf(route).flatMap((name) => world.destinations.get(name) ?? []);
}

interface Taking {
  readonly door: Place;
  readonly host: VirtualHostTable;
  readonly some: readonly Forwarding[];
}

function cellOf(
  { door, host, some }: Taking,
  { path, method, authority }: Pick<EdgeRequest, 'path' | 'method' | 'authority'>,
): EdgeCell {
  const { gateway, port, scheme, sni, table } = door;
  const empty = { headers: new Map(), directIp: somewhere, remoteIp: somewhere };
  const base: EdgeRequest = { port, scheme, sni, method, authority, path, ...empty };
  const atoms = some.flatMap(({ route, destinations }) => {
    const atEdge = knownOf(path, method, authority);
    const own = [
      ...routeAtoms(route.match),
      ...rulesOf(table, host, route).flatMap((rules) => rulesAtoms(rules, atEdge)),
    ];
    if (route.route === undefined) return own;
    const [first] = forwarded({ table, host, route: { ...route, route: route.route } }, base);
    const behind = knownOf(first?.path ?? path, method, first?.host ?? authority);
    return [...own, ...destinations.flatMap(({ workload }) => meshAtoms(workload.objects, behind))];
  });
  const spaces = spacesOf(atoms, { issuers: door.issuers, oneAddress: gateway.hops === 0 });
  const size = spaces.reduce((sum, space) => sum + sizeOf(space), 0);
  return { gateway, base, spaces, size, destinations: [...new Set(some.flatMap((one) => one.destinations))] };
}

function knownOf(path: string, method: string, host: string): Known {
  return ({ attribute, holds }) => {
    if (attribute === 'path') return holds(path);
    if (attribute === 'method') return holds(method);
    return attribute === 'host' ? holds(host) : undefined;
  };
}
