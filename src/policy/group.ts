/** The constraints of one conjunction on one attribute, in normal form. */
import { type Attribute, compareText, isAddress, isSingleValued, observability } from './attribute.ts';
import { cidrOfBits, parseCidr } from './cidr.ts';
import type { Constraint } from './constraint.ts';
import {
  disjointFromAll,
  impliesMembers,
  impliesSome,
  intersectMembers,
  type Members,
  normaliseMembers,
  withoutDisjoint,
} from './members.ts';
import { type Pattern, patternKey } from './pattern.ts';

/** Addresses are prefixes over bits here, so that ranges intersect as patterns do. */
export interface Group extends About {
  /** Every one holds: one for a single value unless no one set says the intersection. */
  readonly wanted: readonly Members[];
  /** None matches. */
  readonly unwanted: Members;
  /** Asks for an identity of the mesh. */
  readonly named: boolean;
  /** As it is written: what is wanted first. */
  readonly constraints: readonly Constraint[];
  /** Equal for equal groups; what groups are ordered by. */
  readonly text: string;
}

interface About {
  readonly key: string;
  readonly attribute: Attribute;
  /** One bit, from a hash of the key. */
  readonly bit: number;
}

/** Constraints on the attribute of that key, at least one; 'empty' when no request meets them. */
export function groupOf(key: string, constraints: readonly [Constraint, ...Constraint[]]): Group | 'empty' {
  const known = constraints.length === 1 ? Normal.groupIn(constraints[0]) : undefined;
  if (known !== undefined) {
    return known;
  }
  const attribute = constraints[0].attribute;
  const wanted: Members[] = [];
  const unwanted: Pattern[] = [];
  for (const { anyOf, negated } of constraints) {
    const members = isAddress(attribute) ? anyOf.map(toBits) : anyOf;
    if (negated) {
      unwanted.push(...members);
    } else {
      wanted.push(members);
    }
  }
  return normalGroup({ key, attribute, bit: bitOf(key) }, wanted.map(normaliseMembers), unwanted);
}

function toBits(pattern: Pattern): Pattern {
  const cidr = pattern.kind === 'exact' ? parseCidr(pattern.value) : undefined;
  if (cidr === undefined) {
    throw new Error(`not a CIDR: ${JSON.stringify(pattern)}`);
  }
  return { kind: 'prefix', value: cidr.bits };
}

export function intersectGroups(a: Group, b: Group): Group | 'empty' {
  if (a.text === b.text) {
    return a;
  }
  return normalGroup(a, [...a.wanted, ...b.wanted], [...a.unwanted, ...b.unwanted]);
}

/** `like` with the values that any of `all` wants. */
export function uniteGroups(like: Group, all: readonly Group[]): Group {
  const wanted = normaliseMembers(all.flatMap((group) => group.wanted.flat()));
  return groupWith(like, [wanted], like.unwanted);
}

function normalGroup(about: About, sets: readonly Members[], refused: readonly Pattern[]): Group | 'empty' {
  const all = normaliseMembers(refused);
  const allowed =
    all.length === 0 ? sets : sets.map((members) => members.filter((member) => !impliesSome(member, all)));
  const single = isSingleValued(about.attribute);
  const wanted = single ? meet(allowed) : withoutImplied(allowed);
  if (wanted.some((members) => members.length === 0)) {
    return 'empty';
  }
  // One value that is wanted cannot be one that no wanted pattern reaches; with several values, another may be.
  const unwanted = single ? all.filter((member) => !wanted.some((members) => disjointFromAll(member, members))) : all;
  return groupWith(about, wanted, unwanted);
}

function groupWith({ key, attribute, bit }: About, wanted: readonly Members[], unwanted: Members): Group {
  const constraints = constraintsOf(attribute, wanted, unwanted);
  const named = wanted.length > 0 && observability(attribute) === 'mesh';
  const text = groupText(key, wanted, unwanted);
  const group = { key, attribute, bit, wanted, unwanted, named, constraints, text };
  const [only, ...others] = constraints;
  if (others.length === 0) {
    only?.makeUp(group);
  }
  return group;
}

function bitOf(key: string): number {
  let hash = key.length;
  for (let index = 0; index < key.length; index += 1) {
    hash = (hash * 31 + key.charCodeAt(index)) | 0;
  }
  return 1 << (hash & 31);
}

