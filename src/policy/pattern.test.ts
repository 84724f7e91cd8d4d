import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fuzz } from '../testing/fuzz.ts';
import { normaliseMembers } from './members.ts';
import {
  formatPattern,
  impliesPattern,
  intersectPatterns,
  matchesPattern,
  type Pattern,
  parsePathPattern,
  parsePattern,
  patternKey,
  templateProblem,
} from './pattern.ts';

describe('parsePattern', () => {
  test.each<[string, Pattern]>([
    ['a', { kind: 'exact', value: 'a' }],
    ['a*', { kind: 'prefix', value: 'a' }],
    ['*a', { kind: 'suffix', value: 'a' }],
    ['*', { kind: 'present' }],
    ['a*b', { kind: 'exact', value: 'a*b' }],
    ['*a*', { kind: 'suffix', value: 'a*' }],
    ['', { kind: 'exact', value: '' }],
    ['/a/{*}', { kind: 'exact', value: '/a/{*}' }],
  ])('%j', (text, pattern) => {
    expect(parsePattern(text)).toEqual(pattern);
    expect(formatPattern(pattern)).toBe(text);
  });

  test.each<[string, Pattern['kind']]>([
    ['/a/{*}', 'template'],
    ['/a/{**}', 'template'],
    ['/a/*', 'prefix'],
    ['/a/{x}', 'exact'],
  ])('path %j is %s', (text, kind) => {
    expect(parsePathPattern(text).kind).toBe(kind);
    expect(formatPattern(parsePathPattern(text))).toBe(text);
  });
});

describe('templateProblem', () => {
  test.each([
    '/{*}',
    '/{**}',
    '/a/{*}/b/{**}',
    '/a/{**}/b',
    '/a/{*}/',
    "/a.b-c_d~%20!$&'()+,;:@=/{*}",
    '/plain',
    '/plain/*',
    '*.jpg',
  ])('accepts %s', (text) => expect(templateProblem(text)).toBeUndefined());

  test.each([
    ['/{**}/{*}', 'after {**}'],
    ['/{**}/a/{**}', 'after {**}'],
    ['/a/{*}.jpg', "outside of {*} and {**} in segment '{*}.jpg'"],
    ['/a/{name}/{*}', "segment '{name}'"],
    ['/a/{name}', 'outside of {*} and {**}'],
    ['/a/{/{*}', "segment '{'"],
    ['/a/*/{*}', "'*' beside a template in segment '*'"],
    ['/{*}/a*', "'*' beside a template in segment 'a*'"],
    ['/a b/{*}', "segment may hold in 'a b'"],
    ['/é/{*}', "segment may hold in 'é'"],
    ['/a//{*}', 'empty segment'],
    ['//{*}', 'empty segment'],
    ['a/{*}', "start with '/'"],
    ['{**}', "start with '/'"],
  ])('refuses %s: %s', (text, problem) => expect(templateProblem(text)).toContain(problem));
});

/** Envoy 1.40 gave these answers as a DENY rule's uri_template over raw request targets. */
describe('templates match as Envoy does', () => {
  test.each([
    ['/one/{*}', '/one/', false],
    ['/one/{*}', '/one/a', true],
    ['/one/{*}', '/one/a*b', true],
    ['/one/{*}', '/one/a=b', true],
    ['/one/{*}', '/one/%41', true],
    ['/one/{*}', '/one/a|b', false],
    ['/one/{*}', '/one/a"b', false],
    ['/one/{*}', '/one/a^b', false],
    ['/one/{*}', '/one/a\\b', false],
    ['/one/{*}', '/one/a/b', false],
    ['/any/{**}', '/any', false],
    ['/any/{**}', '/any/', true],
    ['/any/{**}', '/any/a/b', true],
    ['/any/{**}', '/any/*', true],
    ['/any/{**}', '/any/|', false],
    ['/tail/{**}/end', '/tail/end', false],
    ['/tail/{**}/end', '/tail//end', true],
    ['/tail/{**}/end', '/tail/x/y/end', true],
    ['/l=i.t/{*}/', '/l=i.t/a/', true],
    ['/l=i.t/{*}/', '/l=ixt/a/', false],
    ['/l=i.t/{*}/', '/l=i.t/a', false],
    ['/a+($)/{*}', '/a+($)/b', true],
    ['/one/{*}', '/one/a\n', false],
  ])('%s on %j: %s', (template, path, matches) => {
    expect(matchesPattern(parsePathPattern(template), path)).toBe(matches);
  });
});

describe('matchesPattern', () => {
  test.each([
    ['a', 'a', true],
    ['a', 'A', false],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['*a', 'ab', false],
    ['*', 'a', true],
    ['*', '', false],
  ])('%s on %j: %s', (text, value, matches) => expect(matchesPattern(parsePattern(text), value)).toBe(matches));
});

/** All strings over {a, b, /} of up to five characters, and some that no template operator matches. */
const universe: readonly string[] = Array.from({ length: 5 }).reduce<string[]>(
  (known) => [...new Set([...known, ...known.flatMap((text) => ['a', 'b', '/'].map((next) => text + next))])],
  ['', '|', '/|', 'a|', '|a', '/a/|', '|/a'],
);

