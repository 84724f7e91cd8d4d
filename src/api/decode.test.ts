import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { hostname } from '../schema/fields.ts';
import { fuzz } from '../testing/fuzz.ts';
import { sampleSpec } from '../testing/sample-kind.ts';
import { decode } from './decode.ts';
import { closest, editDistance, formatPath, visible } from './wording.ts';

const where = { about: { kind: 'Sample', namespace: 'shop', name: 'a' }, at: 'spec' };

/** `place: message. Remedy.` for each finding. */
function said(schema: z.ZodType, value: unknown): readonly string[] {
  return decode(schema, value, where).findings.map(({ at, message, remedy }) => `${at}: ${message}. ${remedy}.`);
}

test('a good value comes back with its defaults and without findings', () => {
  const value = { port: 80, rules: [] };
  expect(decode(sampleSpec, value, where)).toEqual({ ok: true, value: { ...value, mode: 'Enforce' }, findings: [] });
});

test('a finding names object, reason, severity and place', () => {
  expect(decode(sampleSpec, { port: 0, rules: [] }, where)).toEqual({
    ok: false,
    findings: [
      {
        about: where.about,
        severity: 'error',
        reason: 'Invalid',
        at: 'spec.port',
        message: '0 is too small',
        remedy: 'Write a number of at least 1',
      },
    ],
  });
});

describe('each kind of mistake', () => {
  const rule = (fields: object) => ({ port: 1, rules: [{ name: 'a', ...fields }] });
  const table: readonly (readonly [unknown, readonly string[]])[] = [
    ['x', ['spec: "x" is not an object. Write an object.']],
    [undefined, ['spec: this field is required. Add it, an object.']],
    [{ rules: [] }, ['spec.port: this field is required. Add "port", a number, for example 8080.']],
    [{ port: '80', rules: [] }, ['spec.port: "80" is not a number. Write 80 without quotes.']],
    [{ port: 1.5, rules: [] }, ['spec.port: 1.5 is not an integer. Write an integer, for example 8080.']],
    [{ port: 1, rules: null }, ['spec.rules: null is not a list. Write a list, for example [{"name":"read"}].']],
    [rule({ name: 5 }), ['spec.rules[0].name: 5 is not a string. Put it in quotes: "5".']],
    [
      { port: 1, rules: [], mode: 'shadow' },
      ['spec.mode: "shadow" is not an allowed value. Write "Enforce" or "Shadow" (did you mean "Shadow"?).'],
    ],
    [
      { port: 1, rules: [], timeout: '5 s' },
      [
        'spec.timeout: "5 s" must be a duration such as 500ms, 15s or 1h30m. Write a duration such as 500ms, 15s or 1h30m, for example "5s".',
      ],
    ],
    [rule({ name: '' }), ['spec.rules[0].name: the text is empty. Write at least 1 character.']],
    [rule({ name: 'a'.repeat(64) }), ['spec.rules[0].name: the text has 64 characters. Write at most 63 characters.']],
    [
      rule({ name: 'x-a' }),
      ['spec.rules[0].name: "x-a" must not start with x-. Do not let it start with x-; "read" would do.'],
    ],
    [
      rule({ enable: true }),
      [
        'spec.rules[0].enable: unknown field "enable". Write "enabled" instead; known fields are "name", "match", "redirect", "share" and "enabled".',
      ],
    ],
    [
      rule({ colour: 1 }),
      [
        'spec.rules[0].colour: unknown field "colour". Remove it; known fields are "name", "match", "redirect", "share" and "enabled".',
      ],
    ],
    [
      rule({ match: { type: 'Regex', value: '' } }),
      ['spec.rules[0].match.type: "Regex" is not an allowed value. Write "Exact" or "RegularExpression".'],
    ],
    [
      rule({ match: { value: '' } }),
      ['spec.rules[0].match.type: this field is required. Add "type": "Exact" or "RegularExpression".'],
    ],
    [
      rule({ match: { type: 'Exact', value: '/', flag: 'i' } }),
      ['spec.rules[0].match.flag: unknown field "flag". Remove it; known fields are "type" and "value".'],
    ],
    [
      rule({ redirect: { host: 'a', path: 1 } }),
      ['spec.rules[0].redirect.path: "path" does not go together with "host". Remove one of them.'],
    ],
    [
      rule({ share: true }),
      ['spec.rules[0].share: true is not a number or a string. Write a number or a string, for example "10%".'],
    ],
    [
      { port: 1, rules: Array.from({ length: 5 }, (_, index) => ({ name: `a${index}` })) },
      ['spec.rules: the list has 5 entries. Write at most 4 entries.'],
    ],
  ];
  test.each(table)('%j', (value, findings) => {
    expect(said(sampleSpec, value)).toEqual(findings);
  });
});

