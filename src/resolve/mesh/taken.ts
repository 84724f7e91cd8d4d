/** What an entry takes of its virtual host's requests: its match without what the entries before it take. Hosts stand apart. */
import type { Match } from '../../ir/match.ts';
import { type Conjunction, type Constraint, conjunction } from '../../policy/decision.ts';
import { difference } from '../../policy/subtract.ts';
import { matchTerms } from './match-terms.ts';

export interface Taken {
  /** Of requests through the edge: all that it takes. */
  readonly outside: readonly Conjunction[];
  /** Why `outside` holds some that it does not take, and the edge alone can tell; empty where it is exact. */
  readonly opaque: readonly string[];
  /** Of callers inside the mesh: none that another entry takes. Undefined where the match has no words there. */
  readonly inside: readonly Conjunction[] | undefined;
}

/** `before` are those that may take some of its requests first, in any order. */
export function takenBy(match: Match, before: readonly Match[]): Taken | 'too-complex' {
  const own = matchTerms(match);
  const others = before.map(matchTerms);
  const plain = others.filter(({ opaque }) => opaque.length === 0);
  const outside = without(own.constraints, plain);
  if (outside === 'too-complex') return outside;
  // Whether one with a regular expression takes a request is not known inside: what it could take, nobody is given.
  const inside = plain.length === others.length ? outside : without(own.constraints, others);
  if (inside === 'too-complex') return inside;
  const hidden =
    outside.length === 0 ? [] : others.flatMap(({ opaque }) => opaque.map((why) => `${why} of a rule before it`));
  return {
    outside,
    opaque: [...new Set([...own.opaque, ...hidden])],
    inside: own.opaque.length === 0 ? inside : undefined,
  };
}

function without(
  constraints: readonly Constraint[],
  others: readonly { readonly constraints: readonly Constraint[] }[],
): readonly Conjunction[] | 'too-complex' {
  // Most differ by their path alone: those are one constraint, whatever their number.
  const single = others.filter((other) => other.constraints.length === 1).flatMap((other) => other.constraints);
  const several = others.filter((other) => other.constraints.length > 1);
  if (others.some((other) => other.constraints.length === 0)) return [];
  const rest = conjunction([...constraints, ...single.map((one) => ({ ...one, negated: !one.negated }))], []);
  if (rest === 'empty') return [];
  return difference(
    [rest],
    several.map((other) => ({ constraints: other.constraints, sources: [] })),
  );
}
