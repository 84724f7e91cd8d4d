import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Disagreement } from './agree.ts';
import { fuzz } from './fuzz.ts';
import { rigSuite } from './rig.ts';
import { testCertificate, tlsSecret } from './rig-certificates.ts';
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
} from './rig-manifests.ts';
import type { HeaderPair, RigRequest } from './rig-request.ts';
import { signingKey, type Token } from './rig-tokens.ts';

/** Four gateways in one Envoy, one a port: whatever is asked of them, `explain` knows the answer. */
const corp = await signingKey('corp');
const partner = await signingKey('partner');
const forger = await signingKey('corp');
const ours = 'https://login.example.com';
const theirs = 'https://partner.example.com';
const jwt = (issuer: string, jwks: string, more: object = {}) => ({
  name: issuer === ours ? 'corp' : 'partner',
  issuer,
  jwks: { inline: jwks },
  ...more,
});
const corpJwt = jwt(ours, corp.jwks);
const partnerJwt = jwt(theirs, partner.jwks);

const gateway = (name: string, port: number, spec: object = {}) =>
  apiGateway({ defaultAccess: 'Deny', listeners: [{ name: 'web', port, protocol: 'HTTP' }], ...spec }, name);
const on = (name: string, hostnames?: readonly string[]) => ({
  parentRefs: [{ name }],
  ...(hostnames === undefined ? {} : { hostnames }),
});
const match = (type: string, value: string, more: object = {}) => ({ matches: [{ path: { type, value }, ...more }] });
const rule = (name: string, matched: object, more: object = to('one')) => ({ name, ...matched, ...more });
const allow = (...rules: readonly object[]) => ({ authorize: { allow: rules } });
const deny = (...rules: readonly object[]) => ({ authorize: { allow: [{ name: 'all' }], deny: rules } });

/** Every kind of match and of policy, on a gateway that is shut by default. */
const shut: readonly Manifest[] = [
  gateway('shut', 80),
  route(
    'shut',
    [
      rule('root', under('/')),
      rule('a', under('/a')),
      rule('a-b', match('Exact', '/a/b')),
      rule('a-regex', match('RegularExpression', '/a/[^/]*/x')),
      rule('a-post', match('PathPrefix', '/a', { method: 'POST' })),
      rule('a-tenant', match('PathPrefix', '/a', { headers: [{ name: 'x-tenant', value: 'a' }] })),
      rule('a-query', match('PathPrefix', '/a', { queryParams: [{ name: 'v', value: '1' }] })),
      rule('admin', under('/admin')),
      rule('bare', under('/bare')),
    ],
    on('shut', ['*.example.com', 'shop.test']),
  ),
  route('shut-host', [rule('host', under('/'), to('two'))], on('shut', ['a.example.com'])),
  authPolicy('root', 'Route/shut/root Route/shut-host', everyone),
  authPolicy('a', 'Route/shut/a', { authenticate: { jwt: [corpJwt] } }),
  authPolicy('a-b', 'Route/shut/a-b', {
    authenticate: { jwt: [jwt(ours, corp.jwks, { audiences: ['orders'] }), partnerJwt] },
  }),
  authPolicy('a-regex', 'Route/shut/a-regex', {
    authenticate: { jwt: [corpJwt] },
    ...allow({ when: [{ claim: 'scope', values: ['read'] }] }),
  }),
  authPolicy('a-post', 'Route/shut/a-post', allow({ to: [{ methods: ['POST'], notPaths: ['*/x'] }] })),
  authPolicy('a-tenant', 'Route/shut/a-tenant', deny({ when: [{ header: 'x-tenant', values: ['bad*'] }] })),
  authPolicy('a-query', 'Route/shut/a-query', allow({ to: [{ paths: ['/a/{*}/b', '/a/{*}/b/{**}'] }] })),
  authPolicy('admin', 'Route/shut/admin', {
    authenticate: { jwt: [corpJwt, partnerJwt] },
    ...allow({
      from: [{ requestPrincipals: [`${ours}/alice`, `${theirs}/*`] }],
      when: [{ claim: 'roles', notValues: ['guest'] }],
    }),
  }),
];

/** Open by default, behind one proxy, with an outer policy and limits. */
const open: readonly Manifest[] = [
  gateway('open', 81, { defaultAccess: 'Public', clientIP: { trustedHops: 1 } }),
  authPolicy('outer', 'ApiGateway/open', {
    authorize: { deny: [{ from: [{ remoteIpBlocks: ['203.0.113.0/24'] }], to: [{ notMethods: ['GET'] }] }] },
  }),
  route(
    'open',
    [
      rule('root', under('/')),
      rule('a', under('/a')),
      rule('admin', under('/admin'), {
        ...to('one'),
        backendRefs: [
          { name: 'one', port: 80 },
          { name: 'gone', port: 80 },
        ],
      }),
    ],
    on('open'),
  ),
  authPolicy(
    'inside',
    'Route/open/a',
    allow({
      from: [{ remoteIpBlocks: ['198.51.100.0/24'] }, { ipBlocks: ['127.0.0.2'], notRemoteIpBlocks: ['10.0.0.0/8'] }],
    }),
  ),
  authPolicy('hosts', 'Route/open/admin', allow({ to: [{ hosts: ['shop.example.com', '*.test'] }] })),
  authPolicy('shadow', 'Route/open/root', { mode: 'Shadow', authorize: { allow: [] } }),
  limitPolicy('few', 'Route/open/a', [
    { name: 'few', requests: 2, per: 'Hour', by: [{ header: 'x-tenant' }, { clientIP: true }] },
  ]),
];

