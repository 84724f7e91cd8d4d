import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, type Manifest, route, service } from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';

/** A rule that answers with its own name. */
const rule = (name: string, ...matches: readonly object[]) => ({ name, matches, respond: { status: 200, body: name } });
const exact = (value: string) => ({ type: 'Exact', value });
const regex = (value: string) => ({ type: 'RegularExpression', value });

/** Written with the least specific first, so that the order of the file decides nothing. */
const mixed: readonly Manifest[] = [
  route(
    'mixed',
    [
      rule('root', {}),
      rule('prefix', { path: { value: '/a' } }),
      rule('longer-prefix', { path: { value: '/a/b/' } }),
      rule('regex', { path: regex('/a/[0-9]+') }),
      rule('exact', { path: exact('/a/b') }),
      rule('slash', { path: exact('/a/b/') }),
      rule('method', { path: { value: '/a' }, method: 'POST' }),
      rule('header', { path: { value: '/a' }, headers: [{ name: 'X-One', value: '1' }] }),
      rule('headers', {
        path: { value: '/a' },
        headers: [
          { name: 'x-one', value: '1' },
          { name: 'x-two', ...regex('[0-9]+') },
        ],
      }),
      rule('query', { path: { value: '/a' }, queryParams: [{ name: 'v', value: '1' }] }),
      rule('queries', {
        path: { value: '/a' },
        queryParams: [
          { name: 'v', value: '1' },
          { name: 'w', ...regex('a|b') },
        ],
      }),
      rule('either', { path: exact('/x') }, { path: exact('/y'), method: 'PUT' }),
      rule('encoded', { path: exact('/sp%20ace') }),
      rule('dots', { path: regex('/files/.*\\.txt') }),
    ],
    { hostnames: ['shop.example.com'] },
  ),
];

/** Equal matches: the Route's name decides, then the rule's place. */
const rivals: readonly Manifest[] = [
  route('zeta', [rule('zeta', { path: { value: '/tie' } })], { hostnames: ['tie.example.com'] }),
  route('alpha', [rule('alpha-1', { path: { value: '/tie' } }), rule('alpha-2', { path: { value: '/tie' } })], {
    hostnames: ['tie.example.com'],
  }),
];

const hosts: readonly Manifest[] = [
  route('any', [rule('any-host', {})]),
  route('wild', [rule('wild', {})], { hostnames: ['*.example.com'] }),
  route('deep', [rule('deep', {})], { hostnames: ['*.deep.example.com'] }),
];

/** So many routes that Envoy is given a tree on `:path`, which holds the query as well. */
const large: readonly Manifest[] = [
  route(
    'large',
    [...Array(40).keys()].map((n) => rule(`r${n}`, { path: { value: `/r${n}` } })),
    {
      hostnames: ['large.example.com'],
    },
  ),
  route(
    'large-odd',
    [
      rule('root', {}),
      rule('exact', { path: exact('/r1/exact') }),
      rule('nested', { path: { value: '/r1/nested' } }),
      rule('regex', { path: regex('/r2/[a-z]+') }),
      rule('post', { path: { value: '/r3' }, method: 'POST' }),
      rule('query', { path: { value: '/r4' }, queryParams: [{ name: 'v', value: '1' }] }),
    ],
    { hostnames: ['large.example.com'] },
  ),
];

