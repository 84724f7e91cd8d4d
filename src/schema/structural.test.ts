import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { field } from './fields.ts';
import { zodOnlyChecks } from './raw.ts';
import { anyCase, refusing } from './refuse.ts';
import { structuralSchema } from './structural.ts';

/** The structural schema of one field. */
function converted(schema: z.ZodType): unknown {
  return structuralSchema(z.strictObject({ at: schema })).properties?.['at'];
}

const anyOf = [{ type: 'integer' }, { type: 'string' }];

describe('what a field becomes', () => {
  const table: readonly (readonly [string, z.ZodType, unknown])[] = [
    ['string', z.string().min(1).max(9), { type: 'string', minLength: 1, maxLength: 9 }],
    ['int without the range of a double', z.int(), { type: 'integer' }],
    ['int with bounds', z.int().min(1).max(9), { type: 'integer', minimum: 1, maximum: 9 }],
    ['exclusive bound', z.number().positive(), { type: 'number', minimum: 0, exclusiveMinimum: true }],
    ['enum', z.enum(['A', 'B']), { type: 'string', enum: ['A', 'B'] }],
    ['number literals', z.literal([301, 302]), { type: 'integer', enum: [301, 302] }],
    ['union of literals', z.union([z.literal('A'), z.literal('B')]), { type: 'string', enum: ['A', 'B'] }],
    ['nullable', z.string().max(3).nullable(), { type: 'string', nullable: true, maxLength: 3 }],
    ['readonly', z.string().max(3).readonly(), { type: 'string', maxLength: 3 }],
    [
      'strict object',
      z.strictObject({ a: z.boolean() }),
      { type: 'object', required: ['a'], properties: { a: { type: 'boolean' } } },
    ],
    ['loose object', z.looseObject({}), { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }],
    ['any', z.any(), { 'x-kubernetes-preserve-unknown-fields': true }],
    ['record', z.record(z.string(), z.int()), { type: 'object', additionalProperties: { type: 'integer' } }],
    [
      'record of named keys',
      z.partialRecord(z.enum(['a', 'b']), z.int()),
      { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } } },
    ],
    ['hostname: Go knows it, RE2 has no look-ahead', z.hostname(), { type: 'string', format: 'hostname' }],
    [
      'cidr: keeps the pattern that RE2 takes',
      z.cidrv4(),
      expect.objectContaining({ format: 'cidr', pattern: expect.any(String) }),
    ],
    [
      'several patterns',
      z.string().regex(/a/).regex(/b/),
      { type: 'string', allOf: [{ pattern: 'a' }, { pattern: 'b' }] },
    ],
    ['int or string', z.union([z.int(), z.string()]), { anyOf, 'x-kubernetes-int-or-string': true }],
    [
      'a named schema is inlined',
      z.strictObject({ a: z.boolean() }).meta({ id: 'Named' }),
      { type: 'object', required: ['a'], properties: { a: { type: 'boolean' } } },
    ],
    [
      'a refused pattern',
      refusing(z.string().max(9), /^x-/, 'must not start with x-'),
      { type: 'string', maxLength: 9, not: { pattern: '^x-' } },
    ],
  ];
  test.each(table)('%s', (_, schema, expected) => {
    expect(converted(schema)).toEqual(expected);
  });
});

test('bounds of an int-or-string stand beside it', () => {
  expect(converted(z.union([z.int().min(1), z.string().regex(/^\d+%$/)]))).toEqual({
    anyOf,
    minimum: 1,
    pattern: '^\\d+%$',
    'x-kubernetes-int-or-string': true,
  });
});

test('bounds of the keys of a record become CEL', () => {
  expect(converted(z.record(z.string().max(63), z.boolean()))).toMatchObject({
    'x-kubernetes-validations': [
      { rule: 'self.all(key, size(key) <= 63)', message: 'each key must have at most 63 characters' },
    ],
  });
});

test('a discriminated union is one object; checks of one variant stay with it', () => {
  const union = z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('A'), v: z.string().max(5), a: z.boolean() }),
    z.strictObject({ type: z.enum(['B', 'C']), v: z.string().max(9).regex(/^x/) }),
  ]);
  expect(converted(union)).toEqual({
    type: 'object',
    required: ['type', 'v'],
    properties: {
      type: { type: 'string', enum: ['A', 'B', 'C'] },
      v: { type: 'string', maxLength: 9 },
      a: { type: 'boolean' },
    },
    oneOf: [
      { required: ['a'], properties: { type: { enum: ['A'] }, v: { maxLength: 5 } } },
      { properties: { type: { enum: ['B', 'C'] }, v: { pattern: '^x' } }, not: { anyOf: [{ required: ['a'] }] } },
    ],
  });
});

