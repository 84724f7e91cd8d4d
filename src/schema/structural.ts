/** zod -> Kubernetes structural schema, the only dialect that an API server takes in a CRD. */
import { RE2JS } from 're2js';
import type { z } from 'zod';
import { childPath, type JsonSchema, without } from './json-schema.ts';
import { rawSchema } from './raw.ts';
import { hoist, textRules } from './union.ts';

/** Keywords of JSONSchemaProps that pass as they are, in the order in which a reader wants them. */
const kept = (
  'description examples type format default nullable enum pattern minLength maxLength minimum maximum ' +
  'exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems minProperties maxProperties required ' +
  'properties additionalProperties items allOf anyOf oneOf not'
).split(' ');
/** Neither stored nor checked by the API server, so nothing is lost without them. */
const dropped = ['$schema', 'id', 'title', 'readOnly', 'deprecated', 'contentEncoding', 'definitions', 'components'];
/** Formats that apiextensions checks (formats.go); it ignores any other. */
export const knownFormats: readonly string[] =
  'uri email hostname ipv4 ipv6 cidr mac uuid byte date date-time int32 int64 password float double'.split(' ');
const formatOf: Readonly<Record<string, string>> = { cidrv4: 'cidr', cidrv6: 'cidr', base64: 'byte' };

/** For a CRD: examples (and defaults below the top fields, which GitOps tools would see as drift) become prose. */
export function structuralSchema(schema: z.ZodType): JsonSchema {
  return fold(structuralTree(schema), 0);
}

/** The same with `examples` and every `default` still keywords, for reference pages. Throws with the path. */
export function structuralTree(schema: z.ZodType): JsonSchema {
  const raw = rawSchema(schema);
  return convert(inline(raw, raw, []), '');
}

/** `.meta({id})` makes zod emit references, which a structural schema may not have. */
function inline(node: JsonSchema, root: JsonSchema, stack: readonly string[]): JsonSchema {
  const reference = node['$ref'];
  if (typeof reference === 'string') {
    const steps = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
    if (steps.length === 0 || stack.includes(reference)) throw new Error(`${reference}: a schema cannot be recursive`);
    const target = steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], root);
    return inline({ ...(target as JsonSchema), ...without(node, ['$ref']) }, root, [...stack, reference]);
  }
  return mapChildren(without(node, ['definitions', 'components']), (child) => inline(child, root, stack));
}

function mapChildren(node: JsonSchema, change: (child: JsonSchema, step: string) => JsonSchema): JsonSchema {
  const { properties, items, additionalProperties } = node;
  const list = (schemas: readonly JsonSchema[]) => schemas.map((schema) => change(schema, ''));
  return {
    ...node,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, change(child, name)])),
    }),
    ...(items && { items: change(items, '[]') }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: change(additionalProperties, '*') }),
    ...(node.allOf && { allOf: list(node.allOf) }),
    ...(node.anyOf && { anyOf: list(node.anyOf) }),
    ...(node.oneOf && { oneOf: list(node.oneOf) }),
  };
}

function convert(node: JsonSchema, at: string): JsonSchema {
  const flat = collapse(node);
  const own = checkedKeywords(flat, at);
  const variants = flat.oneOf ?? flat.anyOf;
  if (variants !== undefined) {
    const converted = variants.map((variant) => ({
      schema: convert(variant, at),
      closed: variant.additionalProperties === false,
    }));
    const { 'x-kubernetes-validations': hoistedRules = [], ...hoisted } = hoist({
      keyword: flat.oneOf === undefined ? 'anyOf' : 'oneOf',
      variants: converted,
      at,
    });
    const rules = [...hoistedRules, ...(own['x-kubernetes-validations'] ?? [])];
    const outside = without(own, ['oneOf', 'anyOf', 'x-kubernetes-validations']);
    return ordered({ ...hoisted, ...outside, ...(rules.length > 0 && { 'x-kubernetes-validations': rules }) });
  }
  if (flat.type === 'object') return ordered(objectNode(flat, own, at));
  if (flat.type === 'array') return ordered({ ...own, ...(flat.items && { items: convert(flat.items, `${at}[]`) }) });
  if (flat.type === undefined) return ordered({ ...own, 'x-kubernetes-preserve-unknown-fields': true });
  return ordered(scalarNode(own, at));
}

