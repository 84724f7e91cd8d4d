import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  limitPolicy,
  type Manifest,
  route,
  service,
  to,
  under,
} from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';
import { signingKey } from '../../testing/rig-tokens.ts';

const corp = await signingKey('corp');
const authenticate = { jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { inline: corp.jwks } }] };

/** An hour, so that nothing is refilled while the test runs. */
const limit = (name: string, requests: number, by: readonly object[] = [], more: object = {}) => ({
  name,
  requests,
  per: 'Hour',
  ...(by.length === 0 ? {} : { by }),
  ...more,
});
const rule = (name: string) => ({ name, ...under(`/${name}`), ...to('orders') });
const answers = [
  { name: 'pong', ...under('/pong'), respond: { status: 200, body: 'pong' } },
  { name: 'old', ...under('/old'), redirect: { scheme: 'https' } },
];

const manifests: readonly Manifest[] = [
  apiGateway({ listeners: [80, 81].map((port) => ({ name: `web${port}`, port, protocol: 'HTTP' })) }),
  service('orders'),
  route(
    'all',
    ['total', 'claim', 'nested', 'header', 'ip', 'pair', 'two', 'own-a', 'own-b', 'shadow', 'denied', 'mixed']
      .map(rule)
      .concat(answers as never),
  ),
  authPolicy('claim', 'Route/all/claim Route/all/nested Route/all/pair', { authenticate }),
  authPolicy('denied', 'Route/all/denied', { authorize: { allow: [{ to: [{ methods: ['POST'] }] }] } }),
  authPolicy('mixed', 'Route/all/mixed', everyone),
  limitPolicy('total', 'Route/all/total', [limit('total', 3)]),
  limitPolicy('claim', 'Route/all/claim', [limit('sub', 2, [{ claim: 'sub' }])]),
  limitPolicy('nested', 'Route/all/nested', [limit('team', 2, [{ claim: '/org/team' }])]),
  limitPolicy('header', 'Route/all/header', [limit('tenant', 2, [{ header: 'X-Tenant' }])]),
  limitPolicy('ip', 'Route/all/ip', [limit('ip', 2, [{ clientIP: true }])]),
  limitPolicy('pair', 'Route/all/pair', [limit('pair', 2, [{ claim: 'sub' }, { header: 'x-tenant' }])]),
  limitPolicy('two', 'Route/all/two', [limit('few', 2, [{ header: 'x-tenant' }]), limit('many', 5)]),
  limitPolicy('own', 'Route/all/own-a Route/all/own-b', [limit('own', 2)]),
  limitPolicy('shadow', 'Route/all/shadow', [limit('shadow', 1, [], { mode: 'Shadow' })]),
  limitPolicy('denied', 'Route/all/denied', [limit('denied', 2)]),
  limitPolicy('mixed', 'Route/all/mixed', [limit('sub', 2, [{ claim: 'sub' }])]),
  limitPolicy('answers', 'Route/all/pong Route/all/old', [limit('few', 2)]),
  route('whole', [rule('whole-a'), rule('whole-b')]),
  limitPolicy('whole', 'Route/whole', [limit('whole', 3)]),
  // One for each listener: on the second port alone.
  limitPolicy('listener', 'ApiGateway/edge/web81', [limit('listener', 4)]),
];