test('a union with a default tag: the variant that the tag names is the one to talk about', () => {
  const path = z.union([
    z.strictObject({
      type: z.enum(['Exact', 'PathPrefix']).optional(),
      value: z.string().regex(/^\//, 'must start with /'),
    }),
    z.strictObject({ type: z.literal('RegularExpression'), value: z.string().max(5) }),
  ]);
  expect(said(path, { value: 'a' })).toEqual(['spec.value: "a" must start with /. Make it start with /.']);
  expect(said(path, { type: 'RegularExpression', value: '[0-9]+' })).toEqual([
    'spec.value: the text has 6 characters. Write at most 5 characters.',
  ]);
  expect(said(path, { type: 'Prefix', value: '/a' })).toEqual([
    'spec.type: "Prefix" is not an allowed value. Write "Exact", "PathPrefix" or "RegularExpression" (did you mean "PathPrefix"?).',
  ]);
});

test('each unknown field is a finding of its own', () => {
  expect(decode(sampleSpec, { port: 1, rules: [], one: 1, two: 2 }, where).findings.map(({ at }) => at)).toEqual([
    'spec.one',
    'spec.two',
  ]);
});

test('a hundred thousand mistakes are twenty findings, the last of which says so', () => {
  const { findings } = decode(
    z.array(z.string()),
    Array.from({ length: 100_000 }, (_, index) => index),
    where,
  );
  expect(findings).toHaveLength(20);
  expect(findings.at(-1)).toMatchObject({ at: 'spec', message: 'there are more mistakes than are listed here' });
});

test('absurd texts are named, cut and escaped', () => {
  const long = 'a.'.repeat(5_000_000);
  expect(said(z.strictObject({ hosts: z.array(hostname) }), { hosts: ['a', long] })).toEqual([
    expect.stringMatching(/^spec\.hosts\[1\]: the text has 10000000 characters/),
  ]);
  const [finding = ''] = said(sampleSpec, { port: 1, rules: [], [`k${'é'.repeat(1_000_000)}`]: 1 });
  expect(finding.length).toBeLessThan(300);
  expect(said(z.strictObject({}), { 'a\u0000\u202e"': 1 })).toEqual([
    'spec["a\\u{0}\\u{202e}\\""]: unknown field "a\\u{0}\\u{202e}\\"". Remove it; no field is allowed here.',
  ]);
});

test('no text of a user reaches a message raw or at length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const shown = visible(text);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(Array.from(shown.replaceAll(/\\(u\{[0-9a-f]+\}|.)/g, 'x')).length).toBeLessThanOrEqual(61);
      for (const line of said(sampleSpec, { port: text, rules: [{ name: text, [text]: text }], mode: text })) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    }),
    fuzz(100),
  );
});

test('any JSON value is decoded without throwing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, inner) => {
      for (const one of [value, { port: inner, rules: value }, { rules: [value, { match: inner, redirect: value }] }]) {
        const result = decode(sampleSpec, one, where);
        expect(result.ok).toBe(result.findings.length === 0);
        expect(result.findings.length).toBeLessThanOrEqual(20);
      }
    }),
    fuzz(100),
  );
});

test('paths, distances, guesses', () => {
  expect(formatPath('spec', ['rules', 0, 'match', 'app.kubernetes.io/name'])).toBe(
    'spec.rules[0].match["app.kubernetes.io/name"]',
  );
  expect(formatPath('', ['kind'])).toBe('kind');
  expect([editDistance('', 'abc'), editDistance('weigth', 'weight'), editDistance('kitten', 'sitting')]).toEqual([
    3, 1, 3,
  ]);
  expect(closest('hostname', ['hosts', 'hostnames'])).toBe('hostnames');
  expect(closest('Prefix', ['Exact', 'PathPrefix'])).toBe('PathPrefix');
  expect(closest('colour', ['name', 'rules'])).toBeUndefined();
});
