/** Calls inside the mesh: of somebody with an edge's identity, and of everybody else. */

import type { RouteEntry } from '../ir/gateway.ts';
import type { Service } from '../kube/core.ts';
import { keyOf } from '../kube/object.ts';
import type { Collection } from '../kube/snapshot.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { couldCome } from './could-come.ts';
import { type Difference, describeVerdict, type Limit, limitOf, type Side } from './difference.ts';
import { listsOf } from './edge/table.ts';
import { leftToEdge, leftToEdgeAtLayer4 } from './left-to-edge.ts';
import { entriesByRoute, type Meaning, servicePolicies } from './meaning.ts';
import { answersInMesh, answersPastWaypoint, isLayer4, type MeshAnswer, type MeshCall } from './mesh-answer.ts';
import { type Atom, about, classesOf } from './regions/atoms.ts';
import type { ChoiceContext } from './regions/choices.ts';
import { clustersOf, doorsOf } from './regions/doors.ts';
import { routeAtoms } from './regions/edge-atoms.ts';
import { keySetOf, tokenIssuers } from './regions/issuers.ts';
import { meshAtoms } from './regions/mesh-atoms.ts';
import { decisionAtoms } from './regions/policy-atoms.ts';
import { images } from './regions/preimages.ts';
import { isUnknownThere, leftWithoutToken } from './through-edge.ts';
import { callAsWitness } from './witness.ts';
import { type Destination, type ProofGateway, type ProofWorkload, type ProofWorld, sameDestination } from './world.ts';

/** Ports of a workload, whoever reaches them. */
export function destinationsOf(workload: ProofWorkload, services: Collection<Service>): readonly Destination[] {
  const { closed, namespace, services: names } = workload.meant;
  if (closed !== 'all') return closed.map(({ service, port }) => ({ workload, service, port }));
  return names.flatMap((service) => {
    const ports = services.get(keyOf(namespace, service))?.spec?.ports ?? [];
    return ports.map(({ port }) => ({ workload, service, port }));
  });
}

export interface Stolen {
  readonly world: ProofWorld;
  readonly gateway: ProofGateway;
  readonly destination: Destination;
}

/** What the mesh admits of an edge's identity, the edge must be able to send. */
export function asTheEdge({ world, gateway, destination }: Stolen, call: MeshCall): readonly Difference[] {
  return answersInMesh(destination, call).flatMap((found) => {
    const coming = { gateway, world, destination, share: call };
    if (!found.last.verdict.admitted || couldCome(coming)) return [];
    const because = 'no request that it admits becomes this one';
    const left: Side = { name: 'edge', admitted: false, status: 403, because };
    const limit =
      limitOf(destination.workload, 'as-the-edge', true) ??
      (isLayer4(found) ? leftToEdgeAtLayer4(coming) : leftToEdge(coming)) ??
      (isUnknownThere(destination, call) ? leftWithoutToken(coming) : undefined);
    return [differenceOf({ comparison: 'as-the-edge', destination, call, left, found, limit })];
  });
}

export function asCaller(meaning: Meaning, destination: Destination, call: MeshCall): readonly Difference[] {
  const meant = meaning(destination, call);
  return answersInMesh(destination, call).flatMap((found) => {
    const { admitted } = found.last.verdict;
    if (admitted === meant.admitted) return [];
    const left: Side = { name: 'policies', ...meant };
    const limit = limitOf(destination.workload, 'caller', admitted);
    return [differenceOf({ comparison: 'caller', destination, call, left, found, limit })];
  });
}

/** Nobody has anything to look for behind a waypoint but the waypoint itself. */
export function pastWaypoint(destination: Destination, call: MeshCall): readonly Difference[] {
  const { settings, namespace } = destination.workload.meant;
  if (call.principal === `${settings.trustDomain}/ns/${namespace}/sa/${settings.waypoint?.name}`) return [];
  return answersPastWaypoint(destination, call).flatMap((found) => {
    if (!found.last.verdict.admitted) return [];
    const left: Side = {
      name: 'policies',
      admitted: false,
      status: 403,
      because: 'only the waypoint may dial the Pods',
    };
    const limit = limitOf(destination.workload, 'caller', true);
    return [differenceOf({ comparison: 'caller', destination, call, left, found, limit })];
  });
}

