import { describe, expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { testCertificate, tlsSecret } from '../../testing/rig-certificates.ts';
import { certificateAt, open, openHttp2 } from '../../testing/rig-client.ts';
import { apiGateway, authPolicy, everyone, route, service, to } from '../../testing/rig-manifests.ts';

const https = (name: string, hostname: string | undefined, port: number, ...secrets: readonly string[]) => ({
  name,
  port,
  protocol: 'HTTPS',
  ...(hostname === undefined ? {} : { hostname }),
  tls: { certificateRefs: secrets.map((secret) => ({ name: secret })) },
});
const http = (name: string, hostname?: string) => ({
  name,
  port: 80,
  protocol: 'HTTP',
  ...(hostname === undefined ? {} : { hostname }),
});

const listeners = [
  http('any'),
  http('shop', 'shop.example.com'),
  https('shop-tls', 'shop.example.com', 443, 'shop'),
  https('wild-tls', '*.example.com', 443, 'wild'),
  https('two-tls', undefined, 444, 'a', 'b'),
  https('broken-tls', 'broken.example.com', 443, 'broken'),
  https('other-tls', 'only.example.org', 445, 'missing'),
];
const on = (...sections: readonly string[]) => ({
  parentRefs: sections.map((sectionName) => ({ name: 'edge', sectionName })),
});
const says = (name: string) => [{ name, respond: { status: 200, body: name } }];

const manifests = () => [
  apiGateway({ listeners }),
  tlsSecret('shop', testCertificate('shop.example.com')),
  tlsSecret('wild', testCertificate('*.example.com')),
  tlsSecret('a', testCertificate('a.example.net')),
  tlsSecret('b', testCertificate('b.example.net')),
  tlsSecret('broken', { certificate: testCertificate('x.example.com').certificate, key: testCertificate('y').key }),
  service('orders'),
  route('any', says('any'), on('any')),
  route('shop', says('shop'), on('shop')),
  route('shop-tls', says('shop-tls'), on('shop-tls')),
  route('wild-tls', says('wild-tls'), on('wild-tls')),
  route('guarded', [{ name: 'guarded', ...to('orders') }], { hostnames: ['guarded.example.com'], ...on('wild-tls') }),
  authPolicy('guarded', 'Route/guarded', { authorize: { allow: [] } }),
  route('two', says('two'), on('two-tls')),
  route('broken', says('broken'), on('broken-tls')),
  authPolicy('open', 'Route/two', everyone),
];

await rigSuite(
  'listeners, with traffic',
  manifests,
  (rig) => {
    describe('TLS', () => {
      test.each([
        [443, 'shop.example.com', 'DNS:shop.example.com'],
        [443, 'SHOP.example.com', 'DNS:shop.example.com'],
        [443, 'a.example.com', 'DNS:*.example.com'],
        [443, 'b.a.example.com', 'DNS:*.example.com'],
        [444, 'a.example.net', 'DNS:a.example.net'],
        [444, 'b.example.net', 'DNS:b.example.net'],
        [444, 'c.example.net', 'DNS:a.example.net'],
        [444, '', 'DNS:a.example.net'],
      ])('port %d shows, for the name %j, the certificate %s', async (port, serverName, expected) => {
        expect(await certificateAt({ ...rig().place(port), serverName })).toBe(expected);
      });

      test.each([
        [443, 'example.com'],
        [443, 'other.example.org'],
        [443, ''],
      ])('port %d refuses the handshake for the name %j', async (port, serverName) => {
        await expect(rig().send({ port, host: 'x.example.com', serverName })).rejects.toThrow();
      });

      test('the host of a listener whose key does not fit is refused, though a wildcard beside it would fit', async () => {
        // A broken listener still owns its host: nobody else may answer for it.
        const answer = rig()
          .send({ port: 443, host: 'broken.example.com' })
          .then(({ status }) => status);
        await expect(answer).resolves.toBe(421);
      });

      test('a listener without a usable certificate is not served, and harms no other', async () => {
        expect(() => rig().place(445)).toThrow();
        expect((await rig().send({ port: 443 })).body).toBe('shop-tls');
      });

      test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (maxVersion) => {
        await expect(open({ ...rig().place(443), serverName: 'shop.example.com', maxVersion })).rejects.toThrow(
          /alert protocol version/,
        );
      });

      test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is taken', async (maxVersion) => {
        const socket = await open({ ...rig().place(443), serverName: 'shop.example.com', maxVersion });
        socket.destroy();
      });

      test('HTTP/2 is chosen by ALPN, and HTTP/1.1 where nothing is', async () => {
        const request = { port: 443, host: 'shop.example.com' };
        for (const protocol of ['HTTP/2', 'HTTP/1.1'] as const) {
          expect((await rig().send({ ...request, protocol })).body).toBe('shop-tls');
        }
      });

      test('plain HTTP to a TLS port, and TLS to a plain one, are not answered', async () => {
        await expect(open({ ...rig().place(80), serverName: 'shop.example.com' })).rejects.toThrow();
      });
    });

    describe('hosts', () => {
      test.each([
        [80, 'shop.example.com', 'shop'],
        [80, 'SHOP.example.com:8080', 'shop'],
        [80, 'other.example.com', 'any'],
        [443, 'shop.example.com', 'shop-tls'],
        [443, 'a.example.com', 'wild-tls'],
        [444, 'whatever.example.net', 'two'],
      ])('port %d takes %s to %s', async (port, host, expected) => {
        expect((await rig().send({ port, host })).body).toBe(expected);
      });

      test.each([
        ['shop.example.com', 'a.example.com', 421],
        ['a.example.com', 'shop.example.com', 421],
        ['shop.example.com', 'guarded.example.com', 421],
        ['shop.example.com', 'elsewhere.test', 404],
        ['a.example.com', 'b.example.com', 200],
        ['a.example.com', 'guarded.example.com', 403],
      ])('a connection to %s that asks for %s is answered %d', async (serverName, host, status) => {
        expect(await rig().status({ port: 443, serverName, host })).toBe(status);
      });

      test('one HTTP/2 connection, coalesced by a browser: each request for itself', async () => {
        const connection = await openHttp2({ ...rig().place(443), serverName: 'a.example.com' });
        const ask = (authority: string) =>
          connection.send({ method: 'GET', target: '/', headers: [], scheme: 'https', authority });
        const statuses = [];
        for (const host of ['a.example.com', 'shop.example.com', 'b.example.com', 'guarded.example.com']) {
          statuses.push((await ask(host)).status);
        }
        connection.close();
        expect(statuses).toEqual([200, 421, 200, 403]);
      });
    });
  },
  { broken: true },
);
