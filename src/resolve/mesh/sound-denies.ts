/**
 * Which denies a workload is told of an edge's identity. The edge has refused all of it already, and the mesh sees neither by
 * which listener a request came, nor its whole host where Istio has no words for it: so only what no door lets in.
 */
import type { ClosedPort, MeshRule } from '../../ir/mesh.ts';
import { type Conjunction, intersect } from '../../policy/decision.ts';
import { difference, implies } from '../../policy/subtract.ts';
import { portsKey, textOf } from './merge.ts';
import type { FromEdge } from './north-south.ts';
import type { Door } from './scene.ts';
import { oneSetEach } from './translate.ts';

export interface AtDoor extends FromEdge {
  readonly door: Door;
  readonly ports: readonly ClosedPort[];
}

/** Past these it is left to the edge: no workload is to become too complex by what it need not be told. */
const mostRivals = 8;
const mostPieces = 8;
const mostPatterns = 64;
const mostParts = 128;

export function soundDenies(edges: readonly AtDoor[]): readonly MeshRule[] {
  const whole: MeshRule[] = [];
  const parts = new Map<string, MeshRule>();
  const candidates = [...edges.flatMap((one) => underMatches(one, edges)), ...whateverTheMatch(edges)];
  for (const { ports, deny, rivals, isWhole } of candidates) {
    const left = notLetIn(deny, rivals);
    if (isWhole && left[0] === deny) whole.push({ ports, conjunction: deny });
    else for (const conjunction of left) parts.set(`${portsKey(ports)} ${textOf(conjunction)}`, { ports, conjunction });
  }
  return parts.size > mostParts ? whole : [...whole, ...parts.values()];
}

interface Candidate {
  readonly ports: readonly ClosedPort[];
  readonly deny: Conjunction;
  /** By which such a request may come as well. */
  readonly rivals: readonly AtDoor[];
  /** Of one door. */
  readonly isWhole: boolean;
}

function underMatches(one: AtDoor, all: readonly AtDoor[]): readonly Candidate[] {
  if (one.deny.length === 0) return [];
  const rivals = all.filter((other) => other !== one && !areApart(one, other) && meets(one, other));
  return one.deny.map((deny) => ({ ports: one.ports, deny, rivals, isWhole: true }));
}

/** Of doors whose match the mesh does not see as it is: as a deny of everything there, so that the others are asked about it. */
function whateverTheMatch(all: readonly AtDoor[]): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const one of all.filter(({ isTold }) => !isTold)) {
    for (const deny of one.refused) {
      const key = `${portsKey(one.ports)} ${textOf(deny)}`;
      if (found.has(key)) continue;
      const rivals = all.filter((other) => other !== one && meets(one, other));
      found.set(key, { ports: one.ports, deny, rivals, isWhole: false });
    }
  }
  return [...found.values()];
}

/** Of one edge, to one port of the Pods. */
function meets(one: AtDoor, other: AtDoor): boolean {
  return (
    other.door.identity === one.door.identity &&
    other.ports.some(({ targets, service, port }) =>
      one.ports.some(
        (own) =>
          (own.service === service && own.port === port) || own.targets.some((target) => targets.includes(target)),
      ),
    )
  );
}

/** Within one listener, each takes what those before it left. */
function areApart(one: AtDoor, other: AtDoor): boolean {
  const [a, b] = [one.door.reached, other.door.reached];
  const sameListener = a.gateway === b.gateway && a.entry.listener.name === b.entry.listener.name;
  return a !== b && sameListener && one.isPlain && other.isPlain;
}

/** `deny` itself where nobody lets in any of it; nothing where what is left would be too much to say. */
function notLetIn(deny: Conjunction, rivals: readonly AtDoor[]): readonly Conjunction[] {
  const open = rivals.flatMap((rival) => rival.allow.filter((allow) => letsIn(allow, deny, rival)));
  if (open.length === 0) return [deny];
  const distinct = new Map(open.map((allow) => [textOf(allow), allow]));
  if (distinct.size > mostRivals) return [];
  const left = difference(
    [deny],
    [...distinct].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, allow]) => allow),
  );
  return left === 'too-complex' || left.length > mostPieces ? [] : left.filter(isShort);
}

function letsIn(allow: Conjunction, deny: Conjunction, rival: AtDoor): boolean {
  const both = intersect(allow, deny);
  return both !== 'empty' && ![...rival.deny, ...rival.refused].some((own) => implies(both, own));
}

function isShort(one: Conjunction): boolean {
  const patterns = one.constraints.reduce((sum, { anyOf }) => sum + anyOf.length, 0);
  return patterns <= mostPatterns && oneSetEach(one).lost.length === 0;
}
