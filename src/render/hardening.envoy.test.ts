import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../testing/rig.ts';
import { sendHttp1 } from '../testing/rig-client.ts';
import { apiGateway, authPolicy, route, service, to, under } from '../testing/rig-manifests.ts';
import type { RigRequest } from '../testing/rig-request.ts';

const manifests = [
  apiGateway(),
  service('orders'),
  service('rpc', 'grpc'),
  route('all', [
    { name: 'root', ...under('/'), ...to('orders') },
    { name: 'admin', ...under('/admin'), ...to('orders') },
    { name: 'rpc', ...under('/rpc'), ...to('rpc') },
  ]),
  authPolicy('admin', 'Route/all/admin', { authorize: { allow: [] } }),
];

await rigSuite(
  'hardening, with traffic',
  () => manifests,
  (rig) => {
    describe('paths: what is matched is what the backend sees', () => {
      test.each([
        ['/a//b', '/a/b'],
        ['//a', '/a'],
        ['/a/./b', '/a/b'],
        ['/a/../b', '/b'],
        ['/a/..', '/'],
        ['/../../a', '/a'],
        ['/a/%2e%2e/b', '/b'],
        ['/a/%2E/b', '/a/b'],
        ['/%61', '/a'],
        ['/a\\b', '/a/b'],
        ['/a%20b?c=%20', '/a%20b?c=%20'],
        ['/a%3Fb', '/a%3Fb'],
        ['/a?b=/../c//d', '/a?b=/../c//d'],
        ['/a%25%32%66b', '/a%252fb'],
      ])('%s reaches the backend as %s', async (path, seen) => {
        expect((await rig().send({ path })).received?.path).toBe(seen);
      });

      test.each([
        ['/a%2fb', '/a/b'],
        ['/a%2Fb?c', '/a/b?c'],
        ['/a%5cb', '/a/b'],
        ['/x/..%2fadmin', '/admin'],
        // Never to another site.
        ['/%2fevil.example.com', '/evil.example.com'],
        ['/%2f%2Fevil.example.com/', '/evil.example.com/'],
        ['/%5cevil.example.com', '/evil.example.com'],
        ['/%5C/%2f%5cevil.example.com', '/evil.example.com'],
        ['/x/..%2f%2fevil.example.com', '/evil.example.com'],
        ['/x/%2e%2e%2f%5cevil.example.com', '/evil.example.com'],
        ['/x/%2e%2e%2fadmin', '/admin'],
      ])('%s is redirected to %s', async (path, location) => {
        const { status, header, received } = await rig().send({ path });
        expect({ status, location: header('location'), received }).toEqual({
          status: 307,
          location,
          received: undefined,
        });
      });

      test.each([
        '/a;b',
        '/a;',
        '/;/admin',
        '/a%3bb',
        '/a%3Bb',
        '/a[b',
        '/a]',
        '/[]/../a/[',
        '/a%00',
        '/a%2500%00',
        '/a#b',
        '/a\u00e9',
      ])('%s is answered 400', async (path) => {
        expect(await rig().send({ path })).toMatchObject({ status: 400, received: undefined });
      });

      test('the parameter of a dot segment is dropped, as some backends do', async () => {
        expect(await rig().status({ path: '/x/..;/admin' })).toBe(403);
        expect(await rig().status({ path: '/..;a=b/admin' })).toBe(403);
      });

      test('a query may hold what a path may not', async () => {
        const path = '/a?b;c=%2f%00&%3b[]';
        expect((await rig().send({ path })).received?.path).toBe(path);
      });

      test('gRPC gets its own error in place of a redirect', async () => {
        const headers = [['content-type', 'application/grpc']] as const;
        const unexplained = 'explain speaks of plain HTTP';
        const answer = await rig().send({ path: '/rpc%2fx', method: 'POST', headers, protocol: 'HTTP/2', unexplained });
        expect(answer).toMatchObject({ status: 200, received: undefined });
        expect(answer.header('grpc-status')).toBe('13');
      });
    });

    describe('headers', () => {
      const many = (count: number) => [...Array(count).keys()].map((index) => [`x-${index}`, '1'] as const);
      const unexplained = 'explain knows no sizes';

      test.each<[name: string, request: RigRequest, status: number]>([
        ['an underscore', { headers: [['x_tenant', 'a']] }, 400],
        ['100 lines', { headers: many(110), unexplained }, 431],
        ['many, but not too many', { headers: many(80) }, 200],
        ['61 KiB', { headers: [['x-large', 'a'.repeat(61 * 1024)]], unexplained }, 431],
        ['50 KiB', { headers: [['x-large', 'a'.repeat(50 * 1024)]] }, 200],
        ['a long path', { path: `/${'a'.repeat(8192)}` }, 200],
        ['a NUL', { headers: [['x-odd', 'a\0b']] }, 400],
        ['a name with a space', { headers: [['x odd', 'a']] }, 400],
        ['an empty name', { headers: [['', 'a']] }, 400],
        ['a bad Host', { host: 'a b' }, 400],
        ['two Hosts', { headers: [['host', 'other.example.com']], unexplained: 'a URL names one host' }, 400],
        ['no Host', { host: '', unexplained: 'a URL names a host' }, 400],
        [
          'two lengths',
          {
            headers: [
              ['content-length', '1'],
              ['content-length', '2'],
            ],
            unexplained: 'explain reads no body',
          },
          400,
        ],
        [
          'a length and chunks',
          {
            method: 'POST',
            headers: [
              ['transfer-encoding', 'chunked'],
              ['content-length', '4'],
            ],
            unexplained: 'explain reads no body',
          },
          400,
        ],
        [
          'an unknown coding',
          { method: 'POST', headers: [['transfer-encoding', 'gzip']], unexplained: 'explain reads no body' },
          501,
        ],
        ['an unknown method', { method: 'BREW' }, 400],
        ['a method in lower case', { method: 'get' }, 400],
      ])('%s', async (_name, request, status) => {
        const answer = await rig().send(request);
        expect(answer.status).toBe(status);
        expect(answer.received === undefined).toBe(status !== 200);
      });

      test('spoofed X-Forwarded-* and Envoy headers are not the client’s to set', async () => {
        const { received } = await rig().send({
          headers: [
            ['x-forwarded-proto', 'https'],
            ['x-envoy-internal', 'true'],
            ['x-envoy-external-address', '10.0.0.1'],
            ['x-envoy-original-path', '/admin'],
            ['x-forwarded-client-cert', 'By=spiffe://evil'],
            ['x-request-id', '00000000-0000-4000-8000-000000000001'],
          ],
        });
        const seen = new Map(received?.headers.map(([name, value]) => [name.toLowerCase(), value]));
        expect(seen.get('x-forwarded-proto')).toBe('http');
        expect(seen.get('x-envoy-external-address')).toBe('127.0.0.1');
        expect(seen.get('x-request-id')).not.toBe('00000000-0000-4000-8000-000000000001');
        for (const name of ['x-envoy-internal', 'x-envoy-original-path', 'x-forwarded-client-cert']) {
          expect(seen.has(name)).toBe(false);
        }
      });
    });

    test('request lines in odd forms', async () => {
      const place = rig().place(80);
      const ask = async (target: string, host = 'shop.example.com', method = 'GET') =>
        (await sendHttp1(place, { method, target, headers: [['host', host]] })).status;
      expect(await ask('http://shop.example.com/x')).toBe(200);
      expect(await ask('http://shop.example.com/admin')).toBe(403);
      expect(await ask('http://shop.example.com/x/../admin', 'other.example.com')).toBe(403);
      expect(await ask('*', undefined, 'OPTIONS')).toBe(404);
      // No route takes CONNECT, and what no route opens is shut.
      expect(await ask('shop.example.com:80', undefined, 'CONNECT')).toBe(403);
      expect(await ask('x')).toBe(400);
    });
  },
);
