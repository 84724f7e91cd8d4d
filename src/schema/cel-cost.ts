/**
 * A rough upper estimate of what the API server's CEL cost estimator says (cel-go checker/cost.go, k8s.io/apiserver
 * pkg/cel/library/cost.go). A rule above 10 M, times the number of values it may run on, makes the API server refuse
 * the whole CRD; `pattern`, `not` and other keywords cost nothing.
 */
import type { JsonSchema } from './json-schema.ts';

const ruleBudget = 10_000_000;
const totalBudget = 100_000_000;
/** Where a schema sets no bound, the estimator takes what fits into a request of 3 MB. */
const requestBytes = 3_145_728;

type Variables = ReadonlyMap<string, JsonSchema>;

/** Rules over their budget, and the CRD over its own. Paths as the API server writes them. */
export function costProblems(schema: JsonSchema): readonly string[] {
  const costs = [...ruleCosts(schema, '', 1)];
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  return [
    ...costs
      .filter(({ cost }) => cost > ruleBudget)
      .map(
        ({ at, cost }) =>
          `${at}: Forbidden: estimated rule cost exceeds budget by factor of about ${(cost / ruleBudget).toFixed(1)}x`,
      ),
    ...(total > totalBudget
      ? [
          `Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of about ${(total / totalBudget).toFixed(1)}x`,
        ]
      : []),
  ];
}

interface RuleCost {
  readonly at: string;
  readonly cost: number;
}

function* ruleCosts(node: JsonSchema, path: string, times: number): Generator<RuleCost> {
  const child = (step: string) => (path === '' ? step : `${path}.${step}`);
  for (const [index, { rule }] of (node['x-kubernetes-validations'] ?? []).entries()) {
    yield { at: child(`x-kubernetes-validations[${index}].rule`), cost: times * ruleCost(rule, node) };
  }
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    yield* ruleCosts(property, child(`properties[${name}]`), times);
  }
  if (node.items) yield* ruleCosts(node.items, child('items'), times * count(node));
  if (typeof node.additionalProperties === 'object') {
    yield* ruleCosts(node.additionalProperties, child('additionalProperties'), times * count(node));
  }
}

/** Estimated cost of one run of a rule on a value of the schema. */
export function ruleCost(rule: string, node: JsonSchema): number {
  const literals: string[] = [];
  const code = rule.replace(/'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"/g, (_, single?: string, double?: string) => {
    literals.push(single ?? double ?? '');
    return `#${literals.length - 1}#`;
  });
  return expressionCost(code, literals, new Map([['self', node]]));
}

const macro = /([A-Za-z_][\w.]*|\])\.(all|exists|exists_one|filter|map)\(\s*([A-Za-z_]\w*)\s*,/;

function expressionCost(code: string, literals: readonly string[], variables: Variables): number {
  const found = macro.exec(code);
  if (found === null) return plainCost(code, literals, variables);
  const [opening = '', range = '', , name = ''] = found;
  const start = found.index + opening.length;
  const end = closing(code, start);
  const list = range === ']' ? undefined : resolve(range, variables);
  const times = range === ']' ? code.slice(0, found.index).split(',').length : count(list);
  const member = list?.items ?? (typeof list?.additionalProperties === 'object' ? { type: 'string' } : {});
  const body = expressionCost(code.slice(start, end), literals, new Map([...variables, [name, member]]));
  const rest = `${code.slice(0, found.index)}${range === ']' ? ']' : range} ${code.slice(end + 1)}`;
  return times * (body + 3) + expressionCost(rest, literals, variables);
}

function closing(code: string, start: number): number {
  let depth = 1;
  for (let index = start; index < code.length; index++) {
    if (code[index] === '(') depth++;
    if (code[index] === ')') depth--;
    if (depth === 0) return index;
  }
  return code.length;
}

/** Receiver, calls without arguments in between, function, and its argument if that is a literal. */
const stringCall =
  /\b([A-Za-z_]\w*(?:\.\w+(?![\w(]))*)((?:\.\w+\(\))*)\.(matches|contains|startsWith|endsWith|\w+Ascii)\((?:#(\d+)#)?/g;

/** Selections and operators cost about one each, lists ten; functions on strings go by length. */
function plainCost(code: string, literals: readonly string[], variables: Variables): number {
  const simple = (code.match(/[A-Za-z_]\w*|[=!<>]=|&&|\|\||[<>?+*]/g) ?? []).length + 10 * code.split('[').length - 10;
  let cost = simple;
  for (const [, receiver = '', between = '', called, literal] of code.matchAll(stringCall)) {
    // `self.lowerAscii().matches(…)`: what is changed on the way keeps its length, and costs a walk over it.
    const steps = between.split('()').length - 1;
    const walk = Math.ceil((bytes(resolve(receiver, variables)) + 1) * 0.1);
    const argument = literals[Number(literal)]?.length ?? 1000;
    cost += steps * walk;
    if (called === 'matches') cost += walk * Math.ceil(argument * 0.25);
    else if (called === 'contains') cost += walk * Math.ceil(argument * 0.1);
    else if (called === 'startsWith' || called === 'endsWith') cost += Math.ceil(argument * 0.1);
    else cost += walk;
  }
  return cost;
}

function resolve(chain: string, variables: Variables): JsonSchema | undefined {
  const [root = '', ...fields] = chain.split('.');
  return fields.reduce<JsonSchema | undefined>((node, field) => node?.properties?.[field], variables.get(root));
}

/** The estimator counts a character as up to four bytes. */
function bytes(node: JsonSchema | undefined): number {
  if (node?.enum) return Math.max(...node.enum.map((value) => String(value).length));
  return Math.min(requestBytes, 4 * (node?.maxLength ?? requestBytes));
}

function count(node: JsonSchema | undefined): number {
  return node?.maxItems ?? node?.maxProperties ?? requestBytes / 2;
}