test('examples and nested defaults become prose, a top default stays', () => {
  const schema = z.strictObject({
    mode: field(z.enum(['A', 'B']).default('A'), 'The mode.', 'B'),
    inner: z.strictObject({ size: field(z.int().default(3), 'The size.', 5) }),
  });
  expect(structuralSchema(schema).properties).toEqual({
    mode: { description: 'The mode. Example: "B"', type: 'string', default: 'A', enum: ['A', 'B'] },
    inner: {
      type: 'object',
      properties: { size: { description: 'The size. Default: 3. Example: 5', type: 'integer' } },
    },
  });
});

test('meta for the API server survives field() and optional()', () => {
  const rule = { rule: 'self.a', message: 'must be so' };
  const schema = z.strictObject({ a: z.boolean() }).meta({ 'x-kubernetes-validations': [rule] });
  expect(converted(field(schema.optional(), 'D.', {}))).toMatchObject({ 'x-kubernetes-validations': [rule] });
});

describe('what has no structural schema is refused with its path', () => {
  const recursive: z.ZodType = z.strictObject({
    get next() {
      return recursive.optional();
    },
  });
  const table: readonly (readonly [string, z.ZodType, string])[] = [
    ['tuple', z.tuple([z.string()]), "list[].bad: zod's tuple"],
    ['date', z.date(), "list[].bad: zod's date"],
    ['flags', z.string().regex(/a/i), 'list[].bad: the flags of /a/i'],
    ['look-ahead', z.string().regex(/^(?!a)/), "list[].bad: Go's RE2 does not compile ^(?!a)"],
    ['ISO duration (Go means another)', z.iso.duration(), "list[].bad: Go's RE2"],
    ['catch-all', z.object({ a: z.string() }).catchall(z.string()), 'list[].bad: named fields and a catch-all'],
    ['mixed union', z.union([z.string(), z.boolean()]), 'list[].bad: the variants of a union differ'],
    [
      'variants with one field of two shapes',
      z.union([z.strictObject({ a: z.strictObject({ b: z.int() }) }), z.strictObject({ a: z.array(z.int()) })]),
      'list[].bad.a: the variants of a union differ',
    ],
    ['number or string', z.union([z.number(), z.string()]), 'list[].bad: an int-or-string takes integers'],
    ['recursion', recursive, 'a schema cannot be recursive'],
  ];
  test.each(table)('%s', (_, bad, message) => {
    expect(() => structuralSchema(z.strictObject({ list: z.array(z.strictObject({ bad })) }))).toThrow(message);
  });
});

test('checks that only zod runs are found', () => {
  const odd = z.string().refine((text) => text.length % 2 === 1, 'must be odd');
  const twin = odd.meta({ 'x-kubernetes-validations': [{ rule: 'size(self) % 2 == 1', message: 'must be odd' }] });
  const schema = z.strictObject({ odd, twin, list: z.array(z.object({ a: z.int() })) });
  expect(zodOnlyChecks(schema)).toEqual([
    'odd: 1 zod refinements but 0 rules for the API server',
    'list[]: use z.strictObject; z.object drops unknown fields without a word',
  ]);
  expect(zodOnlyChecks(z.strictObject({ twin }).refine(() => true))).toHaveLength(1);
  expect(
    zodOnlyChecks(
      z.strictObject({ twin }).refine(() => true),
      [{ rule: 'true', message: 'm' }],
    ),
  ).toEqual([]);
});

test('refusals add up, for zod and for the API server', () => {
  const schema = refusing(refusing(z.string().max(9), /a/, 'must not have a'), /b/, 'must not have b');
  expect(converted(field(schema, 'D.', 'c'))).toMatchObject({ not: { anyOf: [{ pattern: 'a' }, { pattern: 'b' }] } });
  expect(schema.safeParse('xb').error?.issues[0]?.message).toBe('must not have b');
  expect(schema.safeParse('xa').success).toBe(false);
  expect(schema.safeParse('x').success).toBe(true);
});

test('a word in any case, without flags', () => {
  expect(anyCase('te-1')).toBe('[Tt][Ee]-1');
});
