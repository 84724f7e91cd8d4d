import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, route, service, to, under } from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';

const forwards = (path: string, ...backendRefs: readonly object[]) => ({ ...under(path), backendRefs });
const orders = { name: 'orders', port: 80 };

const manifests = [
  apiGateway(),
  service('orders'),
  service('canary'),
  service('empty'),
  service('h2', 'kubernetes.io/h2c'),
  service('rpc', 'grpc'),
  service('ws', 'kubernetes.io/ws'),
  service('odd', 'redis'),
  route('all', [
    forwards('/one', orders),
    forwards('/split', { ...orders, weight: 3 }, { name: 'canary', port: 80, weight: 1 }),
    forwards('/half', orders, { name: 'nope', port: 80 }),
    forwards('/never', { ...orders, weight: 1 }, { name: 'nope', port: 80, weight: 0 }),
    forwards('/zero', { ...orders, weight: 0 }, { name: 'canary', port: 80, weight: 0 }),
    forwards('/none'),
    forwards('/empty', { name: 'empty', port: 80 }),
    forwards('/missing', { name: 'nope', port: 80 }),
    forwards('/port', { name: 'orders', port: 81 }),
    forwards('/group', { ...orders, group: 'example.com' }),
    forwards('/kind', { ...orders, kind: 'Bucket' }),
    forwards('/redis', { name: 'odd', port: 80 }),
    forwards('/h2', { name: 'h2', port: 80 }),
    forwards('/pkg.Greeter', { name: 'rpc', port: 80 }),
    { ...under('/ws'), ...to('ws') },
  ]),
];

await rigSuite(
  'backendRefs, with traffic',
  () => manifests,
  (rig) => {
    const send = (path: string, more: RigRequest = {}) => rig().send({ path, ...more });
    const many = async (path: string, count: number) => {
      const seen = new Map<string, number>();
      for (let index = 0; index < count; index += 1) {
        const { status, received } = await send(path);
        const key = received?.service ?? String(status);
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      return seen;
    };

    test('forwards method, path, query, body and Host unchanged', async () => {
      const { status, received } = await send('/one/a%20b?x=%2F&y', {
        method: 'POST',
        host: 'Shop.Example.com:8080',
        body: 'hello',
      });
      expect(status).toBe(200);
      expect(received).toMatchObject({
        service: 'shop/orders',
        protocol: 'HTTP/1.1',
        method: 'POST',
        path: '/one/a%20b?x=%2F&y',
        authority: 'Shop.Example.com:8080',
      });
    });

    test('hop-by-hop and Envoy headers do not reach the backend or the client', async () => {
      const { headers, received } = await send('/one', {
        headers: [
          ['x-envoy-expected-rq-timeout-ms', '1'],
          ['x-mine', 'kept'],
        ],
      });
      const names = (received?.headers ?? []).map(([name]) => name.toLowerCase());
      expect(names).toContain('x-mine');
      expect(names.filter((name) => name.startsWith('x-envoy-') && name !== 'x-envoy-external-address')).toEqual([]);
      expect(headers.map(([name]) => name).filter((name) => name.startsWith('x-envoy-'))).toEqual([]);
    });

    test('weights share the requests 3 to 1', async () => {
      const seen = await many('/split', 240);
      expect([...seen.keys()].toSorted()).toEqual(['shop/canary', 'shop/orders']);
      // Binomial with n = 240, p = 0.25: sigma is 6.7, and 30 to 90 is 4.5 sigma to each side.
      expect(seen.get('shop/canary')).toBeGreaterThan(30);
      expect(seen.get('shop/canary')).toBeLessThan(90);
    });

    test('an invalid reference answers 500 for its share alone', async () => {
      const seen = await many('/half', 80);
      expect([...seen.keys()].toSorted()).toEqual(['500', 'shop/orders']);
      expect(seen.get('500')).toBeGreaterThan(15);
      expect(seen.get('500')).toBeLessThan(65);
    });

    test('an invalid reference of weight 0 harms nobody', async () => {
      expect(await many('/never', 20)).toEqual(new Map([['shop/orders', 20]]));
    });

    test.each([
      ['/zero', 500, 'weights that are all 0'],
      ['/none', 500, 'an empty list'],
      ['/empty', 503, 'a Service without endpoints'],
      ['/missing', 500, 'a Service that does not exist'],
      ['/port', 500, 'a port that the Service lacks'],
      ['/group', 500, 'an unknown group'],
      ['/kind', 500, 'an unknown kind'],
      ['/redis', 500, 'an unknown appProtocol'],
    ])('%s answers %d: %s', async (path, status) => {
      const answer = await send(path);
      expect(answer).toMatchObject({ status, received: undefined });
    });

    describe('protocols', () => {
      test('kubernetes.io/h2c speaks HTTP/2 to the backend, also for an HTTP/1.1 client', async () => {
        const { status, received } = await send('/h2/x');
        expect(status).toBe(200);
        expect(received).toMatchObject({ service: 'shop/h2', protocol: 'HTTP/2', authority: 'shop.example.com' });
      });

      test('gRPC passes end to end with its trailers', async () => {
        const { status, trailers, received } = await send('/pkg.Greeter/Hello', {
          method: 'POST',
          protocol: 'HTTP/2',
          headers: [
            ['content-type', 'application/grpc'],
            ['te', 'trailers'],
          ],
          body: '\0\0\0\0\0',
        });
        expect(status).toBe(200);
        expect(received).toMatchObject({ service: 'shop/rpc', protocol: 'HTTP/2', path: '/pkg.Greeter/Hello' });
        expect(trailers).toContainEqual(['grpc-status', '0']);
      });

      test('websocket upgrades reach the backend', async () => {
        const { status, header, received } = await send('/ws', {
          headers: [
            ['connection', 'Upgrade'],
            ['upgrade', 'websocket'],
            ['sec-websocket-version', '13'],
            ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
          ],
        });
        expect(status).toBe(101);
        expect(header('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
        expect(received?.service).toBe('shop/ws');
      });
    });
  },
  { broken: true },
);
