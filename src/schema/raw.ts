/** What zod says of a schema, in OpenAPI 3.0, with what its own conversion loses written back. */
import { z } from 'zod';
import { type CelRule, childPath, type JsonSchema } from './json-schema.ts';

/** How many checks only zod runs; counted so that each can be asked for its CEL twin. */
const refinements = 'x-refinements';
const tolerant = 'x-strips-unknown-fields';

interface Visit {
  readonly zodSchema: z.core.$ZodTypes;
  readonly jsonSchema: Record<string, unknown>;
  readonly path: readonly (string | number)[];
}

const unrepresentable = new Set(
  'bigint symbol undefined void date map set nan custom function promise file tuple transform null'.split(' '),
);

/** Throws with the path for a type that no API server could check. */
export function rawSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
    override: (context) =>
      annotate({ zodSchema: context.zodSchema, jsonSchema: context.jsonSchema, path: context.path ?? [] }),
  }) as JsonSchema;
}

function annotate(visit: Visit): void {
  const { def } = visit.zodSchema._zod;
  if (unrepresentable.has(def.type)) {
    throw new Error(`${fieldPath(visit.path)}: zod's ${def.type} has no structural schema`);
  }
  const checks = (def.checks ?? []).map((check) => check._zod.def as { readonly check: string; pattern?: unknown });
  const custom = checks.filter((check) => check.check === 'custom').length;
  if (custom > 0) visit.jsonSchema[refinements] = custom;
  for (const { pattern } of checks) {
    if (pattern instanceof RegExp && pattern.flags.replace('u', '') !== '') {
      throw new Error(`${fieldPath(visit.path)}: the flags of ${String(pattern)} do not reach a CRD`);
    }
  }
  if (def.type === 'object' && def.catchall === undefined) visit.jsonSchema[tolerant] = true;
  if (def.type === 'record') annotateRecord(visit.jsonSchema, def.keyType);
}

/** zod drops the key schema for OpenAPI: finite keys are properties, others keep their bounds as `propertyNames`. */
function annotateRecord(json: Record<string, unknown>, keyType: z.core.$ZodType): void {
  const keys = rawSchema(keyType as z.ZodType);
  if (keys.enum === undefined) {
    if (Object.keys(keys).some((keyword) => keyword !== 'type')) json['propertyNames'] = keys;
    return;
  }
  json['properties'] = Object.fromEntries(keys.enum.map((key) => [String(key), json['additionalProperties']]));
  json['additionalProperties'] = false;
}

function fieldPath(path: readonly (string | number)[]): string {
  const steps = path.map((step, index) => {
    if (step === 'items') return '[]';
    if (step === 'additionalProperties') return '.*';
    return path[index - 1] === 'properties' ? `.${step}` : '';
  });
  return steps.join('').replace(/^\./, '') || 'the root';
}

/**
 * Places where zod refuses what the API server would store: a refinement without as many `x-kubernetes-validations`
 * (or `not`, or bounds) on the same schema, and objects that are not strict. `rules` are those of the root.
 */
export function zodOnlyChecks(schema: z.ZodType, rules: readonly CelRule[] = []): readonly string[] {
  const raw = rawSchema(schema);
  const own = raw['x-kubernetes-validations'] ?? [];
  return [...looseEnds({ ...raw, 'x-kubernetes-validations': [...own, ...rules] }, '')];
}

function* looseEnds(node: JsonSchema, at: string): Generator<string> {
  const checks = Number(node[refinements] ?? 0);
  const bounds = [node.maxProperties, node.minProperties, node['x-kubernetes-list-map-keys']];
  const refusals = node.not === undefined ? 0 : (node.not.anyOf?.length ?? 1);
  const rules = (node['x-kubernetes-validations'] ?? []).length;
  const twins = rules + refusals + bounds.filter((bound) => bound !== undefined).length;
  if (checks > twins) yield `${at}: ${checks} zod refinements but ${twins} rules for the API server`;
  if (node[tolerant] === true) yield `${at}: use z.strictObject; z.object drops unknown fields without a word`;
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* looseEnds(child, childPath(at, name));
  if (node.items !== undefined) yield* looseEnds(node.items, `${at}[]`);
  if (typeof node.additionalProperties === 'object') yield* looseEnds(node.additionalProperties, `${at}.*`);
  for (const variant of [...(node.oneOf ?? []), ...(node.anyOf ?? [])]) yield* looseEnds(variant, at);
}
