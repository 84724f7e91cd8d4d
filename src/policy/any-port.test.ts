import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { disjointPatterns, formatPattern, impliesPattern, matchesPattern, type Pattern } from './pattern.ts';

const host = fc.string({ unit: fc.constantFrom('a', '.', '1', ':'), maxLength: 6 });
const value = fc.string({ unit: fc.constantFrom('a', '.', '1', ':'), maxLength: 3 });
const anyPort = value.map((text): Pattern => ({ kind: 'suffix-any-port', value: text }));
const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  { weight: 3, arbitrary: anyPort },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix'), value }) },
  { weight: 1, arbitrary: fc.constant<Pattern>({ kind: 'present' }) },
);

test.each([
  ['a.example.com', true],
  ['a.example.com:80', true],
  ['a.example.com:80:80', false],
  ['a.example.com:', false],
  ['a.example.com.org:80', false],
  ['80', false],
])('*.example.com matches %s: %p', (text, expected) => {
  expect(matchesPattern({ kind: 'suffix-any-port', value: '.example.com' }, text)).toBe(expected);
});

test('implication and emptiness hold for every host', () => {
  fc.assert(
    fc.property(pattern, pattern, host, (a, b, text) => {
      const [left, right] = [matchesPattern(a, text), matchesPattern(b, text)];
      if (impliesPattern(a, b)) expect([a, b, text, left && !right]).toEqual([a, b, text, false]);
      if (disjointPatterns(a, b)) expect([a, b, text, left && right]).toEqual([a, b, text, false]);
    }),
    { numRuns: 2000 },
  );
});

test('implication and emptiness are found', () => {
  const ending = (text: string): Pattern => ({ kind: 'suffix-any-port', value: text });
  expect(impliesPattern(ending('.a.example.com'), ending('.example.com'))).toBe(true);
  expect(impliesPattern({ kind: 'suffix', value: '.example.com:80' }, ending('.example.com'))).toBe(true);
  expect(disjointPatterns(ending('.example.com'), ending('.example.org'))).toBe(true);
  expect(disjointPatterns({ kind: 'exact', value: 'example.org:80' }, ending('.example.com'))).toBe(true);
});

test('reads as its author wrote it', () => {
  expect(formatPattern({ kind: 'suffix-any-port', value: '.example.com' })).toBe('*.example.com');
});
