/** Yes is only said where zod says so and changes nothing; and of good specs it is said. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { fuzz } from '../testing/fuzz.ts';
import { goodSpecs } from '../testing/good-specs.ts';
import { mutations } from '../testing/mutations.ts';
import { isTakenAsWritten } from './as-written.ts';
import { kinds } from './kinds.ts';

describe.each(kinds.map((definition) => [definition.kind, definition] as const))('%s', (kind, { spec: schema }) => {
  const read = ['Route', 'AuthPolicy', 'RateLimitPolicy'].includes(kind);

  test.each(goodSpecs[kind] ?? [])('a good spec: %#', (spec) => {
    if (read) expect(isTakenAsWritten(schema, spec)).toBe(true);
    if (isTakenAsWritten(schema, spec)) expect(schema.parse(spec)).toStrictEqual(spec);
  });

  test('whatever is done to it, the answer is that of zod', () => {
    const counts = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(mutations(kind), ({ spec }) => {
        const zod = schema.safeParse(spec);
        const taken = isTakenAsWritten(schema, spec);
        counts[taken ? 'taken' : 'refused'] += 1;
        if (taken) expect(zod).toEqual({ success: true, data: spec });
        if (read) expect(taken).toBe(zod.success);
      }),
      fuzz(1500),
    );
    if (read) expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(150);
  });
});

describe('no is said where zod refuses, or gives something else than what was written', () => {
  class Inheriting {
    readonly a = 1;
  }
  const strict = z.strictObject({ a: z.int(), b: z.string().optional() });
  const table: readonly (readonly [string, z.ZodType, unknown])[] = [
    ['a default', z.strictObject({ a: z.int().default(1) }), {}],
    ['a default in a list', z.array(z.strictObject({ a: z.int().default(1) })), [{}]],
    ['a transformation', z.strictObject({ a: z.string().trim() }), { a: ' a' }],
    ['a transformation of a list', z.array(z.int()).overwrite((list) => [...list]), [1]],
    ['a coercion', z.strictObject({ a: z.coerce.number() }), { a: '1' }],
    ['fields that are dropped', z.object({ a: z.int() }), { a: 1, b: 2 }],
    ['fields that an alternative drops', z.union([z.object({}), strict]), { a: 1 }],
    ['a missing field', strict, {}],
    ['a field too many', strict, { a: 1, c: 1 }],
    ['a field without a value', strict, { a: 1, b: undefined }],
    ['a needed field without a value', strict, { a: undefined }],
    ['a name from the prototype', strict, { a: 1, toString: 'a' }],
    ['__proto__ as a field', strict, JSON.parse('{"a": 1, "__proto__": {}}')],
    ['an inheriting object', strict, new Inheriting()],
    ['a list for an object', z.strictObject({}), []],
    ['an object for a list', z.array(z.int()), { length: 0 }],
    ['null', strict, null],
    ['a list with a hole', z.array(z.int()), Array(1)],
    ['what two alternatives take and one should', z.xor([strict, strict]), { a: 1 }],
    ['a failed refinement', strict.refine(() => false), { a: 1 }],
    ['a failed refinement of what may be absent', strict.optional().refine(() => false), { a: 1 }],
    ['a failed refinement of alternatives', z.union([strict, z.int()]).refine(() => false), 1],
    ['a list too long', z.array(z.int()).max(1), [1, 2]],
  ];
  test.each(table)('%s', (_, schema, value) => {
    expect(isTakenAsWritten(schema, value)).toBe(false);
  });

  test('a refinement that is to be waited for', () => {
    const schema = strict.refine(async () => Promise.resolve(true));
    expect(isTakenAsWritten(schema, { a: 1 })).toBe(false);
  });
});
