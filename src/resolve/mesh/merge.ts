/** Fewer and readable rules with the same meaning: what another one implies is dropped, and what differs in one set becomes one. */
import type { ClosedPort, MeshRule } from '../../ir/mesh.ts';
import { attributeKey, isAddress } from '../../policy/attribute.ts';
import { type Clause, clauseIn, conjunctionOf, normalClauses, uniteClauses } from '../../policy/clause.ts';
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
  let current = normalClauses(conjunctions.map(clauseIn).filter((clause) => clause !== 'empty'));
  for (;;) {
    const next = mergeOnce(current);
    if (next.length === current.length) return current.map(conjunctionOf);
    current = normalClauses(next);
  }
}

/** By one attribute after another: of those that are alike but for one set of it, the union of the sets. */
function mergeOnce(clauses: readonly Clause[]): readonly Clause[] {
  const numbers = new Map<string, number>();
  return tellingKeys(clauses).reduce((all, key) => mergeBy(all, key, numbers), clauses);
}

/** Of attributes of which clauses have different sets: no two of them are alike but for one that all have alike. */
function tellingKeys(clauses: readonly Clause[]): readonly string[] {
  const texts = new Map<string, string>();
  const keys = new Set<string>();
  for (const { key, text } of clauses.flatMap(({ groups }) => groups.filter(isMergeable))) {
    if (texts.has(key) && texts.get(key) !== text) keys.add(key);
    texts.set(key, text);
  }
  return [...keys].toSorted();
}

function mergeBy(clauses: readonly Clause[], key: string, numbers: Map<string, number>): readonly Clause[] {
  const alike = Map.groupBy(clauses, (one) => restText(one, key, numbers));
  if (alike.size === clauses.length) return clauses;
  return [...alike.values()].flatMap((each) => (each.length === 1 ? each : uniteClauses(each, key)));
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
  let all = '';
  for (const group of groups) {
    const isOpen = group.key === key && isMergeable(group);
    const text = isOpen ? `? ${group.unwanted.map(patternKey).join(',')}` : group.text;
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    all += `${number} `;
  }
  return all;
}

function constraintText({ attribute, negated, anyOf }: Constraint): string {
  return `${attributeKey(attribute)}${negated ? '-' : '+'}${anyOf.map(patternKey).join(',')};`;
}

export function textOf({ constraints }: Conjunction): string {
  return constraints.map(constraintText).join(' ');
}
