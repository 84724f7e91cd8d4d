/** Hosts in decisions, without the ports that clients may write behind them. */
import type { Constraint, Decision } from '../../policy/decision.ts';
import { normalise } from '../../policy/decision.ts';
import type { Pattern } from '../../policy/pattern.ts';

/**
 * The decision as it is for hosts without a port; undefined where a policy names a port. Elsewhere a host is decided alike
 * with and without one (`h` is written `h` and `h:*`), and patterns of bare hosts can be told apart more often.
 */
export function ofBareHosts({ deny, allow }: Decision): Decision | undefined {
  const lists = [deny, allow];
  const hosts = lists.flatMap((list) => list.flatMap(({ constraints }) => constraints.filter(isHost)));
  if (hosts.some(({ anyOf }) => anyOf.some(namesPort))) return undefined;
  if (hosts.length === 0) return { deny, allow };
  const [denied = [], allowed = []] = lists.map((list) =>
    normalise(list.map(({ constraints, sources }) => ({ constraints: constraints.map(bare), sources }))),
  );
  return { deny: denied, allow: allowed };
}

function isHost({ attribute }: Constraint): boolean {
  return attribute.kind === 'host';
}

function namesPort(pattern: Pattern): boolean {
  return pattern.kind !== 'present' && pattern.value.slice(0, -1).includes(':');
}

function bare(constraint: Constraint): Constraint {
  if (!isHost(constraint)) return constraint;
  const anyOf = constraint.anyOf.filter((pattern) => pattern.kind !== 'prefix' || !pattern.value.endsWith(':'));
  return { ...constraint, anyOf: anyOf.map(withoutPort) };
}

function withoutPort(pattern: Pattern): Pattern {
  return pattern.kind === 'suffix-any-port' ? { kind: 'suffix', value: pattern.value } : pattern;
}
