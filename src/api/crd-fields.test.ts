import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { objectSchema } from './crd.ts';
import { type Fields, fieldsOf, missingFields } from './crd-fields.ts';
import { kinds } from './kinds.ts';
import { knownFields as all } from './known-fields.ts';

/** Steps to every field. */
function steps(fields: Fields, at: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(fields).flatMap(([name, below]) => [[...at, name], ...steps(below, [...at, name])]);
}

function without(fields: Fields, [first = '', ...rest]: readonly string[]): Fields {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, below]) => {
      if (name !== first) return [[name, below]];
      return rest.length === 0 ? [] : [[name, without(below, rest)]];
    }),
  );
}

test('fields of objects, lists and maps; a branch that keeps everything lacks nothing', () => {
  const leaf = { type: 'string' };
  const schema = {
    properties: {
      spec: {
        properties: {
          rules: { items: { properties: { name: leaf } } },
          labels: { additionalProperties: leaf },
          free: { 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    },
  };
  const fields = fieldsOf(schema);
  expect(fields).toEqual({ spec: { rules: { '[]': { name: {} } }, labels: { '{}': {} }, free: { '*': {} } } });
  const more = {
    spec: { rules: { '[]': { name: {}, retry: { attempts: {} } } }, labels: { '{}': { x: {} } }, free: { y: {} } },
    other: {},
  };
  expect(missingFields(more, fields)).toEqual(['spec.rules[].retry', 'spec.labels{}.x', 'other']);
  expect(missingFields(fields, more)).toEqual([]);
});

test('whichever field is taken away is what is missing, and nothing else is', () => {
  fc.assert(
    fc.property(fc.constantFrom(...steps(all).filter(({ length }) => length > 1)), (path) => {
      const missing = missingFields(all, without(all, path));
      expect(missing).toEqual([path.join('.').replaceAll(/\.(\[\]|\{\})/g, '$1')]);
      expect(missingFields(without(all, path), all)).toEqual([]);
    }),
  );
});

describe('the fields that the operator knows are those of the CRD of', () => {
  test.each(kinds.map((kind) => [kind.kind, kind] as const))('%s', (name, kind) => {
    const { spec, status } = fieldsOf(objectSchema(kind));
    expect(all[name]).toEqual({ spec, status });
  });
});
