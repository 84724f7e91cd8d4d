/** Fewer and readable rules with the same meaning: what another one implies is dropped, and what differs in one set becomes one. */
import type { ClosedPort, MeshRule } from '../../ir/mesh.ts';
import { attributeKey } from '../../policy/attribute.ts';
import { type Conjunction, type Constraint, conjunction, normalise } from '../../policy/decision.ts';
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
  let current = normalise(conjunctions);
  for (;;) {
    const next = mergeOnce(current);
    if (next.length === current.length) return current;
    current = normalise(next);
  }
}

/** By one attribute after another: of those that are alike but for one set of it, the union of the sets. */
function mergeOnce(conjunctions: readonly Conjunction[]): readonly Conjunction[] {
  const keys = new Set(conjunctions.flatMap(({ constraints }) => constraints.filter(isWish).map(keyOf)));
  return [...keys].toSorted().reduce(mergeBy, conjunctions);
}

function mergeBy(conjunctions: readonly Conjunction[], key: string): readonly Conjunction[] {
  const groups = Map.groupBy(conjunctions, (one) => restText(one, key));
  if (groups.size === conjunctions.length) return conjunctions;
  return [...groups.values()].flatMap((group) => (group.length === 1 ? group : [unite(group, key)]));
}

function unite(group: readonly Conjunction[], key: string): Conjunction {
  const [first] = group;
  if (first === undefined) throw new Error('a group has a member');
  const wishes = group.flatMap(({ constraints }) => constraints.filter((one) => isWish(one) && keyOf(one) === key));
  const rest = first.constraints.filter((one) => !(isWish(one) && keyOf(one) === key));
  const [wish] = wishes;
  const all = wish === undefined ? [] : [{ ...wish, anyOf: wishes.flatMap(({ anyOf }) => anyOf) }];
  const united = conjunction(
    [...rest, ...all],
    group.flatMap(({ sources }) => sources),
  );
  return united === 'empty' ? first : united;
}

function isWish({ negated }: Constraint): boolean {
  return !negated;
}

function keyOf({ attribute }: Constraint): string {
  return attributeKey(attribute);
}

/** All but the one set of that attribute; unlike any other's where there is none, or more than one. */
function restText(one: Conjunction, key: string): string {
  const wishes = one.constraints.filter((constraint) => isWish(constraint) && keyOf(constraint) === key);
  if (wishes.length !== 1) return `${wishes.length} ${textOf(one)}`;
  const rest = one.constraints.filter((constraint) => !wishes.includes(constraint));
  return `1 ${rest.map(constraintText).join(' ')}`;
}

const texts = new WeakMap<Constraint, string>();

function constraintText(constraint: Constraint): string {
  const { attribute, negated, anyOf } = constraint;
  const text =
    texts.get(constraint) ?? `${attributeKey(attribute)}${negated ? '-' : '+'}${anyOf.map(patternKey).join(',')};`;
  texts.set(constraint, text);
  return text;
}

export function textOf({ constraints }: Conjunction): string {
  return constraints.map(constraintText).join(' ');
}
