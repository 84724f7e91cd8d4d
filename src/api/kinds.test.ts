import process from 'node:process';
import { describe, expect, test } from '@jest/globals';
import { costProblems } from '../schema/cel-cost.ts';
import { houseProblems } from '../schema/house-rules.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { zodOnlyChecks } from '../schema/raw.ts';
import { apiServer } from '../testing/api-server.ts';
import { goodSpecs } from '../testing/good-specs.ts';
import { changed, type Path, places } from '../testing/leaves.ts';
import { objectSchema } from './crd.ts';
import { decode } from './decode.ts';
import type { KindDefinition } from './kind.ts';
import { kinds } from './kinds.ts';

const table = kinds.map((definition) => [definition.kind, definition] as const);

function findings(definition: KindDefinition, spec: unknown) {
  const where = { about: { kind: definition.kind, namespace: 'shop', name: 'a' }, at: 'spec' };
  return decode(definition.spec, spec, where).findings;
}

describe.each(table)('%s', (kind, definition) => {
  const good = goodSpecs[kind] ?? [];

  test('nothing is refused by zod alone', () => {
    expect(zodOnlyChecks(definition.spec, definition.rules)).toEqual([]);
  });

  test('its rules fit into the budgets of CEL, its fields follow our own rules', () => {
    expect(costProblems(objectSchema(definition))).toEqual([]);
    expect(houseProblems(objectSchema(definition))).toEqual([]);
  });

  test('good specs are taken, by zod and by the API server', () => {
    expect(good.flatMap((spec) => findings(definition, spec))).toEqual([]);
    expect(good.flatMap((spec) => apiServer(definition).refusals(spec))).toEqual([]);
  });

  test('good specs use every field', () => {
    const used = new Set(good.flatMap((spec) => [...places(spec)].map(({ path }) => place(path))));
    const schema = objectSchema(definition).properties?.['spec'] ?? {};
    expect([...fieldsOf(schema, '')].filter((at) => !used.has(at))).toEqual([]);
  });

  test('columns point at fields of the status or at metadata', () => {
    const status = objectSchema(definition).properties?.['status'] ?? {};
    for (const { jsonPath, type } of definition.columns) {
      if (jsonPath === '.metadata.creationTimestamp') continue;
      const [, name = '', , of] =
        /^\.status\.(\w+)(\[\?\(@\.type=="\w+"\)\]\.status|\[\*\]\.(\w+))?$/.exec(jsonPath) ?? [];
      const field = of === undefined ? status.properties?.[name] : status.properties?.[name]?.items?.properties?.[of];
      expect({ jsonPath, type: name === 'conditions' ? 'string' : field?.type }).toEqual({ jsonPath, type });
    }
  });
});

/** A path without positions: `rules[].matches[]`. */
function place(path: Path): string {
  return path.reduce<string>((at, key) => (typeof key === 'number' ? `${at}[]` : `${at}.${key}`), '');
}

function* fieldsOf(node: JsonSchema, at: string): Generator<string> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    yield `${at}.${name}`;
    yield* fieldsOf(child, `${at}.${name}`);
  }
  if (node.items) yield* fieldsOf(node.items, `${at}[]`);
}

/** Where people may write more than printable ASCII, and what of the characters below. */
const free: readonly (readonly [RegExp, string])[] = [
  [/(set|add)\[\]\.value$/, '\t'],
  [/\.(body|inline)$/, '\t\n\ré\u202e\u{1f600}\u2028'],
  [/nnotations\./, '\t\n\ré\u202e\u{1f600}\u2028'],
  [/\.audiences\[\]$/, 'é\u202e\u{1f600}\u2028'],
];
const hostile = Array.from('\u0000\u0007\u001b\u007f\u0085\n\r\té\u202e\u{1f600}\u2028');

describe('a text that also holds control characters or unicode is refused, but where it is harmless', () => {
  test.each(table)('%s', (kind, definition) => {
    const server = apiServer(definition);
    const texts = (goodSpecs[kind] ?? []).flatMap((spec) => textsOf(spec).map((path) => ({ spec, path })));
    for (const { spec, path } of texts) {
      const at = place(path);
      const harmless = free.find(([where]) => where.test(at))?.[1] ?? '';
      const taken = hostile.filter((character) => {
        const value = changed(spec, path, (old) => `${String(old)}${character}`);
        const found = findings(definition, value);
        expect(JSON.stringify(found)).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
        expect([at, server.refusals(value).length > 0]).toEqual([at, found.length > 0]);
        return found.length === 0;
      });
      expect([at, taken]).toEqual([at, hostile.filter((character) => harmless.includes(character))]);
    }
  });
});

function textsOf(spec: unknown): readonly Path[] {
  return [...places(spec)].filter(({ value }) => typeof value === 'string').map(({ path }) => path);
}

describe('absurd sizes are refused at once, with at most 20 findings', () => {
  function quickly(definition: KindDefinition, values: readonly unknown[]): void {
    for (const value of values) {
      const start = process.cpuUsage(); // what a busy machine does beside it is not counted
      const found = findings(definition, value);
      expect(process.cpuUsage(start).user).toBeLessThan(2_000_000);
      expect(found.length).toBeGreaterThan(0);
      expect(found.length).toBeLessThanOrEqual(20);
      expect(JSON.stringify(found).length).toBeLessThan(20_000);
    }
  }

  test.each(table)('%s: a text of 10 MB in any place', (kind, definition) => {
    const long = ['a', '/', 'a.', 'é'].map((text) => text.repeat(10_000_000 / text.length));
    const [spec] = goodSpecs[kind] ?? [];
    const paths = textsOf(spec);
    quickly(
      definition,
      paths.map((path, index) => changed(spec, path, () => long[index % long.length])),
    );
    quickly(definition, [{ ...spec, [long[0] ?? '']: 1 }]);
  });

  test.each(table)('%s: 100,000 entries, good and bad, in any list', (kind, definition) => {
    const [spec] = goodSpecs[kind] ?? [];
    const lists = [...places(spec)].filter(({ value }) => Array.isArray(value)).map(({ path }) => path);
    for (const path of lists) {
      const many = (entry: unknown) => changed(spec, path, () => Array.from({ length: 100_000 }, () => entry));
      const [first] = placeValue(spec, path);
      quickly(definition, [many(first), many(7), many({ colour: 1 })]);
    }
  });
});

function placeValue(spec: unknown, path: Path): readonly unknown[] {
  const found = [...places(spec)].find((one) => one.path.join() === path.join())?.value;
  return Array.isArray(found) ? found : [];
}
