import { expect, test } from '@jest/globals';
import { rigSuite } from '../testing/rig.ts';
import { testCertificate, tlsSecret } from '../testing/rig-certificates.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../testing/rig-manifests.ts';
import { signingKey } from '../testing/rig-tokens.ts';

/** What a table says for all of its routes, by filters that Envoy discovers (jwt_authn) or has (RBAC); and what a route says instead. */
const corp = await signingKey('corp');
const partner = await signingKey('partner');
const forger = await signingKey('corp');
const login = 'https://login.example.com';
const other = 'https://partner.example.com';
const jwt = (issuer: string, inline: string) => ({ name: issuer.replaceAll(/[^a-z]/g, ''), issuer, jwks: { inline } });
const deny = [{ name: 'writes', to: [{ methods: ['DELETE'] }] }];

const manifests = [
  apiGateway({
    defaultAccess: 'Deny',
    listeners: [
      { name: 'web', port: 80, protocol: 'HTTP' },
      { name: 'plain', port: 81, protocol: 'HTTP' },
      ...['shop', '*'].map((host, index) => ({
        name: `tls-${index}`,
        port: 443,
        protocol: 'HTTPS',
        hostname: `${host}.example.com`,
        tls: { certificateRefs: [{ name: 'wild' }] },
      })),
    ],
  }),
  tlsSecret('wild', testCertificate('*.example.com')),
  service('orders'),
  route(
    'all',
    [
      { name: 'open', ...under('/open'), ...to('orders') },
      { name: 'denied', ...under('/denied'), ...to('orders') },
      { name: 'guarded', ...under('/guarded'), ...to('orders') },
      { name: 'either', ...under('/either'), ...to('orders') },
      { name: 'uncovered', ...under('/uncovered'), ...to('orders') },
      { name: 'broken', ...under('/broken'), ...to('orders') },
      { name: 'moved', ...under('/moved'), redirect: { hostname: 'new.example.com' } },
      { name: 'page', ...under('/page'), respond: { status: 204 } },
    ],
    {
      parentRefs: [
        { name: 'edge', sectionName: 'web' },
        { name: 'edge', sectionName: 'tls-1' },
      ],
    },
  ),
  route('plain', [{ name: 'open', ...under('/open'), ...to('orders') }], {
    parentRefs: [{ name: 'edge', sectionName: 'plain' }],
  }),
  authPolicy('open', 'Route/all/open Route/all/page Route/plain', everyone),
  authPolicy('denied', 'Route/all/denied', { authorize: { ...everyone.authorize, deny } }),
  authPolicy('guarded', 'Route/all/guarded', { authenticate: { jwt: [jwt(login, corp.jwks)] } }),
  authPolicy('either', 'Route/all/either', {
    authenticate: { jwt: [jwt(login, corp.jwks), jwt(other, partner.jwks)] },
  }),
  authPolicy('broken', 'Route/all/broken', { authorize: { allow: 'everybody' } }),
];

/** Answers to: no token, a good one of corp, a good one of partner, a forged one, an expired one, one of nobody here. */
const answers: readonly (readonly [string, ...number[]])[] = [
  ['/open', 200, 200, 200, 401, 401, 200],
  ['/denied', 200, 200, 200, 401, 401, 200],
  ['/guarded', 401, 200, 401, 401, 401, 401],
  ['/either', 401, 200, 200, 401, 401, 401],
  ['/uncovered', 403, 403, 403, 401, 401, 403],
  ['/broken', 500, 500, 500, 401, 401, 500],
  ['/moved', 302, 302, 302, 401, 401, 302],
  ['/page', 204, 204, 204, 401, 401, 204],
  ['/nowhere', 404, 404, 404, 401, 401, 404],
];

await rigSuite(
  'what a table says for all of its routes',
  () => manifests,
  (rig) => {
    const tokens = async () => [
      undefined,
      await corp.sign({}),
      await partner.sign({ iss: other }),
      await forger.sign({}),
      await corp.sign({ exp: 1 }),
      await corp.sign({ iss: 'https://nobody.example.com' }),
    ];
    const ask = async (path: string, more: object = {}) => {
      const found: number[] = [];
      for (const token of await tokens()) found.push(await rig().status({ path, ...(token && { token }), ...more }));
      return found;
    };

    test.each(answers)('%s', async (path, ...expected) => expect(await ask(path)).toEqual(expected));

    test('a route that denies more still refuses bad tokens, and says which it is', async () => {
      expect(await ask('/denied', { method: 'DELETE' })).toEqual([403, 403, 403, 401, 401, 403]);
      const { header } = await rig().send({ path: '/nowhere', token: await forger.sign({}) });
      expect(header('www-authenticate')).toBe('Bearer error="invalid_token"');
    });

    test("another listener's host", async () => {
      const misdirected = { port: 443, host: 'shop.example.com', serverName: 'a.example.com' };
      expect(await ask('/open', misdirected)).toEqual([421, 421, 421, 401, 401, 421]);
    });

    test('a listener on which nobody knows the issuer passes its tokens', async () => {
      expect(await ask('/open', { port: 81 })).toEqual([200, 200, 200, 200, 200, 200]);
      expect(await ask('/nowhere', { port: 81 })).toEqual([404, 404, 404, 404, 404, 404]);
    });
  },
  { broken: true },
);
