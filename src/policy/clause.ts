/** Conjunctions while they are being worked on: groups by attribute, so that most work is comparing keys. */
import { describeRef } from '../kube/object.ts';
import { attributeKey, compareText } from './attribute.ts';
import type { Conjunction, Constraint, Source } from './constraint.ts';
import { type Group, groupOf, impliesGroup, intersectGroups, uniteGroups } from './group.ts';

export interface Clause {
  /** Sorted by key. */
  readonly groups: readonly Group[];
  /** Sorted by key. */
  readonly sources: readonly NamedSource[];
  /** The groups' bits: a clause that implies this one has them all. */
  readonly bits: number;
  /** Asks for an identity of the mesh. */
  readonly named: boolean;
}

interface NamedSource {
  readonly key: string;
  readonly source: Source;
}

export function clauseOf(constraints: readonly Constraint[], sources: readonly Source[]): Clause | 'empty' {
  const groups: Group[] = [];
  for (const { key, all } of byAttribute(constraints)) {
    const group = groupOf(key, all);
    if (group === 'empty') {
      return 'empty';
    }
    if (group.wanted.length > 0 || group.unwanted.length > 0) {
      groups.push(group);
    }
  }
  return clause(groups, nameSources(sources));
}

interface OfOneAttribute {
  readonly key: string;
  readonly all: [Constraint, ...Constraint[]];
}

/** Sorted by key. */
function byAttribute(constraints: readonly Constraint[]): readonly OfOneAttribute[] {
  const found: OfOneAttribute[] = [];
  let isSorted = true;
  for (const constraint of constraints) {
    const key = attributeKey(constraint.attribute);
    const isNext = (found.at(-1)?.key ?? '') < key;
    const same = isSorted && isNext ? undefined : found.find((one) => one.key === key);
    if (same === undefined) {
      isSorted &&= isNext;
      found.push({ key, all: [constraint] });
    } else {
      same.all.push(constraint);
    }
  }
  return isSorted ? found : found.toSorted(byKeys);
}

const namedSources = new WeakMap<Source, NamedSource>();

function nameSource(source: Source): NamedSource {
  const known = namedSources.get(source);
  if (known !== undefined) {
    return known;
  }
  const named = { key: sourceKey(source), source };
  namedSources.set(source, named);
  return named;
}

function nameSources(sources: readonly Source[]): readonly NamedSource[] {
  const named = sources.map(nameSource);
  return named.length < 2 ? named : [...new Map(named.map((each) => [each.key, each])).values()].toSorted(byKeys);
}

function sourceKey({ policy, rule }: Source): string {
  return `${describeRef(policy)} ${rule}`;
}

function byKeys(a: { readonly key: string }, b: { readonly key: string }): number {
  return compareText(a.key, b.key);
}

function clause(groups: readonly Group[], sources: readonly NamedSource[]): Clause {
  let bits = 0;
  let named = false;
  for (const group of groups) {
    bits |= group.bit;
    named ||= group.named;
  }
  return { groups, sources, bits, named };
}

/** A list that `concat` makes has no room for more. */
const none: readonly Constraint[] = [];

/** It knows what it was written from, so that nothing need be grouped again. */
class Written implements Conjunction {
  readonly constraints: readonly Constraint[];
  readonly sources: readonly Source[];
  readonly #clause: Clause;

  constructor(from: Clause) {
    this.constraints = none.concat(...from.groups.map(({ constraints }) => constraints));
    this.sources = from.sources.map(({ source }) => source);
    this.#clause = from;
  }

  static clauseIn(conjunction: object): Clause | undefined {
    return #clause in conjunction ? conjunction.#clause : undefined;
  }
}

export function conjunctionOf(from: Clause): Conjunction {
  return new Written(from);
}

/** Undefined where that is not known yet. */
export function isNamed(conjunction: object): boolean | undefined {
  return Written.clauseIn(conjunction)?.named;
}

export function clauseIn(conjunction: Conjunction): Clause | 'empty' {
  return Written.clauseIn(conjunction) ?? clauseOf(conjunction.constraints, conjunction.sources);
}

export function intersectClauses(a: Clause, b: Clause): Clause | 'empty' {
  const groups = mergeByKey(a.groups, b.groups, intersectGroups);
  if (groups === 'empty') {
    return groups;
  }
  return { groups, sources: unite(a.sources, b.sources), bits: a.bits | b.bits, named: a.named || b.named };
}

