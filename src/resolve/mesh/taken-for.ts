/** Requests of one rule that the mesh takes for those of another one, because only the edge can tell them apart. */
import { type Conjunction, intersect } from '../../policy/decision.ts';
import type { Finding } from '../../status/finding.ts';
import type { Door, Scene } from './scene.ts';
import { type Lost, translate } from './translate.ts';

/** What of a door's match a workload sees. */
export interface DoorSight {
  readonly door: Door;
  readonly sees: readonly Conjunction[];
  readonly lost: readonly Lost[];
  /** Of Envoy's own routing, in words. */
  readonly opaque: readonly string[];
}

/** Of the doors to closed ports. */
export function sightsOf(scene: Scene): readonly DoorSight[] {
  const sights =
    known.get(scene) ?? scene.doors.filter((door) => isClosed(door, scene)).map((door) => sightOf(door, scene));
  known.set(scene, sights);
  return sights;
}

const known = new WeakMap<Scene, readonly DoorSight[]>();

export function isClosed({ service, ports }: Door, { closed }: Scene): boolean {
  return closed.some((port) => port.service === service && ports.includes(port.port));
}

function sightOf(door: Door, { inside }: Scene): DoorSight {
  const { reached } = door;
  const taken = reached.taken();
  if (taken === 'too-complex') return { door, sees: [], lost: [], opaque: [] };
  const all = reached.requests().map((request) => translate(request, reached.passage, inside));
  return {
    door,
    sees: all.flatMap(({ conjunction }) => (conjunction === 'empty' ? [] : [conjunction])),
    lost: all.flatMap(({ lost }) => lost),
    opaque: taken.opaque,
  };
}

function isBlurred({ lost, opaque }: DoorSight): boolean {
  return lost.length + opaque.length > 0;
}

/** A door by which some are refused, and one that may let them in. */
export interface Mistaken {
  readonly door: Door;
  readonly by: Door;
}

/** Doors that refuse what a workload may take for another's, but for those of which it is said already that they are blurred. */
export function takenForOthers(scene: Scene): readonly Mistaken[] {
  const sights = sightsOf(scene);
  const open = sights.filter(({ door }) => !refusesAll(door));
  const strays = open.filter(isStray);
  const listeners = new Set(open.map(({ door }) => door.reached.entry.listener.name)).size;
  const mayMeet = (one: DoorSight, other: DoorSight) => isMoved(one) || isStray(other) || isElsewhere(one, other);
  return sights.flatMap((sight) => {
    const { door, sees } = sight;
    if (admitsAll(door) || (isBlurred(sight) && speaks(door))) return [];
    // Within one listener, what no door blurs and no passage moves is apart: each takes what those before it left.
    const others = isMoved(sight) || listeners > 1 ? open : strays;
    const found = others.find(
      (other) => isOther(door, other.door, scene) && mayMeet(sight, other) && meet(sees, other.sees),
    );
    return found === undefined ? [] : [{ door, by: found.door }];
  });
}

/** The workload may see others' requests as its own. */
function isStray(sight: DoorSight): boolean {
  return isBlurred(sight) || isMoved(sight);
}

/** The workload sees its requests at another place than the edge did. */
function isMoved({ door: { reached } }: DoorSight): boolean {
  const { path, host, headers } = reached.passage;
  return (
    path.kind !== 'none' || host === 'rewritten' || reached.entry.match.headers.some(({ name }) => headers.has(name))
  );
}

/** By another listener, which no workload sees. */
function isElsewhere({ door: one }: DoorSight, { door: other }: DoorSight): boolean {
  return one.reached.entry.listener.name !== other.reached.entry.listener.name;
}

/** A policy is in force there, and has a report of its own. */
function speaks({ reached: { entry } }: Door): boolean {
  return entry.rule.blocked === undefined && entry.guard.kind === 'guarded' && entry.guard.policies.length > 0;
}

function refusesAll({ reached: { entry } }: Door): boolean {
  return entry.rule.blocked !== undefined || entry.guard.kind === 'blocked' || entry.guard.decision.allow.length === 0;
}

function admitsAll(door: Door): boolean {
  const { guard } = door.reached.entry;
  if (refusesAll(door) || guard.kind === 'blocked') return false;
  const { allow, deny } = guard.decision;
  return deny.length === 0 && allow.some(({ constraints }) => constraints.length === 0);
}

function isOther(one: Door, other: Door, scene: Scene): boolean {
  if (one === other || one.identity !== other.identity) return false;
  const sameGuard = one.reached.entry.guard === other.reached.entry.guard;
  return (!sameGuard || refusesAll(one)) && sharePort(one, other, scene);
}

function sharePort(one: Door, other: Door, { closed, point }: Scene): boolean {
  const of = ({ service, ports }: Door) => closed.filter((at) => at.service === service && ports.includes(at.port));
  return of(one).some((at) =>
    of(other).some(
      (also) => also === at || (point !== 'waypoint' && also.targets.some((to) => at.targets.includes(to))),
    ),
  );
}

function meet(left: readonly Conjunction[], right: readonly Conjunction[]): boolean {
  return left.some((one) => right.some((other) => intersect(one, other) !== 'empty'));
}

/** Of rules that no policy speaks for. */
export function mistakenFindings(scene: Scene): readonly Finding[] {
  return takenForOthers(scene).flatMap(({ door, by }): readonly Finding[] => {
    const { rule, guard } = door.reached.entry;
    if (guard.kind === 'blocked' || guard.policies.length > 0) return [];
    return [
      {
        about: rule.route,
        severity: 'warning',
        reason: 'NotTranslatable',
        at: `spec.rules[${rule.index}]`,
        message: `rule ${rule.name} admits nobody, but at Service ${scene.seed.key} the mesh cannot tell all its requests from those of ${describeRule(by)}, so the gateway alone refuses them`,
        remedy:
          'Match by exact hosts and by paths, methods and headers that the gateway does not change, or send the two rules to different Services',
      },
    ];
  });
}

function describeRule({ reached: { entry } }: Door): string {
  const { route, name } = entry.rule;
  return `rule ${name} of Route ${route.namespace}/${route.name}`;
}
