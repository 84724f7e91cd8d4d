import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  type Manifest,
  route,
  service,
  to,
  under,
} from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';
import { signingKey, type Token } from '../../testing/rig-tokens.ts';

const corp = await signingKey('corp');
const partner = await signingKey('partner');
const ours = 'https://login.example.com';
const theirs = 'https://partner.example.com';
const corpJwt = { name: 'corp', issuer: ours, jwks: { inline: corp.jwks } };
const partnerJwt = { name: 'partner', issuer: theirs, jwks: { inline: partner.jwks } };
const authenticate = { jwt: [corpJwt] };
const either = { jwt: [corpJwt, partnerJwt] };

/** A rule of the Route `all` under its own name, with the policy on it. */
interface Case {
  readonly name: string;
  readonly policy: object;
}
const guarded = (name: string, authorize: object, more: object = {}): Case => ({
  name,
  policy: { authorize, ...more },
});
const allow = (...rules: readonly object[]) => ({ allow: rules });
const deny = (...rules: readonly object[]) => ({ ...everyone.authorize, deny: rules });
const operation = (to: object) => ({ to: [to] });
const source = (from: object) => ({ from: [from] });
const when = (...conditions: readonly object[]) => ({ when: conditions });

const cases: readonly Case[] = [
  guarded('methods', allow(operation({ methods: ['GET', 'P*', '*TE'] }))),
  guarded('not-methods', allow(operation({ notMethods: ['DELETE'] }))),
  guarded('path-exact', allow(operation({ paths: ['/path-exact/a'] }))),
  guarded('path-prefix', allow(operation({ paths: ['/path-prefix/a*'] }))),
  guarded('path-suffix', allow(operation({ paths: ['*/a'] }))),
  guarded('path-segment', allow(operation({ paths: ['/path-segment/{*}/a'] }))),
  guarded('path-rest', allow(operation({ paths: ['/path-rest/{*}/{**}'] }))),
  guarded('path-deny', deny(operation({ paths: ['/path-deny/{*}', '/path-deny/x/{**}'] }))),
  guarded('path-not', deny(operation({ paths: ['/path-not/*'], notPaths: ['/path-not/ok*'] }))),
  guarded('hosts', allow(operation({ hosts: ['Shop.example.com', '*.test'] }))),
  guarded('hosts-deny', deny(operation({ hosts: ['admin.example.com'] }))),
  guarded('hosts-deny-suffix', deny(operation({ hosts: ['*.Admin.example.com', '*.test:81'] }))),
  guarded('hosts-not', allow(operation({ notHosts: ['*.admin.example.com'] }))),
  guarded('header', allow(when({ header: 'X-Tenant', values: ['a', 'b*', '*z'] }))),
  guarded('header-not', allow(when({ header: 'x-tenant', notValues: ['bad'] }))),
  guarded('header-deny', deny(when({ header: 'x-tenant', values: ['bad'] }))),
  guarded('header-present', allow(when({ header: 'x-tenant', values: ['*'] }))),
  guarded('header-two', allow(when({ header: 'x-a', values: ['1'] }, { header: 'x-b', values: ['2'] }))),
  guarded('claim', allow(when({ claim: 'team', values: ['shop*'], notValues: ['shop-x'] })), { authenticate }),
  guarded('claim-deny', { deny: [when({ claim: 'groups', values: ['banned'] })] }, { authenticate }),
  guarded('principal', allow(source({ requestPrincipals: [`${ours}/alice`, `${theirs}/*`] })), {
    authenticate: either,
  }),
  guarded('principal-not', allow(source({ notRequestPrincipals: [`${ours}/mallory`] })), { authenticate: either }),
  guarded('principal-any', allow(source({ requestPrincipals: ['*'] })), { authenticate }),
  guarded('direct', allow(source({ ipBlocks: ['127.0.0.2', '127.0.1.0/24'] }))),
  guarded('direct-not', allow(source({ notIpBlocks: ['127.0.0.2'] }))),
  guarded('remote-deny', deny(source({ remoteIpBlocks: ['127.0.0.2', '203.0.113.0/24'] }))),
  guarded(
    'mixed',
    allow({
      from: [{ ipBlocks: ['127.0.0.2'] }, { ipBlocks: ['127.0.0.3'] }],
      to: [{ methods: ['GET'] }, { methods: ['POST'], paths: ['/mixed/new'] }],
      when: [{ header: 'x-ok', values: ['1'] }],
    }),
  ),
  guarded('over', { allow: [{ name: 'all' }], deny: [operation({ methods: ['DELETE'] })] }),
  guarded('inside', allow(source({ namespaces: ['billing'] }))),
  guarded('inside-or', allow(source({ principals: ['*'] }), operation({ methods: ['GET'] }))),
  guarded('inside-not', allow(source({ notServiceAccounts: ['billing/batch'], notPrincipals: ['*'] }))),
  guarded('inside-deny', deny(source({ principals: ['*'] }), source({ serviceAccounts: ['web'] }))),
  guarded('inside-deny-not', deny({ ...source({ notPrincipals: ['*'] }), ...operation({ methods: ['POST'] }) })),
  guarded('nobody', allow()),
  guarded('unread', allow(operation({ methods: ['get'] }))),
  guarded('orphan', allow(when({ claim: 'sub', values: ['alice'] }))),
  guarded('shadow-only', allow(), { mode: 'Shadow' }),
];

