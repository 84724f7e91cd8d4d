/** Which fields a CRD's schema knows, without what it says of their values. */
import type { JsonSchema } from '../schema/json-schema.ts';

/** By name; below `[]` the items of a list, below `{}` the values of a map, and `*` where any field is kept. */
export interface Fields {
  readonly [name: string]: Fields;
}

export function fieldsOf(schema: JsonSchema): Fields {
  const { properties = {}, items, additionalProperties } = schema;
  const named = Object.entries(properties).map(([name, child]) => [name, fieldsOf(child)] as const);
  return Object.fromEntries([
    ...named,
    ...(items === undefined ? [] : [['[]', fieldsOf(items)] as const]),
    ...(typeof additionalProperties === 'object' ? [['{}', fieldsOf(additionalProperties)] as const] : []),
    ...(schema['x-kubernetes-preserve-unknown-fields'] === true ? [['*', {}] as const] : []),
  ]);
}

/** Paths (`spec.rules[].retry`) of what `wanted` has and `found` lacks; of a field that is missing, nothing below it. */
export function missingFields(wanted: Fields, found: Fields, at = ''): readonly string[] {
  if ('*' in found) return [];
  return Object.entries(wanted).flatMap(([name, below]) => {
    if (name === '*') return [];
    const path = at === '' || /^\W/.test(name) ? `${at}${name}` : `${at}.${name}`;
    const there = found[name];
    return there === undefined ? [path] : missingFields(below, there, path);
  });
}
