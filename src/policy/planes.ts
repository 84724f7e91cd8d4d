/** What of a decision each plane is told: the edge, the mesh behind an edge (north–south), the mesh inside (east–west). */
import { observability } from './attribute.ts';
import type { Conjunction, Constraint, Decision } from './constraint.ts';
import { namesIdentity, normalise } from './decision.ts';

export { namesIdentity };

/** A conjunction with fewer constraints than were written. */
export interface Projected {
  readonly conjunction: Conjunction;
  /** Edge-only constraints that were left out: the edge has held them against the request before it went on. */
  readonly lost: readonly Constraint[];
}

function isMeshOnly({ attribute }: Constraint): boolean {
  return observability(attribute) === 'mesh';
}

function isEdgeOnly({ attribute }: Constraint): boolean {
  return observability(attribute) === 'edge';
}

/**
 * As requests from outside meet it: who asks for an identity of the mesh is asked in vain, who refuses one refuses nothing.
 * Says the same as the whole decision of every request without `principal`. The same object when there is nothing to leave out.
 */
export function edgeDecision(decision: Decision): Decision {
  const known = edgeDecisions.get(decision) ?? projectOutside(decision);
  edgeDecisions.set(decision, known);
  return known;
}

/** Many routes share a decision, and each asks several times. */
const edgeDecisions = new WeakMap<Decision, Decision>();

function projectOutside(decision: Decision): Decision {
  const deny = fromOutside(decision.deny);
  const allow = fromOutside(decision.allow);
  return deny === decision.deny && allow === decision.allow ? decision : { deny, allow };
}

function fromOutside(conjunctions: readonly Conjunction[]): readonly Conjunction[] {
  if (!conjunctions.some(({ constraints }) => constraints.some(isMeshOnly))) return conjunctions;
  const outside = conjunctions.filter((one) => !namesIdentity(one));
  const isSaid = outside.every(({ constraints }) => !constraints.some(isMeshOnly));
  return isSaid ? outside : normalise(outside.map((one) => without(one, isMeshOnly)));
}

function without(conjunction: Conjunction, isLost: (constraint: Constraint) => boolean): Conjunction {
  if (!conjunction.constraints.some(isLost)) return conjunction;
  return { ...conjunction, constraints: conjunction.constraints.filter((constraint) => !isLost(constraint)) };
}

/**
 * What the mesh repeats to an edge's identity. Whatever the edge admits, this admits. `allow`: all that edgeDecision has, with
 * what only the edge sees left out of it. `deny`: those alone of which nothing is lost; without a constraint, negated or not, a
 * deny would refuse more than was written, and the edge has refused all that it was written for.
 */
export function northSouth(decision: Decision): Repeated {
  const known = repeated.get(decision) ?? repeat(edgeDecision(decision));
  repeated.set(decision, known);
  return known;
}

interface Repeated {
  readonly allow: readonly Projected[];
  readonly deny: readonly Projected[];
}

const repeated = new WeakMap<Decision, Repeated>();

function repeat({ allow, deny }: Decision): Repeated {
  return { allow: allow.map(portable), deny: deny.map(portable).filter(({ lost }) => lost.length === 0) };
}

function portable(conjunction: Conjunction): Projected {
  return { conjunction: without(conjunction, isEdgeOnly), lost: conjunction.constraints.filter(isEdgeOnly) };
}

/**
 * As callers inside the mesh meet it, of whom nothing is known that only the edge sees: who asks for such a thing is asked in
 * vain, who refuses one refuses nothing. Says the same as the whole decision of every request without those facts. What admits
 * (`allow`) and refuses (`deny`) because of an identity is told apart by namesIdentity.
 */
export function eastWest(decision: Decision): Decision {
  return { deny: fromInside(decision.deny), allow: fromInside(decision.allow) };
}

function fromInside(conjunctions: readonly Conjunction[]): readonly Conjunction[] {
  if (!conjunctions.some(({ constraints }) => constraints.some(isEdgeOnly))) return conjunctions;
  const possible = conjunctions.filter(({ constraints }) =>
    constraints.every((one) => one.negated || !isEdgeOnly(one)),
  );
  return possible.map((one) => without(one, isEdgeOnly));
}
