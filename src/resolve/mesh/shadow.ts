/** What would be decided, as far as it can be counted: tokens of issuers that no policy in force names are not verified. */
import type { Issuer } from '../../ir/guard.ts';
import type { MeshDecision, MeshRule } from '../../ir/mesh.ts';
import { conjunction } from '../../policy/decision.ts';

export function observable({ deny, allow }: MeshDecision, issuers: readonly Issuer[]): MeshDecision {
  const known = new Set(issuers.map(({ id }) => id));
  const withIssuers = (rules: readonly MeshRule[]) => rules.flatMap((rule) => knownTokens(rule, known));
  return { deny: withIssuers(deny), allow: withIssuers(allow) };
}

function knownTokens(rule: MeshRule, known: ReadonlySet<string>): readonly MeshRule[] {
  const constraints = rule.conjunction.constraints.map((constraint) =>
    constraint.attribute.kind === 'issuer'
      ? { ...constraint, anyOf: constraint.anyOf.filter((pattern) => 'value' in pattern && known.has(pattern.value)) }
      : constraint,
  );
  const one = conjunction(constraints, rule.conjunction.sources);
  return one === 'empty' ? [] : [{ ...rule, conjunction: one }];
}