/** Of clauses that are alike but for one set of values of one attribute: the union of the sets. */
export function uniteClauses(alike: readonly Clause[], key: string): readonly Clause[] {
  const [first] = alike;
  if (first === undefined) {
    return alike;
  }
  const different = alike.flatMap(({ groups }) => groups.filter((group) => group.key === key));
  const groups = first.groups.map((group) => (group.key === key ? uniteGroups(group, different) : group));
  return [clause(groups, alike.map(({ sources }) => sources).reduce(unite))];
}

function unite(a: readonly NamedSource[], b: readonly NamedSource[]): readonly NamedSource[] {
  const united = mergeByKey(a, b, (source) => source);
  return united === 'empty' ? [] : united;
}

/** Two sorted lists as one; what has one key is combined, and 'empty' there is 'empty' for all. */
function mergeByKey<T extends { readonly key: string }>(
  a: readonly T[],
  b: readonly T[],
  combine: (left: T, right: T) => T | 'empty',
): readonly T[] | 'empty' {
  if (a.length === 0 || b.length === 0) {
    return a.length === 0 ? b : a;
  }
  const merged: T[] = [];
  let next = 0;
  for (const left of a) {
    for (let right = b[next]; right !== undefined && right.key < left.key; right = b[next]) {
      merged.push(right);
      next += 1;
    }
    const right = b[next];
    const both = right?.key === left.key ? combine(left, right) : left;
    if (both === 'empty') {
      return 'empty';
    }
    next += right?.key === left.key ? 1 : 0;
    merged.push(both);
  }
  return next < b.length ? merged.concat(b.slice(next)) : merged;
}

/** Every request that matches `a` matches `b`. The innermost loop of normalise, so it allocates nothing. */
export function impliesClause(a: Clause, b: Clause): boolean {
  if ((b.bits & ~a.bits) !== 0) {
    return false;
  }
  let next = 0;
  for (const wide of b.groups) {
    let narrow = a.groups[next];
    while (narrow !== undefined && narrow.key < wide.key) {
      next += 1;
      narrow = a.groups[next];
    }
    if (narrow === undefined || narrow.key !== wide.key || !impliesGroup(narrow, wide)) {
      return false;
    }
  }
  return true;
}

/** Nothing is lost without `a`, beside `b`. Who is named counts by that inside the mesh: a rule for everyone is none for them. */
function isRedundant(a: Clause, b: Clause): boolean {
  return (b.named || !a.named) && impliesClause(a, b);
}

/** Sorted, none redundant beside another: of two that imply each other, the same one stays whatever the order they came in. */
export function normalClauses(clauses: readonly Clause[]): readonly Clause[] {
  return clauses.length < 2 ? clauses : addClauses([], sortClauses(clauses));
}

/** Adds clauses to a list in which none is redundant beside another, keeping it so and in order; equal ones share their sources. */
export function addClauses(list: readonly Clause[], clauses: readonly Clause[]): readonly Clause[] {
  const kept = [...list];
  for (const added of clauses) {
    addOne(kept, added);
  }
  return kept;
}

function addOne(kept: Clause[], added: Clause): void {
  const covering = kept.findIndex((known) => isRedundant(added, known));
  const known = kept[covering];
  if (known !== undefined) {
    if (compareClauses(known, added) === 0) {
      kept[covering] = { ...known, sources: unite(known.sources, added.sources) };
    }
    return;
  }
  if (kept.some((narrower) => isRedundant(narrower, added))) {
    kept.splice(0, kept.length, ...kept.filter((narrower) => !isRedundant(narrower, added)));
  }
  kept.push(added);
}

/** A total order of constraints; 0 only for equal ones. */
export function compareClauses(a: Clause, b: Clause): number {
  const length = Math.max(a.groups.length, b.groups.length);
  for (let index = 0; index < length; index += 1) {
    // No text is empty.
    const order = compareText(a.groups[index]?.text ?? '', b.groups[index]?.text ?? '');
    if (order !== 0) {
      return order;
    }
  }
  return 0;
}

export function sortClauses(clauses: readonly Clause[]): readonly Clause[] {
  return clauses.length < 2 ? clauses : clauses.toSorted(compareClauses);
}