/** zod wraps second checks of one kind in allOf; a single one moves up, several stay as pure value checks. */
function collapse(node: JsonSchema): JsonSchema {
  if (node.allOf === undefined) return node;
  const parts = node.allOf.map((part) => without(part, node.type === part.type ? ['type'] : []));
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return collapse({ ...only, ...without(node, ['allOf']) });
  return { ...node, allOf: parts };
}

function checkedKeywords(node: JsonSchema, at: string): JsonSchema {
  const entries = Object.entries(node).filter(([keyword, value]) => {
    if (kept.includes(keyword) || keyword.startsWith('x-kubernetes-')) return value !== undefined;
    if (dropped.includes(keyword) || keyword.startsWith('x-') || keyword === 'propertyNames') return false;
    throw new Error(`${at}: "${keyword}" has no place in a structural schema`);
  });
  return Object.fromEntries(entries);
}

function objectNode(node: JsonSchema, own: JsonSchema, at: string): JsonSchema {
  const { properties = {}, additionalProperties: values } = node;
  const outside = without(own, ['properties', 'additionalProperties']);
  const fields = Object.entries(properties).map(([name, child]) => [name, convert(child, childPath(at, name))]);
  const named = fields.length === 0 ? outside : { ...outside, properties: Object.fromEntries(fields) };
  if (typeof values !== 'object') return named;
  if (Object.keys(values).length === 0) return { ...named, 'x-kubernetes-preserve-unknown-fields': true };
  if (fields.length > 0) throw new Error(`${at}: named fields and a catch-all exclude each other`);
  const keyRules = textRules(node.propertyNames ?? {}, 'key').map(({ rule, message }) => ({
    rule: `self.all(key, ${rule})`,
    message: `each key ${message}`,
  }));
  const rules = [...keyRules, ...(own['x-kubernetes-validations'] ?? [])];
  return {
    ...outside,
    additionalProperties: convert(values, childPath(at, '*')),
    ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
  };
}

function scalarNode(own: JsonSchema, at: string): JsonSchema {
  const noise = [
    // z.int() bounds itself by what a double can hold; no user needs to read that.
    ...(own.minimum === Number.MIN_SAFE_INTEGER ? ['minimum'] : []),
    ...(own.maximum === Number.MAX_SAFE_INTEGER ? ['maximum'] : []),
  ];
  const format = own.format === undefined ? undefined : (formatOf[own.format] ?? own.format);
  const known = format !== undefined && knownFormats.includes(format);
  if (own.format !== undefined && !known) {
    if (own.pattern === undefined && own.allOf === undefined) throw new Error(`${at}: no API server knows ${format}`);
    noise.push('format');
  }
  if (own.pattern !== undefined && !compiles(own.pattern)) {
    if (!known) throw new Error(`${at}: Go's RE2 does not compile ${own.pattern}`);
    noise.push('pattern');
  }
  const whole = own.type === 'number' && own.enum?.every((value) => Number.isInteger(value)) === true;
  return without({ ...own, ...(whole && { type: 'integer' }), ...(known && { format }) }, noise);
}

/** Whether the API server, which is Go, would take the pattern. */
export function compiles(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

function ordered(node: JsonSchema): JsonSchema {
  const rank = (keyword: string) => (kept.includes(keyword) ? kept.indexOf(keyword) : kept.length);
  return Object.fromEntries(Object.entries(node).toSorted(([left], [right]) => rank(left) - rank(right)));
}

function fold(node: JsonSchema, depth: number): JsonSchema {
  const keepDefault = depth === 1;
  const prose = [
    node.description,
    node.default === undefined || keepDefault ? undefined : `Default: ${JSON.stringify(node.default)}.`,
    ...(node.examples ?? []).slice(0, 1).map((example) => `Example: ${JSON.stringify(example)}`),
  ].filter((part) => part !== undefined);
  const bare = without(node, ['examples', 'description', ...(keepDefault ? [] : ['default'])]);
  const folded = { ...(prose.length > 0 && { description: prose.join(' ') }), ...bare };
  // Nothing inside oneOf has prose or defaults: hoisting has left only value checks there.
  return mapChildren(folded, (child, step) => (step === '' ? child : fold(child, depth + 1)));
}
