/**
 * What an API server checks when a CRD is created, so that a bad schema fails here and not in a user's cluster.
 * Ported from k8s.io/apiextensions-apiserver: pkg/apiserver/schema/validation.go and complete.go,
 * pkg/apis/apiextensions/validation/validation.go. Messages are theirs.
 */
import { costProblems } from './cel-cost.ts';
import { celProblems, childRuleProblems } from './cel-lint.ts';
import { houseProblems } from './house-rules.ts';
import { type JsonSchema, sameJson, without } from './json-schema.ts';
import { compiles } from './structural.ts';

type Level = 'root' | 'item' | 'field';

const typeMissing: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};
const types = ['object', 'array', 'string', 'integer', 'number', 'boolean'];
const forbiddenKeywords = '$ref $schema id definitions dependencies patternProperties additionalItems'.split(' ');
/** JSONSchemaProps: the API server prunes, or under strict validation refuses, any other keyword. */
const keywords = (
  'description type format title default nullable enum pattern minLength maxLength minimum maximum ' +
  'exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems minProperties ' +
  'maxProperties required properties additionalProperties items allOf anyOf oneOf not example ' +
  'externalDocs x-kubernetes-validations x-kubernetes-list-type x-kubernetes-list-map-keys ' +
  'x-kubernetes-map-type x-kubernetes-preserve-unknown-fields x-kubernetes-int-or-string ' +
  'x-kubernetes-embedded-resource'
).split(' ');
const nestedForbidden: Readonly<Record<string, string>> = {
  type: 'must be empty to be structural',
  title: 'must be empty to be structural',
  description: 'must be empty to be structural',
  default: 'must be undefined to be structural',
  additionalProperties: 'must be undefined to be structural',
  externalDocs: 'must be undefined to be structural',
  nullable: 'must be false to be structural',
  'x-kubernetes-preserve-unknown-fields': 'must be false to be structural',
  'x-kubernetes-embedded-resource': 'must be false to be structural',
  'x-kubernetes-int-or-string': 'must be false to be structural',
  'x-kubernetes-list-type': 'must be undefined to be structural',
  'x-kubernetes-map-type': 'must be undefined to be structural',
  'x-kubernetes-list-map-keys': 'must be empty to be structural',
  'x-kubernetes-validations': 'must be empty to be structural',
};
const intOrString = [{ type: 'integer' }, { type: 'string' }];

/** Every reason, with its path, why an API server or our own conventions would refuse the schema of a CRD. */
export function structuralProblems(schema: JsonSchema): readonly string[] {
  return [...apiServerProblems(schema), ...houseProblems(schema)].toSorted();
}

/** Only those of the API server. Paths are written as it writes them, below `openAPIV3Schema`. */
export function apiServerProblems(schema: JsonSchema): readonly string[] {
  return [...invariants(schema, 'root', ''), ...costProblems(schema)];
}

function child(path: string, step: string): string {
  return path === '' ? step : `${path}.${step}`;
}

function* invariants(node: JsonSchema, level: Level, path: string): Generator<string> {
  yield* keywordProblems(node, path);
  yield* typeProblems(node, level, path);
  yield* listProblems(node, path);
  yield* celProblems(node, path);
  yield* childRuleProblems(node, path);
  yield* valueValidation(node, node, path);
  if (node.items) yield* invariants(node.items, 'item', child(path, 'items'));
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    yield* invariants(property, 'field', child(path, `properties[${name}]`));
  }
  if (typeof node.additionalProperties === 'object') {
    yield* invariants(node.additionalProperties, 'field', child(path, 'additionalProperties'));
  }
}

function* keywordProblems(node: JsonSchema, path: string): Generator<string> {
  for (const keyword of Object.keys(node)) {
    if (forbiddenKeywords.includes(keyword)) yield `${child(path, keyword)}: Forbidden: ${keyword} is not supported`;
    else if (!keywords.includes(keyword)) yield `${child(path, keyword)}: unknown field, it would be pruned`;
  }
  if (node['uniqueItems'] === true) {
    yield `${child(path, 'uniqueItems')}: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`;
  }
  if (Array.isArray(node.items))
    yield `${child(path, 'items')}: Forbidden: items must be a schema object and not an array`;
}

