import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';
import { signingKey } from '../../testing/rig-tokens.ts';

/** Several gateways at once, told apart by port: what a policy leads to where it is sufficient, broken, in shadow, or behind proxies. */
const corp = await signingKey('corp');
const partner = await signingKey('partner');
const jwt = (issuer: string, jwks: string) => ({ jwt: [{ name: 'one', issuer, jwks: { inline: jwks } }] });
const corpOnly = { authenticate: jwt('https://login.example.com', corp.jwks) };
const partnerOnly = { authenticate: jwt('https://partner.example.com', partner.jwks) };

const gateway = (name: string, port: number, spec: object = {}) =>
  apiGateway({ defaultAccess: 'Deny', listeners: [{ name: 'web', port, protocol: 'HTTP' }], ...spec }, name);
const parentRefs = (name: string) => ({ parentRefs: [{ name }] });
const rule = (name: string) => ({ name, ...under(`/${name}`), ...to('orders') });
const hops = (trustedHops: number) => ({ clientIP: { trustedHops }, defaultAccess: 'Public' });
const inside = { authorize: { allow: [{ from: [{ remoteIpBlocks: ['203.0.113.0/24', '2001:db8::/32'] }] }] } };

const manifests = [
  service('orders'),

  gateway('sufficient', 1000),
  authPolicy('sufficient', 'ApiGateway/sufficient', { ...corpOnly, sufficient: true }),
  authPolicy('more', 'Route/sufficient/more', { authorize: { allow: [{ to: [{ methods: ['GET'] }] }] } }),
  route('sufficient', [rule('plain'), rule('more')], parentRefs('sufficient')),

  gateway('insufficient', 1001),
  authPolicy('insufficient', 'ApiGateway/insufficient', corpOnly),
  route('insufficient', [rule('plain')], parentRefs('insufficient')),

  gateway('public', 1002, { defaultAccess: 'Public' }),
  authPolicy('tight', 'Route/public/tight', corpOnly),
  authPolicy('only-deny', 'Route/public/only-deny', { authorize: { deny: [{ to: [{ methods: ['DELETE'] }] }] } }),
  route('public', [rule('plain'), rule('tight'), rule('only-deny')], parentRefs('public')),

  gateway('broken', 1003),
  authPolicy('other-issuer', 'Route/broken/unsatisfiable', corpOnly),
  authPolicy('own-issuer', 'Route/broken/unsatisfiable', partnerOnly),
  authPolicy('unread', 'Route/broken/unread', { authorize: { allow: 'everybody' } }),
  authPolicy('open', 'Route/broken/fine Route/broken/unread', everyone),
  route('broken', [rule('unsatisfiable'), rule('unread'), rule('fine')], parentRefs('broken')),

  gateway('section', 1004),
  authPolicy('section', 'Route/section/plane', everyone),
  authPolicy('section-open', 'Route/section', everyone),
  route('section', [rule('plain')], parentRefs('section')),
  route('beside', [rule('beside')], parentRefs('section')),
  authPolicy('beside', 'Route/beside', everyone),

  gateway('shadow', 1005, { defaultAccess: 'Public' }),
  authPolicy('shadow-allow', 'Route/shadow/allow', {
    mode: 'Shadow',
    authorize: { allow: [{ to: [{ methods: ['GET'] }] }] },
  }),
  authPolicy('shadow-deny', 'Route/shadow/deny', { mode: 'Shadow', authorize: { deny: [{ name: 'all' }] } }),
  authPolicy('shadow-jwt', 'Route/shadow/jwt', { ...corpOnly, mode: 'Shadow' }),
  authPolicy('shadow-broken', 'Route/shadow/broken', {
    mode: 'Shadow',
    authorize: { allow: [{ to: [{ methods: ['get'] }] }] },
  }),
  route('shadow', [rule('allow'), rule('deny'), rule('jwt'), rule('broken')], parentRefs('shadow')),

  ...[0, 1, 2].flatMap((count) => [
    gateway(`hops${count}`, 1010 + count, hops(count)),
    route(`hops${count}`, [rule('inside')], parentRefs(`hops${count}`)),
    authPolicy(`hops${count}`, `Route/hops${count}/inside`, inside),
  ]),
];

