/** A comparison as people read it: what is alike stands together, and what opens something comes first. */
import type { RouteEntry } from '../../ir/gateway.ts';
import type { ObjectKey, ObjectRef } from '../../kube/object.ts';
import { compare } from '../../resolve/compare/compare.ts';
import type { Region } from '../../resolve/compare/region.ts';
import type { Effect, GatewayChange, RegionChange, Witness } from '../../resolve/compare/types.ts';
import { witnessOf } from '../../resolve/compare/witness.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import type { PlacedFinding } from '../findings.ts';
import { callerDetails, regionWords, sideWords } from './words.ts';

export interface Diff {
  /** Nothing of it says that traffic changes where both are empty. */
  readonly changes: readonly Change[];
  readonly gateways: readonly GatewayChange[];
  readonly findings: { readonly new: readonly PlacedFinding[]; readonly mended: readonly PlacedFinding[] };
}

export interface Change {
  readonly kind: 'changed' | 'added' | 'removed';
  /** The gravest of its differences. */
  readonly effect: Effect;
  readonly gateway: ObjectKey;
  /** At least one; at all of them the differences are the same. */
  readonly places: readonly Place[];
  readonly differences: readonly DifferenceWords[];
  /** A request that is newly admitted or refused; none where the gravest difference is another one, or none was found. */
  readonly proofs: readonly Proof[];
}

export interface Place {
  readonly protocol: string;
  readonly port: number;
  readonly host: string;
  readonly region: Region;
  readonly before: RuleName | undefined;
  readonly after: RuleName | undefined;
}

export interface RuleName {
  readonly route: ObjectRef;
  readonly rule: string;
}

export interface DifferenceWords {
  readonly what: string;
  readonly effect: Effect;
  readonly before: string;
  readonly after: string;
  readonly details: readonly string[];
}

export interface Proof extends Witness {
  readonly direction: 'gained' | 'lost';
}

export interface Side {
  readonly resolution: Resolution;
  readonly findings: readonly PlacedFinding[];
}

/** Gravest first. */
export const effects: readonly Effect[] = ['opens', 'shifts', 'closes', 'looser', 'tighter', 'differs'];

export function diffOf(before: Side, after: Side): Diff {
  const { regions, gateways } = compare(before.resolution, after.resolution);
  const groups = Map.groupBy(regions.map(describe), ({ key }) => key);
  const changes = [...groups.values()].map((group) => changeOf(group, before.resolution, after.resolution));
  return {
    changes: changes.toSorted(byGravity),
    gateways: gateways.toSorted((a, b) => rank(a.effect) - rank(b.effect)),
    findings: {
      new: without(after.findings, before.findings),
      mended: without(before.findings, after.findings),
    },
  };
}

export function hasChanged({ changes, gateways }: Diff): boolean {
  return changes.length > 0 || gateways.length > 0;
}

interface Described {
  readonly key: string;
  readonly region: RegionChange;
  readonly kind: Change['kind'];
  readonly differences: readonly DifferenceWords[];
}

function describe(region: RegionChange): Described {
  const { before, after, door } = region;
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const plain = kind === 'changed' ? [] : wholeRule(before, after);
  const differences = region.differences
    .map(({ what, effect, words: said }): DifferenceWords => {
      const [was, is] = said ?? [sideWords(what, before), sideWords(what, after)];
      const words = { what, effect, before: was, after: is };
      return { ...words, details: what === 'callers' && kind === 'changed' ? callerDetails(before, after) : [] };
    })
    .concat(plain);
  return { key: JSON.stringify([door.gateway, kind, differences]), region, kind, differences };
}

/** What comes, or goes, with a rule. */
function wholeRule(before: RouteEntry | undefined, after: RouteEntry | undefined): readonly DifferenceWords[] {
  const limits = [sideWords('limits', before), sideWords('limits', after)] as const;
  const difference = (what: string): DifferenceWords => ({
    what,
    effect: 'differs',
    before: sideWords(what, before),
    after: sideWords(what, after),
    details: [],
  });
  const limited = limits[0] === limits[1] ? [] : [difference('limits')];
  return [difference('answer'), ...limited];
}

/** Places that are asked for a proof before it is given up. */
const mostTries = 4;

function changeOf(group: readonly Described[], before: Resolution, after: Resolution): Change {
  const [first] = group;
  if (first === undefined) throw new RangeError('a group holds something');
  const { gateway } = first.region.door;
  const sides = { before: before.gateways.get(gateway), after: after.gateways.get(gateway) };
  const proof = (direction: Proof['direction']): readonly Proof[] => {
    for (const { region } of group.slice(0, mostTries)) {
      if (region.differences.every((difference) => (difference[direction] ?? []).length === 0)) return [];
      const witness = witnessOf(region, sides, direction);
      if (witness !== undefined) return [{ direction, ...witness }];
    }
    return [];
  };
  return {
    kind: first.kind,
    effect: gravest(first.differences),
    gateway,
    places: group.map(({ region }) => placeOf(region)).toSorted(byPlace),
    differences: first.differences,
    proofs: [...proof('gained'), ...proof('lost')],
  };
}

function gravest(differences: readonly DifferenceWords[]): Effect {
  return effects.find((effect) => differences.some((one) => one.effect === effect)) ?? 'differs';
}

function placeOf({ door: { protocol, port, host }, region, before, after }: RegionChange): Place {
  const nameOf = (entry: RouteEntry | undefined) => entry && { route: entry.rule.route, rule: entry.rule.name };
  return { protocol, port, host, region, before: nameOf(before), after: nameOf(after) };
}

function rank(effect: Effect): number {
  return effects.indexOf(effect);
}

const kinds: readonly Change['kind'][] = ['changed', 'added', 'removed'];

function byGravity(a: Change, b: Change): number {
  const [one, other] = [a.places[0], b.places[0]];
  return (
    rank(a.effect) - rank(b.effect) ||
    kinds.indexOf(a.kind) - kinds.indexOf(b.kind) ||
    (one === undefined || other === undefined ? 0 : byPlace(one, other))
  );
}

function byPlace(a: Place, b: Place): number {
  const text = ({ host, region, port }: Place) => `${host} ${regionWords(region)} ${port}`;
  return text(a) < text(b) ? -1 : 1;
}

/** By what they say: places move with every line that is written above them. */
function without(findings: readonly PlacedFinding[], others: readonly PlacedFinding[]): readonly PlacedFinding[] {
  const key = ({ reason, object, message }: PlacedFinding) => JSON.stringify([reason, object, message]);
  const known = new Set(others.map(key));
  return findings.filter((finding) => !known.has(key(finding)));
}