/** TLS: three listeners on one port. */
const listener = (name: string, hostname: string) => ({
  name,
  hostname,
  port: 443,
  protocol: 'HTTPS',
  tls: { certificateRefs: [{ name: 'cert' }] },
});
const secure = (): readonly Manifest[] => [
  gateway('secure', 443, {
    defaultAccess: 'Public',
    listeners: [listener('shop', 'shop.example.com'), listener('wild', '*.example.com'), listener('test', 'shop.test')],
  }),
  tlsSecret('cert', testCertificate('shop.example.com', '*.example.com')),
  route('secure', [rule('root', under('/')), rule('a', under('/a'), { redirect: { scheme: 'http' } })], on('secure')),
  route('secure-a', [rule('a', under('/admin'), to('two'))], on('secure', ['a.example.com'])),
  authPolicy('secure-a', 'Route/secure-a', { authenticate: { jwt: [partnerJwt] } }),
];

/** So many routes that Envoy is given a tree, with redirects and rewrites among them. */
const prefix = (value: string) => ({ type: 'ReplacePrefixMatch', value });
const large: readonly Manifest[] = [
  gateway('large', 82, { defaultAccess: 'Public' }),
  route(
    'large',
    [...Array(40).keys()].map((n) => rule(`r${n}`, under(`/r${n}`))),
    on('large'),
  ),
  route(
    'large-odd',
    [
      rule('root', under('/')),
      rule('a', under('/a'), { redirect: { path: prefix('/r1') } }),
      rule('a-b', under('/a/b'), { ...to('two'), rewrite: { path: prefix('/') } }),
      rule('admin', under('/admin'), {
        redirect: { hostname: 'new.test', port: 8443, path: { type: 'ReplaceFullPath', value: '/x' } },
      }),
      rule('regex', match('RegularExpression', '/r[013-9]/(a|b)/?.*')),
      rule('exact', match('Exact', '/r1/a'), { respond: { status: 418 } }),
      rule('empty', under('/r2/a'), to('empty')),
      rule('none', under('/r2/b'), { backendRefs: [] }),
      rule('post', match('PathPrefix', '/r3', { method: 'POST' }), {
        ...to('one'),
        rewrite: { hostname: 'in.test', path: prefix('/v2') },
      }),
      rule('unread', match('RegularExpression', '/r4/(?=a)')),
    ],
    on('large'),
  ),
];

const tokens: readonly (Token | undefined)[] = [
  await corp.sign({}),
  await corp.sign({ aud: 'orders', scope: 'read write', roles: ['guest'] }),
  await corp.sign({ sub: 'bob', aud: ['x', 'orders'], scope: ['read'] }),
  await partner.sign({ iss: theirs, sub: 'carol', roles: 'staff' }),
  await corp.sign({ exp: 1 }),
  await forger.sign({}),
  await partner.sign({}),
  await forger.sign({ iss: 'https://nobody.example.com' }),
];

const words = ['a', 'b', 'x', 'admin', 'bare', 'r1', 'r2', 'r3', 'r4', 'r10', 'A', 'new'];
const nasty = [
  '',
  '.',
  '..',
  '...',
  '%2e',
  '%2E%2e',
  '.%2e',
  '%61',
  '%41dmin',
  '%2f',
  'a%2Fb',
  '%5c',
  'a\\b',
  '\\..',
  ';',
  'a;b',
  '..;',
  '..;x',
  '%3b',
  '%00',
  '%20',
  '%25',
  '%2561',
  '%',
  '%z',
  '%6',
  '~',
  '*',
  '{*}',
  '|',
  '"',
  '<',
  '^',
  '`',
  "'",
  '!$&()+,=:@',
  '%ff',
  '%C3%A9',
  '#',
  'a#b',
  '%23',
  '%3f',
  'a b',
];
const segment = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...words) },
  { weight: 1, arbitrary: fc.constantFrom(...nasty) },
);
const query = fc.constantFrom(
  '',
  '',
  '',
  '?',
  '?v=1',
  '?v=2&v=1',
  '?w&v=1&',
  '?V=1',
  '?v=%31',
  '?v=1;x',
  '?/../admin',
  '?x=#',
  '?a?v=1',
);
const wellKnown = [
  '/a',
  '/a/b',
  '/a/x/b',
  '/a/z/x',
  '/admin',
  '/admin/x',
  '/bare',
  '/r1',
  '/r1/a',
  '/r2/a',
  '/r2/b',
  '/r3/x',
  '/r4/a',
  '/r10/x',
];
const generated = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
const path = fc
  .tuple(fc.oneof(generated, fc.constantFrom(...wellKnown)), query)
  .map(([text, more]) => `${text}${more}`);

