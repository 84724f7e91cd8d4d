import { describe, expect, test } from '@jest/globals';
import { type Rig, rigSuite } from '../testing/rig.ts';
import { openHttp2, sendHttp1 } from '../testing/rig-client.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  type Manifest,
  route,
  service,
  to,
  under,
} from '../testing/rig-manifests.ts';
import type { HeaderPair, RigRequest } from '../testing/rig-request.ts';
import { signingKey } from '../testing/rig-tokens.ts';

/**
 * A guarded `/admin` beside a public `/`: whatever a client writes, nothing that this edge or a usual backend reads as
 * `/admin` may reach one without a token.
 */
const corp = await signingKey('corp');
const authenticate = { jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { inline: corp.jwks } }] };

const rules = [
  { name: 'public', ...under('/'), ...to('public') },
  { name: 'admin', ...under('/admin'), ...to('admin') },
  { name: 'exact', matches: [{ path: { type: 'Exact', value: '/exact' } }], ...to('admin') },
  { name: 'regex', matches: [{ path: { type: 'RegularExpression', value: '/re/[a-z]+' } }], ...to('admin') },
  { name: 'method', matches: [{ path: { value: '/write' }, method: 'POST' }], ...to('admin') },
];
const filler = [...Array(40).keys()].map((index) => ({ name: `f${index}`, ...under(`/f${index}`), ...to('public') }));

const manifests: readonly Manifest[] = [
  apiGateway({ defaultAccess: 'Deny' }),
  service('public'),
  service('admin'),
  route('site', rules),
  route('host', [{ name: 'all', ...to('public') }], { hostnames: ['admin.example.com'] }),
  authPolicy('host', 'Route/host', { authenticate }),
  // The same in a host so large that Envoy is given a tree.
  route('large', [...rules, ...filler], { hostnames: ['large.example.com'] }),
  ...['site', 'large'].flatMap((name) => [
    authPolicy(`${name}-open`, `Route/${name}/public`, everyone),
    authPolicy(
      `${name}-admin`,
      ['admin', 'exact', 'regex', 'method'].map((rule) => `Route/${name}/${rule}`).join(' '),
      {
        authenticate,
      },
    ),
  ]),
  authPolicy('fill-a', [...Array(16).keys()].map((n) => `Route/large/f${n}`).join(' '), everyone),
  authPolicy('fill-b', [...Array(16).keys()].map((n) => `Route/large/f${n + 16}`).join(' '), everyone),
  authPolicy('fill-c', [...Array(8).keys()].map((n) => `Route/large/f${n + 32}`).join(' '), everyone),
];

