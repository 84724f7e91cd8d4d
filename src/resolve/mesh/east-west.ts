/** Who inside the mesh may call a workload: whom a Route's policies name, and what Service policies say. */
import { type Conjunction, type Constraint, conjunction, type Decision, intersect } from '../../policy/decision.ts';
import { eastWest, namesIdentity } from '../../policy/planes.ts';
import { difference } from '../../policy/subtract.ts';
import { exactly, noneOf } from './match-terms.ts';
import { directly, type Passage } from './passage.ts';
import type { Reached } from './reach.ts';
import { oneSetEach, type Sight, translate } from './translate.ts';

/** Of callers inside the mesh. */
export interface Inside extends Sight {
  /** Identities of edges: whoever has one of these comes from outside. */
  readonly edges: readonly string[];
  /** False where the mesh leaves paths as they are that the edge would have changed: then no path proves anything. */
  readonly trustsPaths: boolean;
}

export interface FromInside {
  readonly allow: readonly Conjunction[];
  readonly deny: readonly Conjunction[];
}

/** By a Route: those alone whom it names, and nothing that another rule takes. `decision` is without Service policies. */
export function byRoute(reached: Reached, decision: Decision, inside: Inside): FromInside | 'too-complex' {
  const written = writtenFor(reached, decision);
  if (written === 'too-complex') return written;
  const { passage } = reached;
  return {
    allow: admitting(written.allow, passage, inside),
    deny: refusing(written.deny, passage, inside),
  };
}

/** As its policies and its match have it, whoever can see that. */
export function writtenFor(reached: Reached, decision: Decision): FromInside | 'too-complex' {
  const known = remembered.get(reached) ?? new WeakMap<Decision, FromInside | 'too-complex'>();
  const written = known.get(decision) ?? write(reached, decision);
  remembered.set(reached, known.set(decision, written));
  return written;
}

/** Asked again by who reports on it, and whenever something else of the workload changes. */
const remembered = new WeakMap<Reached, WeakMap<Decision, FromInside | 'too-complex'>>();

function write(reached: Reached, decision: Decision): FromInside | 'too-complex' {
  const { allow, deny } = eastWest(decision);
  // A deny of everybody binds whom the Route lets in by name, too, and of those inside nobody else.
  const admitted = difference(
    allow.filter(namesIdentity),
    deny.filter((one) => !namesIdentity(one)),
  );
  if (admitted === 'too-complex') return admitted;
  const refused = deny.filter(namesIdentity);
  if (admitted.length + refused.length === 0) return { allow: [], deny: [] };
  const taken = reached.taken();
  if (taken === 'too-complex') return taken;
  const within = (pieces: readonly Conjunction[], all: readonly Conjunction[]) =>
    pieces.flatMap((piece) => eachWith(all, piece));
  return { allow: within(taken.inside ?? [], admitted), deny: within(taken.outside, refused) };
}

/** By Service policies: whom they admit, named or not. */
export function byService({ allow, deny }: Decision, inside: Inside): FromInside {
  const seen = eastWest({ allow, deny });
  return { allow: admitting(seen.allow, directly, inside), deny: refusing(seen.deny, directly, inside) };
}

/** Those of `all` that can hold together with `one`, both held. */
export function eachWith(all: readonly Conjunction[], one: Conjunction): readonly Conjunction[] {
  return all.map((each) => intersect(one, each)).filter((both) => both !== 'empty');
}

/** What cannot be said as it was written admits nobody. */
function admitting(all: readonly Conjunction[], passage: Passage, inside: Inside): readonly Conjunction[] {
  const said = all.flatMap((one) => {
    const { conjunction: said, lost } = translate(one, passage, inside);
    if (said === 'empty' || lost.length > 0 || (!inside.trustsPaths && said.constraints.some(isPath))) return [];
    return [said];
  });
  return insiders(said, inside);
}

/** What cannot be said as it was written refuses all that it could be about. */
function refusing(all: readonly Conjunction[], passage: Passage, inside: Inside): readonly Conjunction[] {
  const said = all.flatMap((one) => {
    const { conjunction: said } = translate(one, passage, inside);
    if (said === 'empty' || inside.trustsPaths) return said === 'empty' ? [] : [said];
    return [{ ...said, constraints: said.constraints.filter((each) => !isPath(each)) }];
  });
  return insiders(said, inside);
}

function isPath({ attribute }: Constraint): boolean {
  return attribute.kind === 'path';
}

/** But for edges. */
function insiders(all: readonly Conjunction[], { edges }: Inside): readonly Conjunction[] {
  const known = others.get(edges) ?? conjunction([noneOf({ kind: 'principal' }, edges.map(exactly))], []);
  others.set(edges, known);
  return known === 'empty' ? [] : eachWith(all, known);
}

/** Whoever is none of them. */
const others = new WeakMap<readonly string[], Conjunction | 'empty'>();

/** Both hold. What cannot be said together admits nobody. */
export function meetAll(left: readonly Conjunction[], right: readonly Conjunction[]): readonly Conjunction[] {
  const all = left.flatMap((one) => eachWith(right, one));
  return all.flatMap((one) => {
    const { conjunction: said, lost } = oneSetEach(one);
    return said === 'empty' || lost.length > 0 ? [] : [said];
  });
}
