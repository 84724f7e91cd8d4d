import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { requirePart } from '../../testing/parts.ts';
import { rigSuite } from '../../testing/rig.ts';
import { localAddress } from '../../testing/rig-address.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../../testing/rig-manifests.ts';
import { signingKey } from '../../testing/rig-tokens.ts';

const key = await signingKey('remote');
const forger = await signingKey('remote');
const issuer = 'https://login.example.com';
const place = localAddress();
if ('skip' in place) requirePart('root', place.skip);
else await withAddress(place);

async function withAddress({
  address,
  release,
}: {
  readonly address: string;
  readonly release: () => void;
}): Promise<void> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/keys' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(request.url === '/keys' ? key.jwks : '');
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  afterAll(() => {
    server.close();
    server.closeAllConnections();
    release();
  });
  const origin = `http://${address}:${(server.address() as AddressInfo).port}`;
  const jwt = (uri: string, iss = issuer) => ({ authenticate: { jwt: [{ name: 'one', issuer: iss, jwks: { uri } }] } });
  const rule = (name: string) => ({ name, ...under(`/${name}`), ...to('orders') });

  await rigSuite(
    'jwt keys by uri, with traffic',
    () => [
      apiGateway({ defaultAccess: 'Deny' }),
      service('orders'),
      route('all', ['keys', 'gone', 'public', 'loopback', 'metadata'].map(rule)),
      authPolicy('keys', 'Route/all/keys', jwt(`${origin}/keys`)),
      authPolicy('gone', 'Route/all/gone', jwt(`${origin}/gone`, 'gone')),
      authPolicy('public', 'Route/all/public', everyone),
      authPolicy('loopback', 'Route/all/loopback', jwt('http://127.0.0.1:1/keys')),
      authPolicy('metadata', 'Route/all/metadata', jwt('http://169.254.169.254/keys')),
    ],
    (rig) => {
      test('keys are fetched, and tokens held against them', async () => {
        const token = await key.sign({});
        // The listener serves before the keys are there; until then tokens are refused.
        const unexplained = 'the keys may not have been fetched yet';
        for (let tries = 0; tries < 100; tries += 1) {
          if ((await rig().status({ path: '/keys', token, unexplained })) === 200) break;
          await sleep(20);
        }
        expect(await rig().status({ path: '/keys', token })).toBe(200);
        expect(await rig().status({ path: '/keys', token: await forger.sign({}) })).toBe(401);
        expect(await rig().status({ path: '/public', token })).toBe(200);
        expect(await rig().status({ path: '/public', token: await forger.sign({}) })).toBe(401);
      });

      test('keys that cannot be fetched refuse the tokens of their issuer, and nobody else', async () => {
        expect(await rig().status({ path: '/gone', token: await key.sign({ iss: 'gone' }) })).toBe(401);
        expect(await rig().status({ path: '/public' })).toBe(200);
      });

      test.each(['/loopback', '/metadata'])(
        'an address that the edge may not be sent to blocks the route: %s',
        async (path) => {
          expect(await rig().status({ path, token: await key.sign({}) })).toBe(500);
        },
      );
    },
    { broken: true, publishedKeys: new Map([[`${origin}/keys`, key.jwks]]) },
  );
}
test('the address for these tests was found, or why not was said', () => {
  expect('address' in place || place.skip !== '').toBe(true);
});
