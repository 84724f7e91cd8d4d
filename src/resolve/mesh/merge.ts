/** Fewer and readable rules with the same meaning: what another one implies is dropped, and what differs in one set becomes one. */
import type { ClosedPort, MeshRule } from '../../ir/mesh.ts';
import { attributeKey, isAddress } from '../../policy/attribute.ts';
import { addClauses, type Clause, clauseIn, clauseOf, conjunctionOf, sortClauses } from '../../policy/clause.ts';
import { type Conjunction, type Constraint, conjunction } from '../../policy/decision.ts';
import type { Group } from '../../policy/group.ts';
import { patternKey } from '../../policy/pattern.ts';

/** Sorted, so that the order they come in changes nothing. */
export function mergeRules(rules: readonly MeshRule[]): readonly MeshRule[] {
  const byPorts = Map.groupBy(rules, ({ ports }) => portsKey(ports));
  const merged = [...byPorts.entries()].flatMap(([, group]) => {
    const ports = group[0]?.ports ?? [];
    return mergeConjunctions(group.map((rule) => rule.conjunction)).map((one) => ({ ports, conjunction: one }));
  });
  const byText = Map.groupBy(merged, (rule) => textOf(rule.conjunction));
  return [...byText]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .flatMap(([, group]) => (group.length === 1 ? group : [unitePorts(group)]));
}

export function portsKey(ports: readonly ClosedPort[]): string {
  return ports.map(({ service, port }) => `${service}:${port}`).join(' ');
}

/** Each once, by service and port. */
export function sortPorts(ports: readonly ClosedPort[]): readonly ClosedPort[] {
  const byKey = new Map(ports.map((port) => [`${port.service}:${port.port}`, port]));
  return [...byKey.values()].toSorted((a, b) =>
    a.service === b.service ? a.port - b.port : a.service < b.service ? -1 : 1,
  );
}

function unitePorts(rules: readonly MeshRule[]): MeshRule {
  const [first] = rules;
  const constraints = first?.conjunction.constraints ?? [];
  const united = conjunction(
    constraints,
    rules.flatMap((rule) => rule.conjunction.sources),
  );
  return {
    ports: sortPorts(rules.flatMap(({ ports }) => ports)),
    conjunction: united === 'empty' ? { constraints, sources: [] } : united,
  };
}

export function mergeConjunctions(conjunctions: readonly Conjunction[]): readonly Conjunction[] {
  let current = normal(conjunctions.map(clauseIn));
  for (;;) {
    const next = mergeOnce(current);
    if (next.length === current.length) return current.map(conjunctionOf);
    current = normal(next);
  }
}

/** Sorted first: of two that imply each other, the same one stays whatever the order they came in. */
function normal(clauses: readonly (Clause | 'empty')[]): readonly Clause[] {
  return sortClauses(addClauses([], sortClauses(clauses.filter((clause) => clause !== 'empty'))));
}

/** By one attribute after another: of those that are alike but for one set of it, the union of the sets. */
function mergeOnce(clauses: readonly Clause[]): readonly Clause[] {
  if (clauses.length < 2) return clauses;
  const keys = new Set(clauses.flatMap(({ groups }) => groups.filter(isMergeable).map(({ key }) => key)));
  const numbers = new Map<string, number>();
  return [...keys].toSorted().reduce((all, key) => mergeBy(all, key, numbers), clauses);
}

function mergeBy(clauses: readonly Clause[], key: string, numbers: Map<string, number>): readonly Clause[] {
  const groups = Map.groupBy(clauses, (one) => restText(one, key, numbers));
  if (groups.size === clauses.length) return clauses;
  return [...groups.values()].flatMap((group) => (group.length === 1 ? group : unite(group, key)));
}

function unite(alike: readonly Clause[], key: string): readonly Clause[] {
  const sets = alike.flatMap(({ groups }) => groups.flatMap((group) => (group.key === key ? group.wanted.flat() : [])));
  const all = alike.map(conjunctionOf);
  const united = (all[0]?.constraints ?? []).map((constraint) =>
    !constraint.negated && attributeKey(constraint.attribute) === key ? { ...constraint, anyOf: sets } : constraint,
  );
  const clause = clauseOf(
    united,
    all.flatMap(({ sources }) => sources),
  );
  return clause === 'empty' ? alike : [clause];
}

/** Addresses are written otherwise than they are held, and none is told to Istio. */
function isMergeable({ wanted, attribute }: Group): boolean {
  return wanted.length === 1 && !isAddress(attribute);
}

/**
 * All but the one set of that attribute; unlike any other's where there is none, or more than one. Each part is told by a
 * number: the texts are long, and there is one of these for each clause and attribute.
 */
function restText({ groups }: Clause, key: string, numbers: Map<string, number>): string {
  const numberOf = (text: string) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
  const parts = groups.map((group) =>
    numberOf(group.key === key && isMergeable(group) ? `? ${group.unwanted.map(patternKey).join(',')}` : group.text),
  );
  return parts.join(' ');
}

function constraintText({ attribute, negated, anyOf }: Constraint): string {
  return `${attributeKey(attribute)}${negated ? '-' : '+'}${anyOf.map(patternKey).join(',')};`;
}

export function textOf({ constraints }: Conjunction): string {
  return constraints.map(constraintText).join(' ');
}
