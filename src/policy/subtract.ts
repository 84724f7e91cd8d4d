/** Differences of sets of requests, exact but for what no one pattern says: what a new decision admits and an old one did not. */
import { clauseIn, impliesClause } from './clause.ts';
import type { Conjunction, Constraint, Decision } from './constraint.ts';
import { intersect, normalise } from './decision.ts';

/** More pieces than these are left as they are: the answer is then too wide, never too narrow. */
const mostPieces = 256;

/** Every request that matches `a` matches `b`. Sound, not complete. */
export function implies(a: Conjunction, b: Conjunction): boolean {
  const narrow = clauseIn(a);
  const wide = clauseIn(b);
  return narrow === 'empty' || (wide !== 'empty' && impliesClause(narrow, wide));
}

/** The requests that match one of `from` and none of `minus`; with too many pieces, some of `minus` are left in. */
export function subtract(from: readonly Conjunction[], minus: readonly Conjunction[]): readonly Conjunction[] {
  return minus.reduce<readonly Conjunction[]>((left, one) => subtractStep(left, one) ?? left, from);
}

/** As subtract, but exact or nothing. */
export function difference(
  from: readonly Conjunction[],
  minus: readonly Conjunction[],
): readonly Conjunction[] | 'too-complex' {
  let left = from;
  for (const one of minus) {
    const next = subtractStep(left, one);
    if (next === undefined) return 'too-complex';
    left = next;
  }
  return left;
}

/** Undefined with too many pieces. */
function subtractStep(left: readonly Conjunction[], one: Conjunction): readonly Conjunction[] | undefined {
  const pieces = left.flatMap((each) => subtractOne(each, one));
  if (pieces.length > 4 * mostPieces) return undefined;
  const next = pieces.length < 2 ? pieces : normalise(pieces);
  return next.length > mostPieces ? undefined : next;
}

/** `a` and not `b` is `a` with any one constraint of `b` turned around. */
function subtractOne(a: Conjunction, b: Conjunction): readonly Conjunction[] {
  if (intersect(a, b) === 'empty') return [a];
  if (implies(a, b)) return [];
  return b.constraints.flatMap((constraint) => {
    const piece = intersect(a, { constraints: [turned(constraint)], sources: [] });
    return piece === 'empty' ? [] : [piece];
  });
}

function turned(constraint: Constraint): Constraint {
  return { ...constraint, negated: !constraint.negated };
}

/** What both match, one by one. */
export function meet(a: readonly Conjunction[], b: readonly Conjunction[]): readonly Conjunction[] {
  const all = a.flatMap((one) => b.map((other) => intersect(one, other))).filter((one) => one !== 'empty');
  return all.length < 2 || all.length > 4 * mostPieces ? all : normalise(all);
}

/**
 * The requests within `where` that `after` admits and `before` refuses. Empty only when there is none; what is left may be
 * wider than the truth, so a request that is to prove it must be asked of both.
 */
export function gained(before: Decision, after: Decision, where: readonly Conjunction[]): readonly Conjunction[] {
  const admitted = subtract(meet(where, after.allow), after.deny);
  if (admitted.length === 0) return admitted;
  const unlisted = subtract(admitted, before.allow);
  const denied = before.deny.length === 0 ? [] : meet(admitted, before.deny);
  return normalise([...unlisted, ...denied]);
}
