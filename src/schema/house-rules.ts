/** Our own conventions for CRD schemas: prose for people, bounds for CEL's cost budget (10 M per rule, 100 M per CRD). */
import { childPath, type JsonSchema } from './json-schema.ts';
import { knownFormats } from './structural.ts';

interface Place {
  readonly at: string;
  /** Some rule here or further out may walk over this value. */
  readonly underRule: boolean;
  readonly inList: boolean;
}

/** What every object has and Kubernetes documents itself. */
const envelope = ['apiVersion', 'kind', 'metadata'];

/** Fields without description or example, unbounded values, defaults inside lists (GitOps tools report them as drift). */
export function houseProblems(schema: JsonSchema): readonly string[] {
  return [...check(schema, { at: '', underRule: false, inList: false })];
}

function* check(node: JsonSchema, place: Place): Generator<string> {
  const { at } = place;
  const underRule = place.underRule || (node['x-kubernetes-validations'] ?? []).length > 0;
  yield* boundProblems(node, at, underRule);
  if (place.inList && node.default !== undefined) yield `${at}: has a default inside a list`;
  const isObject = at === '' && node.properties?.['metadata'] !== undefined;
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    if (isObject && envelope.includes(name)) continue;
    const inner = childPath(at, name);
    // The examples of spec and status are those of their fields.
    if (!(isObject && ['spec', 'status'].includes(name))) yield* proseProblems(property, inner);
    yield* check(property, { ...place, at: inner, underRule });
  }
  if (node.items) yield* check(node.items, { at: `${at}[]`, underRule, inList: true });
  if (typeof node.additionalProperties === 'object') {
    yield* check(node.additionalProperties, { at: childPath(at, '*'), underRule, inList: true });
  }
}

function* proseProblems(node: JsonSchema, at: string): Generator<string> {
  const [text = '', example] = (node.description ?? '').split(' Example: ');
  if (text === '') yield `${at}: has no description`;
  else if (!/[.:)]$/.test(text)) yield `${at}: its description does not end with a full stop`;
  if (example === undefined) yield `${at}: has no example`;
}

function* boundProblems(node: JsonSchema, at: string, underRule: boolean): Generator<string> {
  if (node.type === 'array' && node.maxItems === undefined) yield `${at}: a list needs maxItems`;
  if (node.type === 'string') {
    if (node.format !== undefined && !knownFormats.includes(node.format)) {
      yield `${at}: the API server ignores the format "${node.format}"`;
    }
    const bounded = node.maxLength !== undefined || node.enum !== undefined || knownFormats.includes(node.format ?? '');
    if (!bounded) yield `${at}: a string needs maxLength, enum or a format`;
  }
  if (underRule && typeof node.additionalProperties === 'object' && node.maxProperties === undefined) {
    yield `${at}: a map under a CEL rule needs maxProperties`;
  }
}