const rules = cases.map(({ name }) => ({ name, ...under(`/${name}`), ...to('orders') }));

const single: readonly Manifest[] = [
  route('all', [...rules, { name: 'bare', ...under('/bare'), ...to('orders') }], {
    hostnames: ['*.example.com', '*.test'],
  }),
  ...cases.map(({ name, policy }) => authPolicy(name, `Route/all/${name}`, policy)),
];

await rigSuite(
  'authorize, with traffic',
  () => [apiGateway({ defaultAccess: 'Deny' }), service('orders'), ...single],
  (rig) => {
    const status = (request: RigRequest) => rig().status(request);
    const tenant = (...values: readonly string[]) => values.map((value) => ['x-tenant', value] as const);

    test.each<[expected: number, request: RigRequest]>([
      [200, { path: '/methods' }],
      [200, { path: '/methods', method: 'PUT' }],
      [200, { path: '/methods', method: 'DELETE' }],
      [403, { path: '/methods', method: 'OPTIONS' }],
      [403, { path: '/methods', method: 'HEAD' }],
      [200, { path: '/not-methods', method: 'OPTIONS' }],
      [403, { path: '/not-methods', method: 'DELETE' }],
      [200, { path: '/path-exact/a' }],
      [200, { path: '/path-exact/a?x=/b' }],
      [403, { path: '/path-exact/a/' }],
      [403, { path: '/path-exact/A' }],
      [403, { path: '/path-exact?/path-exact/a' }],
      [200, { path: '/path-prefix/abc/d' }],
      [403, { path: '/path-prefix/b' }],
      [200, { path: '/path-suffix/b/a' }],
      [200, { path: '/path-suffix/a?x' }],
      [403, { path: '/path-suffix/b?x=/a' }],
      [200, { path: '/path-segment/x/a' }],
      [200, { path: '/path-segment/x/a?y' }],
      [403, { path: '/path-segment/x/y/a' }],
      [403, { path: '/inside' }],
      [200, { path: '/inside-or' }],
      [403, { path: '/inside-or', method: 'POST' }],
      [200, { path: '/inside-not' }],
      [200, { path: '/inside-deny' }],
      [200, { path: '/inside-deny-not' }],
      [403, { path: '/inside-deny-not', method: 'POST' }],
      [403, { path: '/path-segment//a' }],
      [403, { path: '/path-segment/a' }],
      [200, { path: '/path-rest/x/y/z' }],
      [200, { path: '/path-rest/x/y?z' }],
      [403, { path: '/path-rest/x' }],
      [403, { path: '/path-deny/x' }],
      [403, { path: '/path-deny/a%5Bb' }],
      // No template matches them, so none would deny them: they go no further than the door.
      [400, { path: '/path-deny/a[b' }],
      [400, { path: '/path-deny/x/a]/b' }],
      [403, { path: '/path-deny/a|"^<>{}`b' }],
      [403, { path: '/path-not/x' }],
      [200, { path: '/path-not/okay' }],
      [200, { path: '/path-not' }],
      [200, { path: '/hosts', host: 'shop.example.com' }],
      [200, { path: '/hosts', host: 'SHOP.example.COM:8080' }],
      [403, { path: '/hosts', host: 'x.shop.example.com' }],
      [403, { path: '/hosts', host: 'shop.example.company.example.com' }],
      [200, { path: '/hosts', host: 'a.TEST' }],
      [403, { path: '/hosts-deny', host: 'admin.example.com' }],
      [403, { path: '/hosts-deny', host: 'ADMIN.example.com:81' }],
      [200, { path: '/hosts-deny', host: 'user.example.com' }],
      [200, { path: '/hosts', host: 'a.test:8080' }],
      [403, { path: '/hosts-deny-suffix', host: 'x.admin.example.com' }],
      [403, { path: '/hosts-deny-suffix', host: 'X.admin.example.com:81' }],
      [403, { path: '/hosts-deny-suffix', host: 'x.admin.example.com.:81' }],
      [200, { path: '/hosts-deny-suffix', host: 'xqadmin.example.com' }],
      [403, { path: '/hosts-deny-suffix', host: 'a.test:81' }],
      [200, { path: '/hosts-deny-suffix', host: 'a.test:82' }],
      [403, { path: '/hosts-not', host: 'x.admin.example.com:81' }],
      [200, { path: '/hosts-not', host: 'user.example.com:81' }],
      [200, { path: '/header', headers: tenant('a') }],
      [200, { path: '/header', headers: tenant('bcd') }],
      [200, { path: '/header', headers: tenant('xyz') }],
      [403, { path: '/header', headers: tenant('A') }],
      [403, { path: '/header', headers: [] }],
      [200, { path: '/header-not', headers: [] }],
      [403, { path: '/header-not', headers: tenant('bad') }],
      [403, { path: '/header-deny', headers: tenant('bad') }],
      [200, { path: '/header-deny', headers: tenant('good') }],
      [403, { path: '/header-present', headers: [] }],
      [200, { path: '/header-present', headers: tenant('x') }],
      [200, { path: '/header-present', headers: tenant('') }],
      [403, { path: '/header-two', headers: [['x-a', '1']] }],
      [
        200,
        {
          path: '/header-two',
          headers: [
            ['x-a', '1'],
            ['x-b', '2'],
          ],
        },
      ],
      [200, { path: '/direct', from: '127.0.0.2' }],
      [200, { path: '/direct', from: '127.0.1.77' }],
      [403, { path: '/direct', from: '127.0.0.1' }],
      [403, { path: '/direct', from: '127.0.0.1', headers: [['x-forwarded-for', '127.0.0.2']] }],
      [403, { path: '/direct-not', from: '127.0.0.2' }],
      [200, { path: '/direct-not', from: '127.0.0.3' }],
      [403, { path: '/remote-deny', from: '127.0.0.2' }],
      [403, { path: '/remote-deny', from: '127.0.0.2', headers: [['x-forwarded-for', '10.0.0.1']] }],
      [200, { path: '/remote-deny', headers: [['x-forwarded-for', '203.0.113.9']] }],
      [403, { path: '/mixed', from: '127.0.0.2' }],
      [200, { path: '/mixed', from: '127.0.0.2', headers: [['x-ok', '1']] }],
      [200, { path: '/mixed/new', method: 'POST', from: '127.0.0.3', headers: [['x-ok', '1']] }],
      [403, { path: '/mixed', method: 'POST', from: '127.0.0.3', headers: [['x-ok', '1']] }],
      [403, { path: '/mixed', from: '127.0.0.4', headers: [['x-ok', '1']] }],
      [200, { path: '/over' }],
      [403, { path: '/over', method: 'DELETE' }],
      [403, { path: '/nobody' }],
      [500, { path: '/unread' }],
      [500, { path: '/orphan' }],
      [403, { path: '/bare' }],
      [403, { path: '/shadow-only' }],
      [404, { path: '/elsewhere' }],
    ])('%d for %j', async (expected, request) => {
      expect(await status(request)).toBe(expected);
    });

    describe('a header that comes twice', () => {
      test.each([
        ['/header-deny', ['good', 'bad'], 403],
        ['/header-deny', ['bad', 'good'], 403],
        ['/header-not', ['good', 'bad'], 403],
        ['/header-not', ['bad', 'good'], 403],
        ['/header-deny', ['good', 'fine'], 200],
      ])('%s with %j is answered %d', async (path, values, expected) => {
        expect(await status({ path, headers: tenant(...values) })).toBe(expected);
      });
    });

    test.each<[path: string, claims: Readonly<Record<string, unknown>> | undefined, expected: number]>([
      ['/claim', { team: 'shop-a' }, 200],
      ['/claim', { team: ['x', 'shop'] }, 200],
      ['/claim', { team: 'shop-x' }, 403],
      ['/claim', { team: ['shop', 'shop-x'] }, 403],
      ['/claim', {}, 403],
      ['/claim', undefined, 401],
      ['/claim-deny', {}, 200],
      ['/claim-deny', { groups: ['a', 'banned'] }, 403],
      ['/claim-deny', { groups: 'banned' }, 403],
      ['/claim-deny', undefined, 401],
      ['/principal', { sub: 'alice' }, 200],
      ['/principal', { sub: 'bob' }, 403],
      ['/principal', { iss: theirs, sub: 'bob' }, 200],
      ['/principal-not', { sub: 'alice' }, 200],
      ['/principal-not', { sub: 'mallory' }, 403],
      ['/principal-not', { iss: theirs, sub: 'mallory' }, 200],
      ['/principal-any', { sub: 'x' }, 200],
      ['/principal-any', { sub: '' }, 403],
    ])('%s with the claims %j is answered %d', async (path, claims, expected) => {
      const key = claims?.['iss'] === theirs ? partner : corp;
      const token: Token | undefined = claims === undefined ? undefined : await key.sign(claims);
      expect(await status({ path, ...(token === undefined ? {} : { token }) })).toBe(expected);
    });
  },
  { broken: true },
);

