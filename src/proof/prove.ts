/** Whether edge, mesh and policies say the same, region by region. */

import type { Service } from '../kube/core.ts';
import type { ObjectKey } from '../kube/object.ts';
import type { Collection } from '../kube/snapshot.ts';
import type { Resolution } from '../resolve/resolve.ts';
import type { Difference, Limit } from './difference.ts';
import { asCaller, askedOf, asTheEdge, callersOf, contextOf, destinationsOf, pastWaypoint } from './inside.ts';
import type { EnforcementPoint } from './istio.ts';
import { meaningOf } from './meaning.ts';
import { pointsOf } from './mesh-answer.ts';
import { edgeCells, issuersOf } from './regions/edge-cells.ts';
import { baseCall, meshCells } from './regions/mesh-cells.ts';
import { type Choice, type Draft, draftAt, indices, type Space, sizeOf } from './regions/space.ts';
import { throughEdge } from './through-edge.ts';
import { callOf, requestOf } from './witness.ts';
import { type Destination, type ProofGateway, type ProofWorld, proofWorld } from './world.ts';

export interface DeclaredLimit extends Limit {
  /** Regions that it is about. */
  readonly regions: number;
  readonly example: Difference;
}

export interface WorkloadProof {
  readonly workload: ObjectKey;
  readonly points: readonly EnforcementPoint[];
  /** Witnesses that were asked. */
  readonly regions: number;
  /** Regions that there are; more than were asked where there are too many. */
  readonly all: number;
  readonly limits: readonly DeclaredLimit[];
  /** The first that is no declared limit. Nothing is asked after it. */
  readonly difference?: Difference;
}

export interface Proof {
  readonly workloads: readonly WorkloadProof[];
  readonly regions: number;
}

export interface ProveOptions {
  /** A workload. */
  readonly mostRegions?: number;
  /** Told now and then how many regions have been asked. */
  readonly onProgress?: (regions: number) => void;
}

export const usualMostRegions = 200_000;

/** `world` stands for what `resolution` is rendered as. */
export function prove(
  resolution: Resolution,
  services: Collection<Service>,
  options: ProveOptions = {},
  world: ProofWorld = proofWorld(resolution),
): Proof {
  const tasks = Map.groupBy(
    [...forwardedTasks(world), ...insideTasks(resolution, services, world)],
    ({ workload }) => workload,
  );
  let asked = 0;
  const step = () => {
    asked += 1;
    if (asked % 256 === 0) options.onProgress?.(asked);
  };
  const workloads = world.workloads.map((workload): WorkloadProof => {
    const own = tasks.get(workload.key) ?? [];
    const proof = asking(own, options.mostRegions ?? usualMostRegions, step);
    return { workload: workload.key, points: pointsOf(workload), ...proof };
  });
  return { workloads, regions: workloads.reduce((sum, { regions }) => sum + regions, 0) };
}

/** Regions that are asked one by one. */
interface Task {
  readonly workload: ObjectKey;
  readonly size: number;
  readonly ask: (draft: Draft) => readonly Difference[];
  readonly spaces: readonly Space[];
}

type Asked = Omit<WorkloadProof, 'workload' | 'points'>;

function asking(tasks: readonly Task[], most: number, step: () => void): Asked {
  const all = tasks.reduce((sum, { size }) => sum + size, 0);
  const limits = new Map<string, DeclaredLimit>();
  let regions = 0;
  for (const found of differences(tasks, shareOf(tasks, most))) {
    regions += 1;
    step();
    const difference = found.find(({ limit }) => limit === undefined);
    if (difference !== undefined) return { regions, all, limits: [...limits.values()], difference };
    for (const declared of found) note(limits, declared);
  }
  return { regions, all, limits: [...limits.values()] };
}

/** Of each region that is asked. */
function* differences(tasks: readonly Task[], share: number): Iterable<readonly Difference[]> {
  for (const { spaces, size, ask } of tasks) {
    for (const index of indices(size, share)) yield ask(draftOf(spaces, index));
  }
}

function note(limits: Map<string, DeclaredLimit>, example: Difference): void {
  const { limit } = example;
  if (limit === undefined) return;
  const key = `${limit.reason} ${limit.message}`;
  const known = limits.get(key);
  limits.set(key, { ...limit, regions: (known?.regions ?? 0) + 1, example: known?.example ?? example });
}

/** So many of each task that all together are at most `most`. */
function shareOf(tasks: readonly Task[], most: number): number {
  const sum = (share: number) => tasks.reduce((total, { size }) => total + Math.min(size, share), 0);
  let [low, high] = [1, Math.max(1, ...tasks.map(({ size }) => size))];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sum(middle) <= most) low = middle;
    else high = middle - 1;
  }
  return low;
}

function draftOf(spaces: readonly Space[], index: number): Draft {
  let rest = index;
  for (const space of spaces) {
    const size = sizeOf(space);
    if (rest < size) return draftAt(space, rest);
    rest -= size;
  }
  throw new RangeError(`there is no region ${index}`);
}

function* forwardedTasks(world: ProofWorld): Iterable<Task> {
  for (const gateway of world.gateways.filter(({ identity }) => identity !== undefined)) {
    for (const { base, spaces, size, destinations } of edgeCells(gateway, world)) {
      const ask = (draft: Draft) => throughEdge({ gateway, world, request: requestOf(base, draft, gateway.hops) });
      const [first] = destinations;
      if (first !== undefined) yield { workload: first.workload.key, size, spaces, ask };
    }
  }
}

function* insideTasks(resolution: Resolution, services: Collection<Service>, world: ProofWorld): Iterable<Task> {
  const meaning = meaningOf(resolution, world, services);
  const askedAt = askedOf(resolution, world, services);
  for (const workload of world.workloads) {
    for (const destination of destinationsOf(workload, services)) {
      for (const gateway of world.gateways) yield* stolenTasks(gateway, destination, world);
      const asked = askedAt(destination);
      const callers = callersOf(destination, asked, world);
      yield* bypassTasks(destination, callers, world);
      const context = contextOf(destination, callers);
      for (const { base, spaces, size } of meshCells(destination, context, asked)) {
        const ask = (draft: Draft) => asCaller(meaning, destination, callOf(base, draft));
        yield { workload: workload.key, size, spaces, ask };
      }
    }
  }
}

/** Identities alone are seen of it. */
function* bypassTasks(
  destination: Destination,
  callers: readonly (string | undefined)[],
  { gateways }: ProofWorld,
): Iterable<Task> {
  const { workload } = destination;
  if (workload.meant.settings.waypoint === undefined) return;
  const all = [...callers, ...gateways.flatMap(({ identity }) => identity ?? [])];
  const choices = all.map(
    (principal): Choice =>
      (draft) => {
        draft.principal = principal;
      },
  );
  const base = baseCall('GET', '/', `${destination.service}.${workload.meant.namespace}`);
  const ask = (draft: Draft) => pastWaypoint(destination, callOf(base, draft));
  yield { workload: workload.key, size: all.length, spaces: [[choices]], ask };
}

function* stolenTasks(gateway: ProofGateway, destination: Destination, world: ProofWorld): Iterable<Task> {
  const { identity } = gateway;
  if (identity === undefined) return;
  const context = { issuers: issuersOf(gateway), oneAddress: true, callers: [identity] };
  for (const { base, spaces, size } of meshCells(destination, context, [])) {
    const ask = (draft: Draft) => asTheEdge({ gateway, world, destination }, callOf(base, draft));
    yield { workload: destination.workload.key, size, spaces, ask };
  }
}