function* typeProblems(node: JsonSchema, level: Level, path: string): Generator<string> {
  const loose = node['x-kubernetes-int-or-string'] === true || node['x-kubernetes-preserve-unknown-fields'] === true;
  if (node.type === undefined && !loose) yield `${child(path, 'type')}: Required value: ${typeMissing[level]}`;
  if (node.type !== undefined && !types.includes(node.type)) {
    yield `${child(path, 'type')}: Unsupported value: "${node.type}"`;
  }
  if (level === 'root' && node.type !== undefined && node.type !== 'object') {
    yield `${child(path, 'type')}: Invalid value: "${node.type}": must be object at the root`;
  }
  if (node['x-kubernetes-int-or-string'] === true && node['x-kubernetes-preserve-unknown-fields'] === true) {
    yield `${child(path, 'x-kubernetes-preserve-unknown-fields')}: Invalid value: true: must be false if x-kubernetes-int-or-string is true`;
  }
  if (node.type === 'array' && node.items === undefined) {
    yield `${child(path, 'items')}: Required value: must be specified`;
  }
  const values = child(path, 'additionalProperties');
  if (node.additionalProperties !== undefined) {
    if (level === 'root') yield `${values}: Forbidden: must not be used at the root`;
    if (node.properties) yield `${values}: Forbidden: additionalProperties and properties are mutual exclusive`;
    if (node.additionalProperties === false) {
      yield `${values}: Forbidden: additionalProperties cannot be set to false`;
    }
  }
  if (level === 'root' && node.properties?.['metadata']) {
    yield* metadataProblems(node.properties['metadata'], child(path, 'properties[metadata]'));
  }
}

function* metadataProblems(metadata: JsonSchema, path: string): Generator<string> {
  const names = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  const others = Object.keys(without(metadata, ['type', 'properties', 'default', 'description']));
  if (metadata.type !== 'object') yield `${child(path, 'type')}: Invalid value: "${metadata.type}": must be object`;
  if (names.length > 0 || others.length > 0) {
    yield `${path}: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`;
  }
}

/** List and map types of server-side apply (validation.go ValidateCustomResourceDefinitionOpenAPISchema). */
function* listProblems(node: JsonSchema, path: string): Generator<string> {
  const listType = node['x-kubernetes-list-type'];
  const keys = node['x-kubernetes-list-map-keys'];
  const keysPath = child(path, 'x-kubernetes-list-map-keys');
  if (listType === undefined) {
    if (keys)
      yield `${child(path, 'x-kubernetes-list-type')}: Required value: must be map if x-kubernetes-list-map-keys is non-empty`;
    return;
  }
  if (node.type !== 'array') {
    yield `${child(path, 'type')}: Invalid value: "${node.type}": must be array if x-kubernetes-list-type is specified`;
  }
  const items = node.items ?? {};
  if (listType === 'set' && (items.type === 'object' || items.type === 'array')) {
    yield `${child(path, 'items')}: Forbidden: set can only have scalar items here`;
  }
  if (listType !== 'map') return;
  if (!keys?.length) yield `${keysPath}: Required value: must not be empty if x-kubernetes-list-type is map`;
  for (const [index, key] of (keys ?? []).entries()) {
    const property = items.properties?.[key];
    if (!property) yield `${keysPath}[${index}]: Invalid value: "${key}": entries must all be names of item properties`;
    else if (property.type === 'object' || property.type === 'array') {
      yield `${child(path, `items.properties[${key}].type`)}: Invalid value: "${property.type}": must be a scalar type if parent array's x-kubernetes-list-type is map`;
    }
    if (!items.required?.includes(key) && property?.default === undefined) {
      yield `${child(path, `items.properties[${key}].default`)}: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`;
    }
  }
}

/** `outer` is the structural node that the checks of `node` talk about (complete.go). */
function* valueValidation(node: JsonSchema, outer: JsonSchema, path: string): Generator<string> {
  if (node.pattern !== undefined && !compiles(node.pattern)) {
    yield `${child(path, 'pattern')}: Invalid value: "${node.pattern}": must be a valid regular expression, but isn't`;
  }
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    if (junctor === 'anyOf' && node === outer && sameJson(node.anyOf, intOrString)) continue;
    for (const [index, nested] of (node[junctor] ?? []).entries()) {
      yield* nestedValidation(nested, outer, child(path, `${junctor}[${index}]`));
    }
  }
  if (node.not) yield* nestedValidation(node.not, outer, child(path, 'not'));
}

function* nestedValidation(node: JsonSchema, outer: JsonSchema, path: string): Generator<string> {
  yield* valueValidation(node, outer, path);
  for (const [keyword, message] of Object.entries(nestedForbidden)) {
    if (node[keyword] !== undefined) yield `${child(path, keyword)}: Forbidden: ${message}`;
  }
  const loose = outer['x-kubernetes-preserve-unknown-fields'] === true;
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    const inner = child(path, `properties[${name}]`);
    const known = outer.properties?.[name];
    if (name === 'metadata') yield `${inner}: Forbidden: must not be specified in a nested context`;
    if (!known && !loose) yield `${inner}: Required value: because it is defined in ${path}`;
    yield* nestedValidation(property, known ?? {}, inner);
  }
  if (node.items) {
    if (!outer.items) yield `${child(path, 'items')}: Required value: because it is defined in ${path}`;
    yield* nestedValidation(node.items, outer.items ?? {}, child(path, 'items'));
  }
}