/** Policies on ApiGateway, listener, Route and rule, each admitting another part of all requests. */
const listeners = [
  { name: 'web', port: 80, protocol: 'HTTP' },
  { name: 'alt', port: 81, protocol: 'HTTP' },
];
const needs = (name: string) => ({ authorize: allow(when({ header: `x-${name}`, values: ['1'] })) });
const path = (name: string) => ({ name, ...under(`/${name}`), ...to('orders') });

const layered: readonly Manifest[] = [
  apiGateway({ defaultAccess: 'Deny', listeners }),
  service('orders'),
  authPolicy('a-gateway', 'ApiGateway/edge', needs('gateway')),
  authPolicy('a-listener', 'ApiGateway/edge/alt', needs('listener')),
  route('all', [path('plain'), path('strict'), path('two')]),
  authPolicy('a-route', 'Route/all', needs('route')),
  authPolicy('a-rule', 'Route/all/strict', needs('rule')),
  authPolicy('rule-a', 'Route/all/two', needs('a')),
  authPolicy('rule-b', 'Route/all/two', needs('b')),
  // Covered by nothing of its own: a policy on the gateway only tightens.
  route('bare', [path('bare')]),
];

await rigSuite(
  'policies along the path, with traffic',
  () => layered,
  (rig) => {
    test.each<[port: number, target: string, headers: string, expected: number]>([
      [80, '/plain', 'gateway route', 200],
      [80, '/plain', 'gateway', 403],
      [80, '/plain', 'route', 403],
      [81, '/plain', 'gateway route', 403],
      [81, '/plain', 'gateway listener route', 200],
      [80, '/strict', 'gateway route', 403],
      [80, '/strict', 'gateway route rule', 200],
      [80, '/two', 'gateway route a', 403],
      [80, '/two', 'gateway route a b', 200],
      [80, '/bare', 'gateway', 403],
    ])('port %d%s with %s is answered %d', async (port, target, names, expected) => {
      const headers = names.split(' ').map((name) => [`x-${name}`, '1'] as const);
      expect(await rig().status({ port, path: target, headers })).toBe(expected);
    });
  },
  { broken: true },
);