interface Found extends Pick<Difference, 'comparison' | 'left'> {
  readonly destination: Destination;
  readonly call: MeshCall;
  readonly found: MeshAnswer;
  readonly limit: Limit | undefined;
}

function differenceOf({ comparison, left, destination, call, found, limit }: Found): Difference {
  const { point, verdict } = found.last;
  const { workload } = destination;
  const right: Side = {
    name: point,
    admitted: verdict.admitted,
    status: verdict.status,
    because: describeVerdict(verdict),
  };
  const request = callAsWitness(call, destination);
  const difference: Difference = { workload: workload.key, comparison, request, left, right, point };
  return limit === undefined ? difference : { ...difference, limit };
}

/** What the policies and routes on the way to a destination ask, of requests as it sees them. */
export function askedOf(
  resolution: Resolution,
  world: ProofWorld,
  services: Collection<Service>,
): (destination: Destination) => readonly Atom[] {
  const entries = entriesByRoute(resolution);
  const units = [...resolution.authPolicies.values()];
  return (destination) => {
    const { settings, namespace } = destination.workload.meant;
    const object = services.get(keyOf(namespace, destination.service));
    const behind = servicePolicies(units, destination, object).map(({ policy }) => policy.decision);
    const routes = world.gateways
      .filter(({ identity }) => identity !== undefined)
      .flatMap(({ edge }) =>
        doorsOf(edge).flatMap(({ table }) => table.virtual_hosts.flatMap((host) => listsOf(host).flat())),
      )
      .filter((route) => clustersOf(route).some((name) => sameDestination(world.destinations.get(name), destination)));
    const outer = routes.flatMap((route) => {
      const asked = (entries.get(route.name) ?? []).flatMap(decisionsOf);
      const atoms = [...routeAtoms(route.match), ...asked.flatMap((one) => decisionAtoms(one, settings.trustDomain))];
      return atoms
        .filter(({ attribute }) => !attribute.startsWith('query:'))
        .map((atom) => (atom.attribute === 'path' ? images(route, atom) : atom));
    });
    return unique([...outer, ...behind.flatMap((one) => decisionAtoms(one, settings.trustDomain))]);
  };
}

function decisionsOf({ guard }: RouteEntry) {
  return guard.kind === 'blocked' ? [] : guard.parts.map(({ policy }) => policy.decision);
}

function unique(atoms: readonly Atom[]): readonly Atom[] {
  return [...new Map(atoms.map((atom) => [atom.id, atom])).values()];
}

/** Everybody but the edges, each once as far as somebody asks who it is; and whoever is nobody. */
export function callersOf(
  { workload }: Destination,
  asked: readonly Atom[],
  { gateways }: ProofWorld,
): readonly (string | undefined)[] {
  const { trustDomain, mtls } = workload.meant.settings;
  const edges = gateways.map(({ identity }) => identity);
  const atoms = about('principal', [...meshAtoms(workload.objects, () => undefined), ...asked]);
  const found = classesOf(atoms, {
    usual: [`${trustDomain}/ns/none/sa/none`, `elsewhere.test/ns/none/sa/none`],
    isPossible: (one) => /^[^/*]+\/ns\/[^/*]+\/sa\/[^/*]+$/.test(one) && !edges.includes(one),
  });
  return mtls === 'Unmanaged' ? found : [...found, undefined];
}

export function contextOf({ workload }: Destination, callers: ChoiceContext['callers'] & object): ChoiceContext {
  const { issuers } = workload.meant;
  const known = issuers.map(({ issuer, keys }) => ({ issuer, keys: keySetOf(keys) }));
  return { issuers: tokenIssuers(known), oneAddress: true, callers };
}