await rigSuite(
  'matches, with traffic',
  () => [apiGateway(), service('orders'), ...mixed, ...rivals, ...hosts, ...large],
  (rig) => {
    const answer = async (request: RigRequest) => {
      const { status, body } = await rig().send(request);
      return status === 200 ? body : String(status);
    };
    const one = ['x-one', '1'] as const;
    const two = ['x-two', '22'] as const;

    describe('one host, by precedence', () => {
      test.each<[expected: string, request: RigRequest]>([
        ['root', { path: '/' }],
        ['root', { path: '/ab' }],
        ['root', { path: '/A' }],
        ['prefix', { path: '/a' }],
        ['prefix', { path: '/a/' }],
        ['prefix', { path: '/a/x' }],
        ['prefix', { path: '/a?x' }],
        ['exact', { path: '/a/b' }],
        ['exact', { path: '/a/b?x=/' }],
        ['slash', { path: '/a/b/' }],
        ['longer-prefix', { path: '/a/b/c' }],
        ['prefix', { path: '/a/bc' }],
        ['regex', { path: '/a/12' }],
        ['regex', { path: '/a/12?x' }],
        ['prefix', { path: '/a/12x' }],
        ['prefix', { path: '/a/12/' }],
        ['method', { path: '/a/x', method: 'POST' }],
        ['exact', { path: '/a/b', method: 'POST' }],
        ['longer-prefix', { path: '/a/b/c', method: 'POST' }],
        ['header', { path: '/a', headers: [one] }],
        ['prefix', { path: '/a', headers: [['x-one', '2']] }],
        ['headers', { path: '/a', headers: [one, two] }],
        ['header', { path: '/a', headers: [one, ['x-two', 'x22']] }],
        ['method', { path: '/a', method: 'POST', headers: [one, two] }],
        ['query', { path: '/a?v=1' }],
        ['query', { path: '/a?x=2&v=1' }],
        ['prefix', { path: '/a?v=12' }],
        ['prefix', { path: '/a?V=1' }],
        ['queries', { path: '/a?v=1&w=b' }],
        ['query', { path: '/a?v=1&w=ab' }],
        ['header', { path: '/a?v=1&w=b', headers: [one] }],
        ['either', { path: '/x' }],
        ['root', { path: '/y' }],
        ['either', { path: '/y', method: 'PUT' }],
        ['encoded', { path: '/sp%20ace' }],
        ['dots', { path: '/files/a/b.txt' }],
        ['root', { path: '/files/a/b.txt.exe' }],
      ])('%s takes %j', async (expected, request) => {
        expect(await answer(request)).toBe(expected);
      });
    });

    test('of equal matches the first by name of the Route, then by place of the rule', async () => {
      expect(await answer({ host: 'tie.example.com', path: '/tie' })).toBe('alpha-1');
    });

    test.each([
      ['any-host', 'other.test'],
      ['wild', 'a.example.com'],
      ['wild', 'A.EXAMPLE.com:8080'],
      ['wild', 'a.b.example.com'],
      ['deep', 'a.deep.example.com'],
      ['wild', 'deep.example.com'],
      ['any-host', 'example.com'],
      ['404', 'tie.example.com'],
    ])('%s answers for host %s', async (expected, host) => {
      expect(await answer({ host, path: '/nothing-there' })).toBe(expected);
    });

    describe('many routes in one host', () => {
      test.each<[expected: string, request: RigRequest]>([
        ['root', { path: '/' }],
        ['root', { path: '/?x=/r1' }],
        ['r1', { path: '/r1' }],
        ['r1', { path: '/r1?x=1' }],
        ['r1', { path: '/r1/' }],
        ['r1', { path: '/r1/x' }],
        ['r10', { path: '/r10' }],
        ['root', { path: '/r100' }],
        ['r39', { path: '/r39/deep/er?x' }],
        ['root', { path: '/r399' }],
        ['exact', { path: '/r1/exact' }],
        ['exact', { path: '/r1/exact?x' }],
        ['r1', { path: '/r1/exactly' }],
        ['r1', { path: '/r1/exact/' }],
        ['nested', { path: '/r1/nested' }],
        ['nested', { path: '/r1/nested?x' }],
        ['r1', { path: '/r1/nestedly' }],
        ['regex', { path: '/r2/abc' }],
        ['regex', { path: '/r2/abc?x=1' }],
        ['r2', { path: '/r2/abc/' }],
        ['r2', { path: '/r2/1' }],
        ['post', { path: '/r3/x', method: 'POST' }],
        ['r3', { path: '/r3/x' }],
        ['query', { path: '/r4?v=1' }],
        ['r4', { path: '/r4?v=2' }],
      ])('%s takes %j', async (expected, request) => {
        expect(await answer({ host: 'large.example.com', ...request })).toBe(expected);
      });
    });
  },
);