await rigSuite(
  'guards of several gateways, with traffic',
  () => manifests,
  (rig) => {
    const status = (port: number, path: string, more: RigRequest = {}) => rig().status({ port, path, ...more });

    test('sufficient: a policy of the ApiGateway covers its routes, and inner ones still tighten', async () => {
      const token = await corp.sign({});
      expect(await status(1000, '/plain')).toBe(401);
      expect(await status(1000, '/plain', { token })).toBe(200);
      expect(await status(1000, '/more', { token })).toBe(200);
      expect(await status(1000, '/more', { token, method: 'POST' })).toBe(403);
    });

    test('without sufficient, it only tightens: nothing is covered', async () => {
      expect(await status(1001, '/plain', { token: await corp.sign({}) })).toBe(403);
    });

    test('defaultAccess Public: uncovered is open, covered is not', async () => {
      expect(await status(1002, '/plain')).toBe(200);
      expect(await status(1002, '/tight')).toBe(401);
      expect(await status(1002, '/tight', { token: await corp.sign({}) })).toBe(200);
      expect(await status(1002, '/only-deny')).toBe(200);
      expect(await status(1002, '/only-deny', { method: 'DELETE' })).toBe(403);
    });

    test('policies that no request satisfies, and ones that cannot be read, answer 500 on their rule alone', async () => {
      const both = [await corp.sign({}), await partner.sign({ iss: 'https://partner.example.com' })];
      for (const token of both) expect(await status(1003, '/unsatisfiable', { token })).toBe(500);
      expect(await status(1003, '/unread')).toBe(500);
      expect(await status(1003, '/fine')).toBe(200);
    });

    test('an unknown sectionName blocks the whole target, and nothing beside it', async () => {
      expect(await status(1004, '/plain')).toBe(500);
      expect(await status(1004, '/beside')).toBe(200);
    });

    describe('shadow', () => {
      const counted = async () => {
        const stats = await rig().stats('^http\\.http-1005\\.rbac\\..*shadow_denied$');
        return [...stats.values()].reduce<number>((sum, value) => sum + Number(value), 0);
      };

      test.each<[path: string, request: RigRequest, more: number]>([
        ['/allow', { method: 'GET' }, 0],
        ['/allow', { method: 'DELETE' }, 1],
        ['/deny', {}, 1],
        ['/jwt', {}, 1],
        ['/broken', {}, 0],
      ])('%s with %j is answered 200 and counted %d times', async (path, request, more) => {
        const before = await counted();
        expect(await status(1005, path, request)).toBe(200);
        expect((await counted()) - before).toBe(more);
      });

      test('a token that satisfies the shadow is not counted, and a bad one is not refused', async () => {
        const before = await counted();
        expect(await status(1005, '/jwt', { token: await corp.sign({}) })).toBe(200);
        expect((await counted()) - before).toBe(0);
        expect(await status(1005, '/jwt', { token: await corp.sign({ exp: 1 }) })).toBe(200);
        expect((await counted()) - before).toBe(1);
      });
    });

    describe('remoteIpBlocks behind trusted hops', () => {
      const client = '203.0.113.9';
      const stranger = '198.51.100.1';
      test.each<[hops: number, forwardedFor: readonly string[], expected: number]>([
        [0, [], 403],
        [0, [client], 403],
        [0, [client, client], 403],
        [1, [], 403],
        [1, [client], 200],
        [1, [`${stranger}, ${client}`], 200],
        [1, [`${client}, ${stranger}`], 403],
        [1, [client, stranger], 403],
        [1, [stranger, client], 200],
        [1, ['2001:db8::1'], 200],
        [1, ['garbage'], 403],
        // No plain address, so it is not read: the peer is the client.
        [1, [`${client}:80`], 403],
        [2, [client], 403],
        [2, [`${client}, ${stranger}`], 200],
        [2, [`${stranger}, ${client}`], 403],
        [2, [`${client}, ${client}, ${stranger}`], 200],
        [2, [`${client}, ${stranger}, ${stranger}`], 403],
      ])('%d hops and X-Forwarded-For %j is answered %d', async (count, forwardedFor, expected) => {
        const headers = forwardedFor.map((value) => ['x-forwarded-for', value] as const);
        expect(await status(1010 + count, '/inside', { headers })).toBe(expected);
      });

      test.each([
        ['overwritten where nobody in front is trusted', 1002, ['127.0.0.1']],
        ['continued behind a trusted proxy', 1011, [expect.stringMatching(new RegExp(`^${client}, ?[0-9.]+$`))]],
      ])('X-Forwarded-For is %s', async (_what, port, expected) => {
        const path = port === 1002 ? '/plain' : '/inside';
        const { received } = await rig().send({ port, path, headers: [['x-forwarded-for', client]] });
        const lines = received?.headers.filter(([name]) => name === 'x-forwarded-for') ?? [];
        expect(lines.map(([, value]) => value)).toEqual(expected);
      });
    });
  },
  { broken: true },
);
