import { describe, expect, test } from '@jest/globals';
import type { RouteEntry } from '../../ir/gateway.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resolver } from '../../resolve/resolve.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  jwt,
  rateLimitPolicy,
  route,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { accessWords, limitWords, matchWords, targetWords } from './route-words.ts';

function entryOf(...objects: readonly KubeObject[]): RouteEntry {
  const found = resolver()(snapshotOf([gateway(), service(), ...objects])).gateways.get('shop/edge');
  const entry = found?.chains[0]?.virtualHosts.flatMap(({ entries }) => entries)[0];
  if (entry === undefined) throw new Error('no entry');
  return entry;
}

const rules = (rule: object) => route({ rules: [rule] });
const when = [{ claim: 'scope', values: ['orders.read'] }];

describe('who may', () => {
  test.each([
    ['public', [route(), authPolicy()]],
    [
      'public, but not blocked',
      [
        route(),
        authPolicy({
          authorize: {
            allow: [{ name: 'anyone' }],
            deny: [{ name: 'blocked', from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] }],
          },
        }),
      ],
    ],
    ['token of login.example.com', [route(), authPolicy({ authenticate: { jwt: [jwt()] }, authorize: undefined })]],
    [
      'token of login.example.com',
      [route(), authPolicy({ authenticate: { jwt: [jwt({ audiences: ['shop'] })] }, authorize: undefined })],
    ],
    [
      'token of login.example.com + readers',
      [route(), authPolicy({ authenticate: { jwt: [jwt()] }, authorize: { allow: [{ name: 'readers', when }] } })],
    ],
    [
      'office',
      [
        route(),
        authPolicy({ authorize: { allow: [{ name: 'office', from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] }] } }),
      ],
    ],
    ['403: no AuthPolicy covers it', [route()]],
    ['403: no rule admits anyone', [route(), authPolicy({ authorize: { allow: [] } })]],
    [
      'public, in shadow: dry',
      [route(), authPolicy(), authPolicy({ mode: 'Shadow', authorize: { allow: [] } }, { name: 'dry' })],
    ],
    ['public', [rules({ redirect: { scheme: 'https' } })]],
  ])('%s', (words, objects) => {
    expect(accessWords(entryOf(...objects))).toBe(words);
  });

  test('what is broken says why it answers 500', () => {
    expect(accessWords(entryOf(route(), authPolicy({ nope: 1 })))).toMatch(/^500: .*nope/);
  });
});

test.each([
  ['shop/orders:80', rules({ backendRefs: [backendRef()] })],
  [
    'shop/orders:80 90%, 500 10%',
    rules({ backendRefs: [backendRef({ weight: 9 }), backendRef({ name: 'none', weight: 1 })] }),
  ],
  ['answers 500: no backend', rules({ backendRefs: [] })],
  ['redirects 301 to https', rules({ redirect: { scheme: 'https', statusCode: 301 } })],
  ['redirects 302 to www.example.com :8443', rules({ redirect: { hostname: 'www.example.com', port: 8443 } })],
  ['answers 204', rules({ respond: { status: 204 } })],
])('where to: %s', (words, object) => {
  expect(targetWords(entryOf(object, authPolicy()))).toBe(words);
});

test.each([
  ['/', {}],
  ['GET /orders', { path: { value: '/orders' }, method: 'GET' }],
  [
    '/orders exactly, x-canary: true, ?v=~ [12]',
    {
      path: { type: 'Exact', value: '/orders' },
      headers: [{ name: 'X-Canary', value: 'true' }],
      queryParams: [{ name: 'v', type: 'RegularExpression', value: '[12]' }],
    },
  ],
  ['~ /a|/b', { path: { type: 'RegularExpression', value: '/a|/b' } }],
])('what: %s', (words, match) => {
  expect(matchWords(entryOf(rules({ matches: [match], respond: { status: 200 } })).match)).toBe(words);
});

test.each([
  ['', []],
  ['3 a minute by sub', [{ name: 'a', requests: 3, per: 'Minute', by: [{ claim: 'sub' }] }]],
  [
    '5 a second, 100 a day by x-tenant and client IP (shadow)',
    [
      { name: 'a', requests: 5, per: 'Second' },
      { name: 'b', requests: 100, per: 'Day', by: [{ header: 'x-tenant' }, { clientIP: true }], mode: 'Shadow' },
    ],
  ],
])('how often: %s', (words, limits) => {
  const policy = limits.length === 0 ? [] : [rateLimitPolicy({ limits })];
  expect(limitWords(entryOf(route(), authPolicy({ authenticate: { jwt: [jwt()] } }), ...policy).limits)).toBe(words);
});