function groupText(key: string, wanted: readonly Members[], unwanted: Members): string {
  const parts = wanted.map((members) => `+${membersText(members)}`);
  return `${key} ${parts.join('')}${unwanted.length === 0 ? '' : `-${membersText(unwanted)}`};`;
}

function membersText(members: Members): string {
  return members.map(patternKey).join(',');
}

/** The intersection of sets of values of one attribute, in as few sets as can say it, in a stable order. */
function meet(sets: readonly Members[]): readonly Members[] {
  const [first, second] = sets;
  if (first === undefined || second === undefined) {
    return sets;
  }
  const merged = sets.length === 2 ? intersectMembers(first, second) : 'both';
  return merged === 'both' ? meetAll(sets) : [merged];
}

function meetAll(sets: readonly Members[]): readonly Members[] {
  let current = sorted(sets);
  for (;;) {
    const next = mergeOnePair(current) ?? prune(current);
    if (next === undefined) {
      return current;
    }
    current = sorted(next);
  }
}

function sorted(sets: readonly Members[]): readonly Members[] {
  return sets.toSorted((a, b) => compareText(membersText(a), membersText(b)));
}

function mergeOnePair(sets: readonly Members[]): readonly Members[] | undefined {
  for (const [index, a] of sets.entries()) {
    for (const b of sets.slice(index + 1)) {
      const merged = intersectMembers(a, b);
      if (merged !== 'both') {
        return [merged, ...sets.filter((members) => members !== a && members !== b)];
      }
    }
  }
  return undefined;
}

function prune(sets: readonly Members[]): readonly Members[] | undefined {
  if (sets.length < 2) {
    return undefined;
  }
  const pruned = sets.map((members) =>
    withoutDisjoint(
      members,
      sets.filter((other) => other !== members),
    ),
  );
  return pruned.some((members, index) => members !== sets[index]) ? pruned : undefined;
}

/** Sets that each need some value: a wider one says nothing beside a narrower one. */
function withoutImplied(sets: readonly Members[]): readonly Members[] {
  if (sets.length < 2) {
    return sets;
  }
  let kept: Members[] = [];
  for (const members of sorted(sets)) {
    if (!kept.some((other) => impliesMembers(other, members))) {
      kept = [...kept.filter((other) => !impliesMembers(members, other)), members];
    }
  }
  return kept;
}

/** Every request that meets `a` meets `b`, both on one attribute. Sound, not complete. */
export function impliesGroup(a: Group, b: Group): boolean {
  if (a === b) {
    return true;
  }
  for (const members of b.wanted) {
    if (!demands(a, members)) {
      return false;
    }
  }
  for (const member of b.unwanted) {
    if (!refuses(a, member)) {
      return false;
    }
  }
  return true;
}

function demands(group: Group, members: Members): boolean {
  for (const narrower of group.wanted) {
    if (impliesMembers(narrower, members)) {
      return true;
    }
  }
  return false;
}

function refuses(group: Group, member: Pattern): boolean {
  return (
    impliesSome(member, group.unwanted) ||
    (isSingleValued(group.attribute) && group.wanted.some((members) => disjointFromAll(member, members)))
  );
}

/** A constraint in normal form. It knows the group that it makes up alone, so that nothing need be sorted again. */
class Normal implements Constraint {
  readonly attribute: Attribute;
  readonly negated: boolean;
  readonly anyOf: readonly Pattern[];
  #group: Group | undefined = undefined;

  constructor(attribute: Attribute, members: Members, negated: boolean) {
    this.attribute = attribute;
    this.negated = negated;
    this.anyOf = isAddress(attribute) ? members.map(toCidr) : members;
  }

  makeUp(group: Group): void {
    this.#group = group;
  }

  static groupIn(constraint: Constraint): Group | undefined {
    return #group in constraint ? constraint.#group : undefined;
  }
}

function constraintsOf(attribute: Attribute, wanted: readonly Members[], unwanted: Members): readonly Normal[] {
  const positive = wanted.map((members) => new Normal(attribute, members, false));
  return unwanted.length === 0 ? positive : [...positive, new Normal(attribute, unwanted, true)];
}

function toCidr(pattern: Pattern): Pattern {
  return { kind: 'exact', value: cidrOfBits(pattern.kind === 'prefix' ? pattern.value : '').text };
}