const plainHosts = [
  'shop.example.com',
  'SHOP.example.COM',
  'a.example.com',
  'b.a.example.com',
  'example.com',
  'shop.test',
  'other.test',
  'shop.example.com:80',
  'A.example.com:8443',
  'a.example.com:443',
  '127.0.0.1',
  '[::1]',
  '[::1]:80',
  'shop_x.test',
];
const oddHosts = [
  'a.example.com.',
  'shop.example.com.:80',
  'a.example.com..',
  '.',
  'x@a.example.com',
  'a.example.com,b',
  'a.example.com:',
  'a.example.com:x',
  '-a.example.com',
  'a%2eexample.com',
  'a.example.com/x',
  '*.example.com',
  ':80',
  '[a.example.com]',
];
const methods = ['GET', 'GET', 'GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'TRACE'];

const names = [
  'x-tenant',
  'X-Tenant',
  'x-a',
  'user-agent',
  'accept',
  'cookie',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-envoy-original-path',
  'x-request-id',
  'te',
  'via',
  'origin',
  'x-http-method-override',
  'x_tenant',
];
const values = [
  'a',
  'b',
  'bad',
  'badly',
  'a,b',
  '',
  ' a ',
  'https',
  'http',
  'HTTPS',
  '203.0.113.9',
  '198.51.100.7',
  '198.51.100.7, 203.0.113.9',
  '10.0.0.1,198.51.100.7',
  '2001:db8::1',
  '203.0.113.9:80',
  'trailers',
  '/admin',
  '\u00e9',
  'a\tb',
];
const header: fc.Arbitrary<HeaderPair> = fc.oneof(
  fc.tuple(fc.constantFrom(...names.slice(0, 8)), fc.constantFrom(...values)),
  fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values)),
);

const request: fc.Arbitrary<RigRequest> = fc
  .record({
    port: fc.constantFrom(80, 80, 81, 82, 443),
    method: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...methods) },
      { weight: 1, arbitrary: fc.constantFrom('BREW', 'get', 'PURGE') },
    ),
    host: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...plainHosts) },
      { weight: 1, arbitrary: fc.constantFrom(...oddHosts) },
    ),
    path,
    headers: fc.array(header, { maxLength: 4 }),
    token: fc.option(fc.constantFrom(...tokens), { nil: undefined }),
    from: fc.constantFrom('127.0.0.1', '127.0.0.2', '127.0.0.3'),
    http2: fc.boolean(),
    serverName: fc.constantFrom(undefined, undefined, 'shop.example.com', 'a.example.com', 'none.invalid'),
  })
  .map(({ http2, token, serverName, port, ...rest }): RigRequest => {
    const protocol = http2 && fitsHttp2(rest) ? 'HTTP/2' : 'HTTP/1.1';
    // An SNI is a name: what the Host says is only a default where it is one.
    const named = port === 443 ? { serverName: serverName ?? sniOf(rest.host) } : {};
    return { ...rest, ...named, port, protocol, ...(token === undefined ? {} : { token }) };
  });

function sniOf(host: string): string {
  return plainHosts.includes(host) && /^[a-z]/i.test(host) ? host.replace(/:\d+$/, '') : 'shop.example.com';
}

/** There, what is no HTTP ends the stream instead of being answered, and the method may be any word. */
function fitsHttp2({
  method,
  host,
  path: target,
  headers,
}: {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: readonly HeaderPair[];
}): boolean {
  const plain = /^[\x21-\x7e]*$/;
  // Node's client sends some of them only once.
  if (new Set(headers.map(([name]) => name.toLowerCase())).size < headers.length) return false;
  return (
    methods.includes(method) &&
    plainHosts.includes(host) &&
    plain.test(target) &&
    headers.every(([name, value]) => name !== 'x_tenant' && name !== 'te' && plain.test(value))
  );
}

await rigSuite(
  'explain and Envoy',
  () => [service('one'), service('two'), service('empty'), ...shut, ...open, ...secure(), ...large],
  (rig) => {
    test('agree on generated requests', async () => {
      const seen = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(request, async (one) => {
          const status = await rig()
            .status(one)
            .catch((error: unknown) => {
              if (error instanceof Disagreement) throw error;
              return 0;
            });
          seen.set(status, (seen.get(status) ?? 0) + 1);
        }),
        fuzz(1500),
      );
      // Every kind of answer was among them, so that agreement means something.
      const wanted = [0, 200, 302, 307, 400, 401, 403, 404, 418, 421, 429, 500, 503];
      expect(wanted.filter((status) => !seen.has(status))).toEqual([]);
    }, 60_000);
  },
  { broken: true },
);
