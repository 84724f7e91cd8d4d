/** Sets of patterns: the `anyOf` of a constraint, sorted and without members that another one implies. */
import { compareText } from './attribute.ts';
import { disjointPatterns, impliesPattern, type Pattern } from './pattern.ts';

export type Members = readonly Pattern[];

/** Sorted by kind, then value; subsumed members dropped. Lists of thousands of exact values or address ranges stay cheap. */
export function normaliseMembers(patterns: readonly Pattern[]): Members {
  if (patterns.length < 2 || (patterns.length <= few && isNormal(patterns))) {
    return patterns;
  }
  const sorted = patterns.toSorted(comparePatterns);
  const open = withoutImplied(sorted.filter(({ kind }) => kind !== 'exact'));
  const exact = sorted.filter(
    (pattern, index) => pattern.kind === 'exact' && !repeats(sorted, index) && !impliesSome(pattern, open),
  );
  return [...exact, ...open];
}

/** So many are compared one by one. */
const few = 4;

function isNormal(patterns: readonly Pattern[]): boolean {
  return patterns.every((pattern, index) => {
    const before = patterns[index - 1];
    const isOpen = ({ kind }: Pattern) => kind !== 'exact';
    return (
      (before === undefined || comparePatterns(before, pattern) < 0) &&
      !patterns.some((other) => other !== pattern && isOpen(other) && impliesPattern(pattern, other))
    );
  });
}

function repeats(sorted: readonly Pattern[], index: number): boolean {
  const before = sorted[index - 1];
  const pattern = sorted[index];
  return before !== undefined && pattern !== undefined && comparePatterns(before, pattern) === 0;
}

/** Prefixes come first, and among sorted ones only the last that was kept can imply the next. */
function withoutImplied(sorted: readonly Pattern[]): Members {
  let kept: Pattern[] = [];
  for (const pattern of sorted) {
    const rivals = pattern.kind === 'prefix' ? kept.slice(-1) : kept;
    if (!impliesSome(pattern, rivals)) {
      kept = pattern.kind === 'prefix' ? kept : kept.filter((other) => !impliesPattern(other, pattern));
      kept.push(pattern);
    }
  }
  return kept;
}

export function comparePatterns(a: Pattern, b: Pattern): number {
  if (a.kind !== b.kind) {
    return compareText(a.kind, b.kind);
  }
  const left = a.kind === 'present' ? '' : a.value;
  const right = b.kind === 'present' ? '' : b.value;
  return compareText(left, right);
}

export function impliesSome(pattern: Pattern, members: Members): boolean {
  for (const member of members) {
    if (impliesPattern(pattern, member)) {
      return true;
    }
  }
  return false;
}

/** Every value that matches a member of `a` matches a member of `b`. Sound, not complete. */
export function impliesMembers(a: Members, b: Members): boolean {
  if (a === b) {
    return true;
  }
  for (const pattern of a) {
    if (!impliesSome(pattern, b)) {
      return false;
    }
  }
  return true;
}

export function disjointFromAll(pattern: Pattern, members: Members): boolean {
  return members.every((member) => disjointPatterns(pattern, member));
}

/** The values that match a member of each, as one set (empty when there are none); 'both' when no one set says it. */
export function intersectMembers(a: Members, b: Members): Members | 'both' {
  const common = [...a.filter((pattern) => impliesSome(pattern, b)), ...b.filter((pattern) => impliesSome(pattern, a))];
  const left = a.filter((pattern) => !common.includes(pattern));
  const right = b.filter((pattern) => !common.includes(pattern));
  return left.every((pattern) => disjointFromAll(pattern, right)) ? normaliseMembers(common) : 'both';
}

/** `members` without those that can never match together with some member of each other set. */
export function withoutDisjoint(members: Members, others: readonly Members[]): Members {
  const kept = members.filter((pattern) => others.every((other) => !disjointFromAll(pattern, other)));
  return kept.length === members.length ? members : kept;
}
