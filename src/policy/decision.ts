/** The decision algebra: AND-ing policies is intersection in normal form. Pure, exact, and the same for every data plane. */
import type { ObjectRef } from '../kube/object.ts';
import { observability } from './attribute.ts';
import {
  addClauses,
  type Clause,
  clauseIn,
  clauseOf,
  compareClauses,
  conjunctionOf,
  intersectClauses,
  isNamed,
  normalClauses,
  sortClauses,
} from './clause.ts';
import type { Conjunction, Constraint, Decision, Source } from './constraint.ts';
import { disjointFromAll } from './members.ts';

export type { Conjunction, Constraint, Decision, ObjectRef, Source };

export const admitAll: Decision = { deny: [], allow: [{ constraints: [], sources: [] }] };
export const admitNobody: Decision = { deny: [], allow: [] };

/** Bounds the work here and the size of what is rendered; nobody reads a policy larger than this. */
export const maximumConjunctions = 512;

/** Comparing all pairs of more would stall everything else, so nobody waits to see whether they shrink to the maximum. */
const maximumUnsorted = 4 * maximumConjunctions;

/**
 * In normal form: constraints on one single-valued attribute intersected, duplicates and subsumed members dropped, sorted.
 * 'empty' when no request can match it (never when one can). Throws on an address member that is no CIDR.
 */
export function conjunction(constraints: readonly Constraint[], sources: readonly Source[]): Conjunction | 'empty' {
  const clause = clauseOf(constraints, sources);
  return clause === 'empty' ? 'empty' : conjunctionOf(clause);
}

/** What matches both; its sources are those of both. */
export function intersect(a: Conjunction, b: Conjunction): Conjunction | 'empty' {
  if (areApart(a, b)) {
    return 'empty';
  }
  const [left, right] = [clauseIn(a), clauseIn(b)];
  const both = left === 'empty' || right === 'empty' ? 'empty' : intersectClauses(left, right);
  return both === 'empty' ? 'empty' : conjunctionOf(both);
}

/** Most that meet in a route table differ by path or method: that is seen without a normal form. */
function areApart(a: Conjunction, b: Conjunction): boolean {
  for (const one of a.constraints) {
    const { kind } = one.attribute;
    if (one.negated || (kind !== 'path' && kind !== 'method')) continue;
    for (const other of b.constraints) {
      if (other.attribute.kind !== kind || other.negated) continue;
      if (one.anyOf.every((pattern) => disjointFromAll(pattern, other.anyOf))) return true;
    }
  }
  return false;
}

/**
 * The same union of requests, without conjunctions that another one covers or that match nothing; sorted. One that asks for an
 * identity of the mesh is covered only by such a one.
 */
export function normalise(conjunctions: readonly Conjunction[]): readonly Conjunction[] {
  return clausesOf(conjunctions).map(conjunctionOf);
}

function clausesOf(conjunctions: readonly Conjunction[]): readonly Clause[] {
  return normalClauses(conjunctions.map(clauseIn).filter((clause) => clause !== 'empty'));
}

/** Lists in normal form, remembered: the policies of a gateway are AND-ed on every path through it. */
export class NormalForms {
  readonly #clauses = new WeakMap<readonly Conjunction[], readonly Clause[]>();
  readonly #conjunctions = new WeakMap<readonly Clause[], readonly Conjunction[]>();

  clauses(conjunctions: readonly Conjunction[]): readonly Clause[] {
    const clauses = this.#clauses.get(conjunctions) ?? clausesOf(conjunctions);
    this.#clauses.set(conjunctions, clauses);
    return clauses;
  }

  conjunctions(clauses: readonly Clause[]): readonly Conjunction[] {
    const conjunctions = this.#conjunctions.get(clauses) ?? clauses.map(conjunctionOf);
    this.#conjunctions.set(clauses, conjunctions);
    return conjunctions;
  }
}

/** Refuses what any decision refuses. 'too-complex' when a step needs more than maximumConjunctions in deny or allow. */
export function and(decisions: readonly Decision[], forms = new NormalForms()): Decision | 'too-complex' {
  const denying = decisions.map(({ deny }) => deny).filter(({ length }) => length > 0);
  const denied = denying.length === 1 && denying[0] !== undefined ? denying[0] : denying.flat();
  if (denied.length > maximumUnsorted || decisions.some(({ allow }) => allow.length > maximumUnsorted)) {
    return 'too-complex';
  }
  const deny = forms.clauses(denied);
  // Small ones first keeps the steps small; a total order keeps the outcome independent of the caller's.
  const [first, ...others] = decisions.map(({ allow }) => forms.clauses(allow)).toSorted(bySize);
  let allow = first ?? clausesOf(admitAll.allow);
  if (Math.max(deny.length, allow.length) > maximumConjunctions) {
    return 'too-complex';
  }
  for (const next of others) {
    const product = multiply(allow, next);
    if (product === 'too-complex') {
      return 'too-complex';
    }
    allow = product;
  }
  return { deny: forms.conjunctions(deny), allow: forms.conjunctions(allow) };
}

function bySize(a: readonly Clause[], b: readonly Clause[]): number {
  const orders = a.map((clause, index) => compareClauses(clause, b[index] ?? clause));
  return a.length - b.length || (orders.find((order) => order !== 0) ?? 0);
}

function multiply(left: readonly Clause[], right: readonly Clause[]): readonly Clause[] | 'too-complex' {
  let product: readonly Clause[] = [];
  for (const clause of left) {
    const row = right.map((other) => intersectClauses(clause, other)).filter((found) => found !== 'empty');
    product = addClauses(product, row);
    if (product.length > maximumConjunctions) {
      return 'too-complex';
    }
  }
  return sortClauses(product);
}

/**
 * No request from outside is admitted without a verified token of a known provider, so a missing token is a 401 rather than a
 * 403. Conjunctions that ask for an identity of the mesh admit nobody from there.
 */
export function needsIssuer({ allow }: Decision): boolean {
  const outside = allow.filter((one) => !namesIdentity(one));
  return outside.length > 0 && outside.every(({ constraints }) => constraints.some(isIssuer));
}

/** Whether it asks for an identity of the mesh, which nobody from outside has. */
export function namesIdentity(one: Pick<Conjunction, 'constraints'>): boolean {
  return isNamed(one) ?? one.constraints.some(isWantedIdentity);
}

function isWantedIdentity({ attribute, negated }: Constraint): boolean {
  return !negated && observability(attribute) === 'mesh';
}

function isIssuer({ attribute, negated }: Constraint): boolean {
  return attribute.kind === 'issuer' && !negated;
}
