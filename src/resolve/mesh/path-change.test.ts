import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Constraint } from '../../policy/decision.ts';
import { formatPattern, matchesPattern, type Pattern, parsePathPattern } from '../../policy/pattern.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { imageOf, movedPath, type PathChange, pathChange } from './path-change.ts';

const prefix = (from: string, to: string): PathChange => ({ kind: 'prefix', from, to });
const about = (negated: boolean, ...texts: readonly string[]): Constraint => ({
  attribute: { kind: 'path' },
  negated,
  anyOf: texts.map(parsePathPattern),
});

describe('what Envoy will do', () => {
  const under = (value: string) => ({ type: 'PathPrefix', value }) as const;

  test.each<[object, { readonly type: 'PathPrefix' | 'Exact'; readonly value: string }, PathChange]>([
    [{}, under('/a'), { kind: 'none' }],
    [{ prefix_rewrite: '/v2' }, under('/a'), prefix('/a', '/v2')],
    [{ prefix_rewrite: '/v2/' }, under('/'), prefix('', '/v2')],
    [{ prefix_rewrite: '/' }, under('/'), { kind: 'none' }],
    [{ prefix_rewrite: '/a' }, under('/a'), { kind: 'none' }],
    [{ regex_rewrite: { pattern: { regex: '^/a/*' }, substitution: '/' } }, under('/a'), prefix('/a', '')],
    [{ regex_rewrite: { pattern: { regex: '^.*$' }, substitution: '/x' } }, under('/a'), { kind: 'fixed', path: '/x' }],
    [{ regex_rewrite: { pattern: { regex: '^/(.*)$' }, substitution: '/\\1' } }, under('/a'), { kind: 'unknown' }],
  ])('%j of %j', (forward, match, expected) => {
    expect(pathChange(forward, match)).toEqual(expected);
  });
});

describe('a prefix replaced', () => {
  test.each<[Constraint, PathChange, string]>([
    [about(false, '/a/x', '/b'), prefix('/a', '/v2'), 'exact: /v2/x'],
    [about(false, '/a/x*', '/a'), prefix('/a', '/v2'), 'exact: /v2/x* /v2'],
    [about(false, '/a*'), prefix('/a', '/v2'), 'exact: any'],
    [about(false, '*.jpg'), prefix('/a', '/v2'), 'exact: *.jpg'],
    [about(false, '*a'), prefix('/a', '/v2'), 'wider: any'],
    [about(false, '/a/{*}/b', '/{*}/c'), prefix('/a', '/v2'), 'exact: /v2/{*}/b /v2/c'],
    [about(false, '/{**}'), prefix('/a', '/v2'), 'wider: any'],
    [about(true, '/a/x*'), prefix('/a', ''), 'exact: not /x*'],
    [about(false, '/a'), prefix('/a', ''), 'wider: /'],
    [about(true, '/a'), prefix('/a', ''), 'wider: any'],
    [about(false, '/x'), prefix('', '/v2'), 'exact: /v2/x'],
    [about(false, '/x'), { kind: 'fixed', path: '/y' }, 'wider: any'],
  ])('%j through %j', (constraint, change, expected) => {
    const { constraint: moved, exact } = movedPath(constraint, change);
    const said =
      moved === undefined ? 'any' : `${moved.negated ? 'not ' : ''}${moved.anyOf.map(formatPattern).join(' ')}`;
    expect(`${exact ? 'exact' : 'wider'}: ${said}`).toBe(expected);
  });
});

const segment = fc.constantFrom('a', 'b', 'ab', 'b.a');
const path = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/'))
  .map(([segments, end]) => (segments.length === 0 ? '/' : `/${segments.join('/')}${end}`));
const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  fc.tuple(fc.constantFrom('exact' as const, 'prefix' as const), path).map(([kind, value]) => ({ kind, value })),
  fc.constantFrom('a', 'b', '/a', '.a', '/', '/b/a', 'a/b').map((value) => ({ kind: 'suffix' as const, value })),
  fc
    .constantFrom('/{*}', '/a/{*}', '/a/{**}', '/{*}/b', '/{**}', '/a/{*}/b', '/{*}/{**}', '/{*}/b/')
    .map(parsePathPattern),
);
const place = fc.constantFrom('/a', '/a/b', '/ab');
const changes: fc.Arbitrary<PathChange> = fc.oneof(
  fc.tuple(place, fc.constantFrom('', '/b', '/a/b', '/x')).map(([from, to]) => prefix(from, to)),
  fc.constantFrom('/b', '/a').map((to) => prefix('', to)),
  fc.constant<PathChange>({ kind: 'fixed', path: '/a' }),
  fc.constant<PathChange>({ kind: 'none' }),
);

function changed(from: string, change: PathChange): string | undefined {
  if (change.kind === 'none' || change.kind === 'unknown') return from;
  if (change.kind === 'fixed') return change.path;
  if (from !== change.from && !from.startsWith(`${change.from}/`)) return undefined;
  return `${change.to}${from.slice(change.from.length)}` || '/';
}

function holds({ negated, anyOf }: Constraint, value: string): boolean {
  return anyOf.some((one) => matchesPattern(one, value)) !== negated;
}

const constraints: fc.Arbitrary<Constraint> = fc.record({
  attribute: fc.constant({ kind: 'path' as const }),
  negated: fc.boolean(),
  anyOf: fc.array(pattern, { minLength: 1, maxLength: 3 }),
});

test('what held before holds behind, and where it says so nothing else does', () => {
  fc.assert(
    fc.property(constraints, changes, fc.array(path, { minLength: 10, maxLength: 10 }), (constraint, change, paths) => {
      const { constraint: moved, exact } = movedPath(constraint, change);
      for (const one of paths) {
        const seen = changed(one, change);
        if (seen === undefined) continue;
        const before = holds(constraint, one);
        const behind = moved === undefined || holds(moved, seen);
        expect([constraint, change, one, moved, before && !behind]).toEqual([constraint, change, one, moved, false]);
        if (exact) expect([constraint, change, one, moved, behind]).toEqual([constraint, change, one, moved, before]);
        expect(imageOf(change).every((bound) => holds(bound, seen))).toBe(true);
      }
    }),
    fuzz(3000),
  );
});