const short = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 2 });
const template = fc
  .record({
    segments: fc.array(fc.constantFrom('a', 'b', 'ab', '{*}'), { maxLength: 3 }),
    rest: fc.option(fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 })),
    slash: fc.constantFrom('', '/'),
  })
  .map(
    ({ segments, rest, slash }) => `/${[...segments, ...(rest === null ? [] : ['{**}', ...rest])].join('/')}${slash}`,
  )
  .filter((text) => text.includes('{') && templateProblem(text) === undefined)
  .map((value): Pattern => ({ kind: 'template', value }));
const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix'), value: short }) },
  { weight: 1, arbitrary: fc.constant<Pattern>({ kind: 'present' }) },
  { weight: 3, arbitrary: template },
);

const matchesOfKey = new Map<string, readonly string[]>();

/** Kept: few patterns are generated, and each of them often. */
function matchesOf(one: Pattern): readonly string[] {
  const key = JSON.stringify(sortedFields(one));
  const found = matchesOfKey.get(key) ?? universe.filter((text) => matchesPattern(one, text));
  matchesOfKey.set(key, found);
  return found;
}

describe('against brute force', () => {
  test('intersectPatterns says exactly what both match', () => {
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const right = new Set(matchesOf(b));
        const both = matchesOf(a).filter((text) => right.has(text));
        const result = intersectPatterns(a, b);
        if (result === 'empty') {
          expect(both).toEqual([]);
        } else if (result !== 'both') {
          expect(matchesOf(result)).toEqual(both);
        }
      }),
      fuzz(500),
    );
  });

  test('impliesPattern is true only of subsets', () => {
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        fc.pre(impliesPattern(a, b));
        const right = new Set(matchesOf(b));
        expect(matchesOf(a).filter((text) => !right.has(text))).toEqual([]);
      }),
      fuzz(500),
    );
  });

  // Five characters tell every pair of two-character patterns apart.
  test('without templates, impliesPattern and emptiness are complete', () => {
    const plain = pattern.filter(({ kind }) => kind !== 'template');
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        const left = matchesOf(a);
        const right = new Set(matchesOf(b));
        expect(impliesPattern(a, b)).toBe(left.every((text) => right.has(text)));
        expect(intersectPatterns(a, b) === 'empty').toBe(!left.some((text) => right.has(text)));
      }),
      fuzz(500),
    );
  });

  test('templates: implication and emptiness are found', () => {
    const of = parsePathPattern;
    const implied = [
      ['/a/{*}', '/{*}/{*}'],
      ['/a/{*}', '/a/{**}'],
      ['/a/b/{**}', '/a/{**}'],
      ['/a/{**}/x/y', '/{*}/{**}/y'],
      ['/a/{*}', '/a/*'],
      ['/a/{**}/z', '*/z'],
      ['/a/{*}/', '/{**}/'],
    ] as const;
    for (const [a, b] of implied) {
      expect([a, b, impliesPattern(of(a), of(b)), impliesPattern(of(b), of(a))]).toEqual([a, b, true, false]);
    }
    const apart = [
      ['/{*}/', '/{*}/{*}'],
      ['/a/{*}', '/a/{*}/{**}'],
      ['/a/{**}/y', '/a/{**}/x/y'],
      ['/a/{**}', '/{*}/{*}'],
    ] as const;
    for (const [a, b] of apart) {
      expect([a, b, impliesPattern(of(a), of(b))]).toEqual([a, b, false]);
    }
    const empty = [
      ['/a/{*}', '/b/{*}'],
      ['/a/{*}', '/a/{*}/{*}'],
      ['/a/{*}', '/a/b/{**}/c'],
      ['/a/{**}/x', '/a/{**}/y'],
      ['/a/{*}', '/b*'],
      ['/{**}/x', '*/y'],
      ['/a/{**}', '/a'],
    ] as const;
    for (const [a, b] of empty) {
      expect([a, b, intersectPatterns(of(a), of(b))]).toEqual([a, b, 'empty']);
    }
    expect(intersectPatterns(of('/a/{*}/c'), of('/{*}/b/{*}'))).toBe('both');
  });

  test('normaliseMembers keeps what matches, in members that do not imply each other', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 8 }), (list) => {
        const normal = normaliseMembers(list);
        const any = (members: readonly Pattern[]) => [...new Set(members.flatMap(matchesOf))].toSorted();
        expect(any(normal)).toEqual(any(list));
        const implied = normal.filter((a, i) => normal.some((b, j) => i !== j && impliesPattern(a, b)));
        expect(implied).toEqual([]);
      }),
      fuzz(200),
    );
  });

  test('keys in a row stay apart', () => {
    const list = fc.array(pattern, { maxLength: 3 });
    fc.assert(
      fc.property(list, list, (a, b) => {
        const same = JSON.stringify(a.map(sortedFields)) === JSON.stringify(b.map(sortedFields));
        expect(a.map(patternKey).join(',') === b.map(patternKey).join(',')).toBe(same);
      }),
      fuzz(100),
    );
  });
});

function sortedFields(one: Pattern): readonly string[] {
  return [one.kind, one.kind === 'present' ? '' : one.value];
}
