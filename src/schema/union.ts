/** Unions, which a structural schema may not have: one object with every variant's fields, and value checks per variant. */
import { type CelRule, celString, childPath, type JsonSchema, sameJson, without } from './json-schema.ts';

const prose = ['description', 'examples'];
/** Value validations: all that may stand inside oneOf/anyOf (apiextensions schema/validation.go). */
const valueKeywords = (
  'enum pattern format minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf ' + 'allOf not'
).split(' ');
const scalarTypes = ['string', 'integer', 'number', 'boolean'];

export interface Union {
  readonly keyword: 'oneOf' | 'anyOf';
  /** Structural already; `closed` says that the variant refuses fields it does not know. */
  readonly variants: readonly { readonly schema: JsonSchema; readonly closed: boolean }[];
  readonly at: string;
}

/** Structural equivalent of a union, without description. Throws with the path when there is none. */
export function hoist(union: Union): JsonSchema {
  const schemas = union.variants.map((variant) => variant.schema);
  const ofType = (type: string) => schemas.find((schema) => schema.type === type);
  const [integer, text] = [ofType('integer') ?? ofType('number'), ofType('string')];
  if (schemas.length === 2 && integer !== undefined && text !== undefined) return intOrString(integer, text, union.at);
  if (schemas.every((schema) => schema.type === 'object' && schema.properties !== undefined)) return objects(union);
  const merged = scalars(schemas, union.at);
  // One variant without checks of its own admits everything that the others do.
  return merged.rest.some((rest) => Object.keys(rest).length === 0)
    ? merged.outer
    : withVariants(merged.outer, union.keyword, merged.rest);
}

function withVariants(outer: JsonSchema, keyword: Union['keyword'], rest: readonly JsonSchema[]): JsonSchema {
  const onlyEnums = rest.every((variant) => Object.keys(variant).join() === 'enum');
  return onlyEnums ? outer : { ...outer, [keyword]: rest };
}

function objects({ variants, keyword, at }: Union): JsonSchema {
  const names = [...new Set(variants.flatMap(({ schema }) => Object.keys(schema.properties ?? {})))];
  const common = names.filter((name) => variants.every(({ schema }) => schema.required?.includes(name)));
  const merged = names.map((name) => ({ name, ...mergeField(variants, name, childPath(at, name)) }));
  const branches = variants.map(({ schema, closed }, index) => {
    refuseRules(schema, at);
    const checks = merged.flatMap(({ name, rest }) => {
      const own = rest[index] ?? {};
      return Object.keys(own).length === 0 ? [] : [[name, own] as const];
    });
    const foreign = closed ? names.filter((name) => schema.properties?.[name] === undefined) : [];
    const required = (schema.required ?? []).filter((name) => !common.includes(name));
    return {
      ...(checks.length > 0 && { properties: Object.fromEntries(checks) }),
      ...(required.length > 0 && { required }),
      ...(foreign.length > 0 && { not: { anyOf: foreign.map((name) => ({ required: [name] })) } }),
    };
  });
  const outer: JsonSchema = {
    type: 'object',
    properties: Object.fromEntries(merged.map((field) => [field.name, field.outer])),
    ...(common.length > 0 && { required: common }),
  };
  return branches.some((branch) => Object.keys(branch).length === 0) ? outer : { ...outer, [keyword]: branches };
}

function refuseRules(variant: JsonSchema, at: string): void {
  const known = ['type', 'properties', 'required', 'default', ...prose];
  const foreign = Object.keys(variant).find((keyword) => !known.includes(keyword));
  if (foreign !== undefined) throw new Error(`${at}: a variant of a union has ${foreign}; put it on the union`);
}

/** One property over the variants that have it: what holds outside, and what is left for each (by variant index). */
function mergeField(variants: Union['variants'], name: string, at: string) {
  const owners = variants.map(({ schema }) => schema.properties?.[name]);
  const present = owners.filter((schema) => schema !== undefined);
  const { outer, rest } = scalars(present, at);
  let next = 0;
  return { outer, rest: owners.map((schema) => (schema === undefined ? {} : (rest[next++] ?? {}))) };
}

interface Merged {
  readonly outer: JsonSchema;
  readonly rest: readonly JsonSchema[];
}

function scalars(schemas: readonly JsonSchema[], at: string): Merged {
  const [first = {}, ...others] = schemas;
  const bare = schemas.map((schema) => without(schema, prose));
  if (bare.every((schema) => sameJson(schema, bare[0]))) return { outer: first, rest: schemas.map(() => ({})) };
  const shapes = bare.map((schema) => without(schema, valueKeywords));
  if (!scalarTypes.includes(first.type ?? '') || !shapes.every((shape) => sameJson(shape, shapes[0]))) {
    throw new Error(`${at}: the variants of a union differ here in more than value checks; give each its own field`);
  }
  const shared = Object.entries(first).filter(
    ([keyword, value]) =>
      !valueKeywords.includes(keyword) || others.every((schema) => sameJson(schema[keyword], value)),
  );
  const outer: JsonSchema = { ...Object.fromEntries(shared), ...widest(schemas) };
  const rest = schemas.map((schema) =>
    Object.fromEntries(
      Object.entries(schema).filter(
        ([keyword, value]) => valueKeywords.includes(keyword) && !sameJson(outer[keyword], value),
      ),
    ),
  );
  return { outer, rest };
}

/** Bounds that hold in every variant: CEL's cost estimate looks only at what stands outside oneOf. */
function widest(schemas: readonly JsonSchema[]): JsonSchema {
  const lengths = schemas.map((schema) => schema.maxLength);
  const members = schemas.map((schema) => schema.enum);
  return {
    ...(lengths.every((length) => length !== undefined) && { maxLength: Math.max(...lengths) }),
    ...(members.every((list) => list !== undefined) && { enum: [...new Set(members.flat())] }),
  };
}

/**
 * The one literal form that the API server takes. Bounds stand beside it: each keyword looks only at values of its type
 * (as in controller-gen's `pattern` of a Quantity), and costs nothing of CEL's budget.
 */
function intOrString(integer: JsonSchema, text: JsonSchema, at: string): JsonSchema {
  const bounds = { ...without(integer, ['type', ...prose]), ...without(text, ['type', ...prose]) };
  const foreign = Object.keys(bounds).find((keyword) => ['enum', 'default', 'not', 'allOf'].includes(keyword));
  if (integer.type !== 'integer' || foreign !== undefined) {
    throw new Error(
      `${at}: an int-or-string takes integers, ranges, lengths and a pattern, not ${foreign ?? 'fractions'}`,
    );
  }
  return { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }], ...bounds };
}

/** Length and pattern of a string as CEL over the named variable: for places that have no keyword for them. */
export function textRules({ minLength, maxLength, pattern }: JsonSchema, name: string): readonly CelRule[] {
  const rules: CelRule[] = [];
  if (minLength !== undefined) rules.push({ rule: `size(${name}) >= ${minLength}`, message: 'is too short' });
  if (maxLength !== undefined) {
    rules.push({ rule: `size(${name}) <= ${maxLength}`, message: `must have at most ${maxLength} characters` });
  }
  if (pattern !== undefined) {
    rules.push({ rule: `${name}.matches(${celString(pattern)})`, message: `must match ${pattern}` });
  }
  return rules;
}