await rigSuite(
  'limits, with traffic',
  () => manifests,
  (rig) => {
    /** Status codes of as many equal requests. */
    const repeat = async (count: number, request: RigRequest) => {
      const seen: number[] = [];
      for (let index = 0; index < count; index += 1) seen.push(await rig().status(request));
      return seen;
    };
    const tenant = (value: string) => [['x-tenant', value] as const];

    test('without a key, everybody is counted together, and told so', async () => {
      expect(await repeat(2, { path: '/total', from: '127.0.0.2' })).toEqual([200, 200]);
      const last = await rig().send({ path: '/total' });
      expect({ status: last.status, remaining: last.header('x-ratelimit-remaining') }).toEqual({
        status: 200,
        remaining: '0',
      });
      const refused = await rig().send({ path: '/total', headers: tenant('x') });
      expect(refused).toMatchObject({ status: 429, received: undefined });
      expect(refused.header('x-ratelimit-limit')).toMatch(/^3\b/);
      expect(Number(refused.header('retry-after'))).toBeGreaterThan(0);
    });

    test('by claim', async () => {
      const [alice, bob] = [await corp.sign({ sub: 'alice' }), await corp.sign({ sub: 'bob' })];
      expect(await repeat(3, { path: '/claim', token: alice })).toEqual([200, 200, 429]);
      expect(await repeat(3, { path: '/claim', token: bob })).toEqual([200, 200, 429]);
      // Another token of the same caller counts with the first.
      expect(await repeat(1, { path: '/claim', token: await corp.sign({ sub: 'alice', jti: '2' }) })).toEqual([429]);
    });

    test('by nested claim; tokens without it, or with another type there, share one count', async () => {
      const sign = (org: unknown) => corp.sign({ org });
      expect(await repeat(3, { path: '/nested', token: await sign({ team: 'a' }) })).toEqual([200, 200, 429]);
      expect(await repeat(1, { path: '/nested', token: await sign({}) })).toEqual([200]);
      expect(await repeat(1, { path: '/nested', token: await sign({ team: ['x'] }) })).toEqual([200]);
      expect(await repeat(1, { path: '/nested', token: await sign({ team: 7 }) })).toEqual([429]);
      expect(await repeat(1, { path: '/nested', token: await sign(undefined) })).toEqual([429]);
    });

    test('by header, case of the name ignored; without it, one count', async () => {
      expect(await repeat(3, { path: '/header', headers: tenant('a') })).toEqual([200, 200, 429]);
      expect(await repeat(1, { path: '/header', headers: [['X-TENANT', 'a']] })).toEqual([429]);
      expect(await repeat(2, { path: '/header', headers: tenant('b') })).toEqual([200, 200]);
      expect(await repeat(3, { path: '/header' })).toEqual([200, 200, 429]);
    });

    test('by client address, which X-Forwarded-For cannot change', async () => {
      expect(await repeat(3, { path: '/ip' })).toEqual([200, 200, 429]);
      expect(await repeat(1, { path: '/ip', headers: [['x-forwarded-for', '203.0.113.9']] })).toEqual([429]);
      expect(await repeat(2, { path: '/ip', from: '127.0.0.9' })).toEqual([200, 200]);
    });

    test('by two keys: each combination has a count, whatever is missing', async () => {
      const [alice, bob] = [await corp.sign({ sub: 'alice' }), await corp.sign({ sub: 'bob' })];
      expect(await repeat(3, { path: '/pair', token: alice, headers: tenant('a') })).toEqual([200, 200, 429]);
      expect(await repeat(3, { path: '/pair', token: alice, headers: tenant('b') })).toEqual([200, 200, 429]);
      expect(await repeat(3, { path: '/pair', token: bob, headers: tenant('a') })).toEqual([200, 200, 429]);
      expect(await repeat(3, { path: '/pair', token: alice })).toEqual([200, 200, 429]);
      expect(await repeat(1, { path: '/pair', token: bob })).toEqual([200]);
    });

    test('two limits of a policy both count', async () => {
      expect(await repeat(3, { path: '/two', headers: tenant('a') })).toEqual([200, 200, 429]);
      expect(await repeat(2, { path: '/two', headers: tenant('b') })).toEqual([200, 200]);
      // A request that one limit refuses may still be counted by the other, never for less.
      const [last] = (await repeat(2, { path: '/two', headers: tenant('c') })).toReversed();
      expect(last).toBe(429);
    });

    test('a limit on a Route is shared by all of its rules, however a request reaches it', async () => {
      expect(await repeat(2, { path: '/whole-a' })).toEqual([200, 200]);
      expect(await repeat(2, { path: '/whole-b', host: 'other.example.com' })).toEqual([200, 429]);
      expect(await repeat(1, { path: '/whole-a' })).toEqual([429]);
    });

    test('each target of a policy has counts of its own', async () => {
      expect(await repeat(3, { path: '/own-a' })).toEqual([200, 200, 429]);
      expect(await repeat(3, { path: '/own-b' })).toEqual([200, 200, 429]);
    });

    test('Shadow refuses nothing', async () => {
      expect(await repeat(4, { path: '/shadow' })).toEqual([200, 200, 200, 200]);
    });

    test('what a policy refuses does not count', async () => {
      expect(await repeat(4, { path: '/denied' })).toEqual([403, 403, 403, 403]);
      expect(await repeat(3, { path: '/denied', method: 'POST' })).toEqual([200, 200, 429]);
    });

    test.each([
      ['/pong', 200],
      ['/old', 302],
    ])('answers without a backend are limited, too: %s', async (path, status) => {
      expect(await repeat(3, { path })).toEqual([status, status, 429]);
    });

    test('a limit of a listener counts all of its routes, and those of no other', async () => {
      expect(await repeat(2, { port: 81, path: '/mixed' })).toEqual([200, 200]);
      expect(await repeat(3, { port: 81, path: '/own-b' })).toEqual([200, 200, 429]);
    });

    describe('a claim on a route that needs no token', () => {
      test('verified tokens count by themselves, others and none share one count', async () => {
        const token = await corp.sign({ sub: 'carol' });
        expect(await repeat(3, { path: '/mixed', token })).toEqual([200, 200, 429]);
        expect(await repeat(1, { path: '/mixed' })).toEqual([200]);
        expect(await repeat(2, { path: '/mixed', headers: [['authorization', 'Bearer x']] })).toEqual([200, 429]);
      });
    });
  },
);
