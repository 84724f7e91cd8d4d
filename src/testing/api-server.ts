/**
 * What an API server says to the spec of an object: the CRD's schema with patterns run by RE2, list keys, and CEL rules.
 * No Kubernetes: it knows only the CEL that our rules use, and throws on any other.
 */
import { compileFunction } from 'node:vm';
import { Ajv } from 'ajv';
import { RE2JS } from 're2js';
import { objectSchema } from '../api/crd.ts';
import type { KindDefinition } from '../api/kind.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { strict } from './strict-schema.ts';

export interface ApiServer {
  /** Why the spec is refused; empty when it is stored. */
  readonly refusals: (spec: unknown) => readonly string[];
}

export function apiServer(definition: KindDefinition): ApiServer {
  const schema = objectSchema(definition).properties?.['spec'] ?? {};
  const validate = new Ajv({ strict: false, validateFormats: false, code: { regExp: re2 } }).compile(strict(schema));
  return {
    refusals(spec) {
      if (!validate(spec)) return (validate.errors ?? []).map((error) => `${error.instancePath}: ${error.message}`);
      // As the API server, which runs no rule on what does not fit the schema.
      return [...ruleRefusals(schema, spec, 'spec')];
    },
  };
}

const re2 = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    // ajv keeps one of those that print alike.
    return { test: (text: string) => compiled.matcher(text).find(), toString: () => pattern };
  },
  { code: 're2' },
);

function* ruleRefusals(node: JsonSchema, value: unknown, at: string): Generator<string> {
  if (value === undefined) return;
  for (const { rule, message } of node['x-kubernetes-validations'] ?? []) {
    if (!holds(rule, value)) yield `${at}: ${message}`;
  }
  if (Array.isArray(value)) {
    yield* duplicates(node, value, at);
    for (const [index, item] of value.entries()) yield* ruleRefusals(node.items ?? {}, item, `${at}[${index}]`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, child] of Object.entries(value)) {
    const values = typeof node.additionalProperties === 'object' ? node.additionalProperties : {};
    yield* ruleRefusals(node.properties?.[name] ?? values, child, `${at}.${name}`);
  }
}

function* duplicates(node: JsonSchema, list: readonly unknown[], at: string): Generator<string> {
  const keys = node['x-kubernetes-list-map-keys'];
  if (keys === undefined) return;
  const ids = list.map((item) => keys.map((key) => (item as Readonly<Record<string, unknown>>)[key]).join());
  if (new Set(ids).size < ids.length) yield `${at}: Duplicate value`;
}

const macros = {
  all: (list: object, test: (item: unknown) => boolean) => members(list).every(test),
  exists: (list: object, test: (item: unknown) => boolean) => members(list).some(test),
  exists_one: (list: object, test: (item: unknown) => boolean) => members(list).filter(test).length === 1,
  filter: (list: object, test: (item: unknown) => boolean) => members(list).filter(test),
  has: (field: unknown) => field !== undefined,
  size: (value: string | object) => (typeof value === 'string' ? Array.from(value).length : members(value).length),
};

/** Macros over a map run over its keys. */
function members(value: object): readonly unknown[] {
  return Array.isArray(value) ? value : Object.keys(value);
}

export function holds(rule: string, self: unknown): boolean {
  const script = rule
    .replaceAll(/(self|\[[^\]]*\])\.(all|exists|exists_one|filter)\((\w+), /g, 'cel.$2($1, ($3) => ')
    .replaceAll('.size()', '.length')
    .replaceAll(/\b(has|size)\(/g, 'cel.$1(')
    .replaceAll(/([=!])=/g, '$1==');
  const calls = script.replaceAll(/'[^']*'/g, "''").match(/(?<!cel\.)\b(?!startsWith\()\w+\((?!\w+\) =>)/g);
  if (calls !== null) throw new Error(`this test knows no ${calls.join(' ')} of CEL: ${rule}`);
  return compileFunction(`return ${script}`, ['self', 'cel'])(self, macros) === true;
}