/** What a backend makes of a path: decoded (once), parameters dropped, slashes merged, dots resolved. */
function meaningOf(path: string): string {
  const [written = ''] = path.split(/[?#]/);
  const text = written.replaceAll(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const segments: string[] = [];
  for (const segment of text.replaceAll('\\', '/').split('/')) {
    const name = segment.split(';')[0] ?? '';
    if (name === '..') segments.pop();
    else if (name !== '.' && name !== '') segments.push(name);
  }
  return `/${segments.join('/')}`;
}

const paths = [
  '/admin',
  '/admin/',
  '/admin/x',
  '/admin?x',
  '/admin#x',
  '//admin',
  '///admin//',
  '/./admin',
  '/x/../admin',
  '/x/./../admin',
  '/admin/.',
  '/admin/x/..',
  '/%61dmin',
  '/%61%64%6d%69%6e',
  '/adm%69n',
  '/%2561dmin',
  '/admin%2f',
  '/admin%2fx',
  '/%2fadmin',
  '/x%2f..%2fadmin',
  '/x/..%2fadmin',
  '/x/%2e%2e/admin',
  '/x/%2E%2e/admin',
  '/x/.%2e/admin',
  '/%2e/admin',
  '/x/%252e%252e/admin',
  '/x\\..\\admin',
  '\\admin',
  '/\\admin',
  '/x/..\\admin',
  '/%5cadmin',
  '/admin;x',
  '/admin;/x',
  '/;/admin',
  '/x;/../admin',
  '/x/..;/admin',
  '/x/..;a=b/admin',
  '/x/%2e%2e;/admin',
  '/admin%3b',
  '/admin%3Bx',
  '/x/..%3b/admin',
  '/admin%00',
  '/admin%00.html',
  '/admin%0a',
  '/admin%20',
  '/admin%09',
  '/admin%23',
  '/admin%3f',
  '/admin%3fx',
  '/admin%26',
  '/exact',
  '/exact?x',
  '/exact#',
  '/exact;',
  '/./exact',
  '/%65xact',
  '/re/abc',
  '/re/abc?x',
  '/re//abc',
  '/re/./abc',
  '/re/ab%63',
  '/re;x/abc',
  '/re/abc;x',
];

/** Paths that a backend tells from `/admin`, as this edge does: no concern of the guard. */
const aside = new Set(['/admin%20', '/admin%09', '/admin%23', '/admin%3f', '/admin%3fx', '/admin%26', '/admin%0a']);

const headerTricks: readonly (readonly HeaderPair[])[] = [
  [['x-original-url', '/']],
  [['x-rewrite-url', '/']],
  [['x-envoy-original-path', '/']],
  [['x-envoy-decorator-operation', 'x']],
  [['x-envoy-internal', 'true']],
  [['x-forwarded-for', '127.0.0.1']],
  [['x-forwarded-host', 'public.example.com']],
  [['x-forwarded-proto', 'https']],
  [['x-forwarded-prefix', '/x']],
  [['x-http-method-override', 'GET']],
  [['x-envoy-upstream-alt-stat-name', 'x']],
  [['x-envoy-retry-on', '5xx']],
  [['authorization', 'Bearer ']],
  [['authorization', 'Basic YWRtaW46YWRtaW4=']],
  [['Authorization', 'bearer null']],
  [['proxy-authorization', 'Bearer x']],
  [['cookie', 'access_token=x']],
  [['x-forwarded-client-cert', 'By=spiffe://cluster.local/ns/a/sa/b']],
  [['connection', 'authorization']],
  [
    ['connection', 'upgrade'],
    ['upgrade', 'h2c'],
    ['http2-settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
  ],
  [['expect', '100-continue']],
  [['te', 'trailers']],
  [
    ['origin', 'https://evil.example.com'],
    ['access-control-request-method', 'GET'],
  ],
];

const hosts = [
  'shop.example.com',
  'SHOP.example.com',
  'shop.example.com:80',
  'shop.example.com.',
  'large.example.com',
  'LARGE.EXAMPLE.COM:81',
  'large.example.com.',
  '127.0.0.1',
  '[::1]',
];

await rigSuite(
  'a guarded path beside a public one, with traffic',
  () => manifests,
  (rig) => {
    /** Never a backend for what means a guarded path, unless its own rule (and its guard) took the request. */
    const safe = async (request: RigRequest) => {
      const { status, received } = await rig().send(request);
      expect(received?.service).not.toBe('shop/admin');
      const meaning = received === undefined ? '' : meaningOf(received.path);
      const guarded = /^\/(admin(\/|$)|exact$|re\/[a-z]+$)/.test(meaning) && !aside.has(request.path ?? '');
      expect({ request, status, reached: guarded }).toEqual({ request, status, reached: false });
      expect(status).not.toBe(500);
    };

    test('with a token the guarded backend is reached, without one it is not', async () => {
      const token = await corp.sign({});
      for (const [path, method] of [
        ['/admin', 'GET'],
        ['/exact', 'GET'],
        ['/re/abc', 'GET'],
        ['/write', 'POST'],
      ] as const) {
        for (const host of ['shop.example.com', 'large.example.com']) {
          expect((await rig().send({ host, path, method, token })).received?.service).toBe('shop/admin');
          expect(await rig().status({ host, path, method })).toBe(401);
        }
      }
      expect((await rig().send({ path: '/' })).received?.service).toBe('shop/public');
    });

    test.each(['shop.example.com', 'large.example.com'])('paths, at %s', async (host) => {
      for (const path of paths) await safe({ host, path, ...explained(path) });
    });

    test('hosts', async () => {
      for (const host of hosts) for (const path of ['/admin', '/x/..%2fadmin', '/admin/']) await safe({ host, path });
    });

    test('headers', async () => {
      for (const headers of headerTricks) for (const path of ['/admin', '/re/abc']) await safe({ path, headers });
    });

    test('methods', async () => {
      for (const method of [
        'HEAD',
        'POST',
        'PUT',
        'OPTIONS',
        'TRACE',
        'PATCH',
        'DELETE',
        'PROPFIND',
        'get',
        'X',
        'PRI',
      ]) {
        await safe({ path: '/admin', method });
      }
    });

    test('a method that only looks like the guarded one goes to the public rule, as what it is', async () => {
      const { received } = await rig().send({
        path: '/write',
        method: 'PUT',
        headers: [['x-http-method-override', 'POST']],
      });
      expect(received).toMatchObject({ service: 'shop/public', method: 'PUT' });
    });

    describe('a guarded host beside every other host, with one backend for both', () => {
      test.each([
        'admin.example.com',
        'ADMIN.Example.com',
        'admin.example.com:80',
        'admin.example.com:99999',
        'admin.example.com:',
        'admin.example.com:x',
        'admin.example.com:80:80',
        'admin.example.com.',
        'admin.example.com.:80',
        'admin.example.com..',
        'user@admin.example.com',
        'admin.example.com@x',
        'admin.example.com/x',
        'admin.example.com,x',
        'x,admin.example.com',
        'admin.example.com, x',
        'admin%2eexample.com',
        'admin.example.com%00',
        'admin.example.com;x',
        'admin.example.com\\x',
        'http://admin.example.com',
        '[admin.example.com]',
        "admin.example.com'",
        'admin.example.com&',
        ' admin.example.com ',
        'admin.example.com\t',
      ])('Host %j', async (host) => {
        const { status, received } = await rig().send({ host });
        expect({ status: [400, 401].includes(status) ? 'refused' : status, received }).toEqual({
          status: 'refused',
          received: undefined,
        });
      });

      test('two Host lines', async () => {
        const unexplained = 'a URL names one host';
        for (const [host, other] of [
          ['x.test', 'admin.example.com'],
          ['admin.example.com', 'x.test'],
        ] as const) {
          const { status, received } = await rig().send({ host, headers: [['host', other]], unexplained });
          expect({ status, received }).toEqual({ status: 400, received: undefined });
        }
      });
    });

    describe('what no URL can say', () => {
      const reached = async (act: (marker: HeaderPair) => Promise<unknown>) => {
        marker += 1;
        const id = `raw-${marker}`;
        await act(['x-rig-id', id]).catch(() => undefined);
        return rig()
          .backends.receivedBy(id)
          .filter(({ service, path }) => service === 'shop/admin' || meaningOf(path).startsWith('/admin'));
      };
      let marker = 0;

      test.each([
        'http://shop.example.com/admin',
        'http://shop.example.com//admin',
        'http://public.example.com/admin',
        'http://shop.example.com/x/../admin',
        'https://shop.example.com/admin',
        'HTTP://shop.example.com/admin',
        'admin',
        '*',
        'shop.example.com:80/admin',
        '/admin HTTP/1.0',
        '//shop.example.com/admin',
        '?/admin',
        ' /admin',
        '/\tadmin',
      ])('the request target %j', async (target) => {
        const place = rig().place(80);
        for (const method of ['GET', 'OPTIONS', 'CONNECT']) {
          expect(
            await reached((id) => sendHttp1(place, { method, target, headers: [['host', 'shop.example.com'], id] })),
          ).toEqual([]);
        }
      });

      test.each<[name: string, headers: readonly HeaderPair[]]>([
        [
          'two Hosts',
          [
            ['host', 'shop.example.com'],
            ['host', 'large.example.com'],
          ],
        ],
        ['an empty Host', [['host', '']]],
        ['a Host with a path', [['host', 'shop.example.com/x']]],
        ['a Host with a user', [['host', 'large.example.com@shop.example.com']]],
      ])('%s', async (_name, headers) => {
        const place = rig().place(80);
        expect(
          await reached((id) => sendHttp1(place, { method: 'GET', target: '/admin', headers: [...headers, id] })),
        ).toEqual([]);
      });

      test('a second request behind the first, smuggled by its length', async () => {
        const smuggled = 'GET /admin HTTP/1.1\r\nhost: shop.example.com\r\nx-rig-id: smuggled\r\n\r\n';
        const framings: readonly (readonly HeaderPair[])[] = [
          [['content-length', '0']],
          [
            ['transfer-encoding', 'chunked'],
            ['content-length', String(smuggled.length)],
          ],
          [
            ['transfer-encoding', ' chunked'],
            ['content-length', '0'],
          ],
          [
            ['Transfer-Encoding', 'xchunked'],
            ['content-length', '0'],
          ],
        ];
        for (const framing of framings) {
          const headers: readonly HeaderPair[] = [['host', 'shop.example.com'], ...framing];
          await reached(() =>
            sendHttp1(rig().place(80), { method: 'POST', target: '/', headers, body: `0\r\n\r\n${smuggled}` }),
          );
        }
        expect(rig().backends.receivedBy('smuggled')).toEqual([]);
      });

      test('HTTP/2: odd paths and authorities', async () => {
        const targets = [
          '/admin',
          '//admin',
          '/x/../admin',
          '/%61dmin',
          'admin',
          '*',
          '/admin#',
          'http://shop.example.com/admin',
        ];
        const authorities = ['shop.example.com', 'large.example.com', '', 'large.example.com@x'];
        const asked = targets.flatMap((target) => authorities.map((authority) => ({ target, authority })));
        // At once, because Envoy closes a connection with a bad frame only after a second.
        const all = await Promise.all(asked.map((one) => reached((id) => sendHttp2(rig(), { ...one, headers: [id] }))));
        expect(all.flat()).toEqual([]);
      });
    });
  },
);

/** `explain` reads a URL: targets that begin with no slash are none. */
function explained(path: string): Pick<RigRequest, 'unexplained'> {
  return path.startsWith('/') ? {} : { unexplained: 'the target is no path' };
}

interface Raw {
  readonly target: string;
  readonly authority: string;
  readonly headers: readonly HeaderPair[];
}

async function sendHttp2(rig: Rig, { target, authority, headers }: Raw): Promise<unknown> {
  const connection = await openHttp2(rig.place(80));
  return connection
    .send({ method: 'GET', target, authority, scheme: 'http', headers })
    .finally(() => connection.close());
}
