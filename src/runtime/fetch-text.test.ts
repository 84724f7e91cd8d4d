import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { testCertificate } from '../testing/rig-certificates.ts';
import { systemClock } from './clock.ts';
import { type FetchTextOptions, fetchText, type Resolve } from './fetch-text.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const serving = (listener: RequestListener) => listening(createServer(listener));

/** keys.example is here, other.example too, evil.example is the metadata service. */
const resolve: Resolve = async (host) => {
  const address = { 'evil.example': '169.254.169.254' }[host] ?? '127.0.0.1';
  return host === 'nobody.example' ? [] : [{ address, family: 4 }];
};

const refuse = (address: string) => (address.startsWith('169.254.') ? `${address} is a linkLocal address` : undefined);

async function fetched(url: string, more: Partial<FetchTextOptions> = {}): Promise<string> {
  const options = { clock: systemClock, refuse, resolve, timeoutMs: 5000, maxBytes: 1000, userAgent: 'test', ...more };
  return await fetchText(url, options).catch((error: Error) => `${error.name}: ${error.message}`);
}

describe('a text is fetched', () => {
  test('from the address that was looked up, under the name that was written', async () => {
    const hosts: (string | undefined)[] = [];
    const port = await serving(({ headers }, response) => {
      hosts.push(headers.host);
      response.end('{"keys":[]}');
    });
    expect(await fetched(`http://keys.example:${port}/jwks`)).toBe('{"keys":[]}');
    expect(hosts).toEqual([`keys.example:${port}`]);
  });

  test('through redirects on the same host, and a few of them alone', async () => {
    const port = await serving(({ url }, response) => {
      const next = { '/1': '/2', '/2': '/3', '/loop': '/loop' }[url ?? ''];
      if (next === undefined) response.end('there');
      else response.writeHead(302, { location: next }).end();
    });
    expect(await fetched(`http://keys.example:${port}/1`)).toBe('there');
    expect(await fetched(`http://keys.example:${port}/loop`)).toBe('FetchProblem: it redirects more than 3 times');
  });
});

describe('a text is not fetched', () => {
  test('from an address that nobody may reach, be it written or what the name leads to', async () => {
    expect(await fetched('http://169.254.169.254/latest')).toBe('FetchProblem: 169.254.169.254 is a linkLocal address');
    expect(await fetched('http://evil.example/')).toBe(
      'FetchProblem: evil.example: 169.254.169.254 is a linkLocal address',
    );
    expect(await fetched('http://nobody.example/')).toBe('FetchProblem: nobody.example has no address');
  });

  test('where one of several addresses is such a one', async () => {
    const several: Resolve = async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '169.254.1.1', family: 4 },
    ];
    expect(await fetched('http://keys.example/', { resolve: several })).toContain('169.254.1.1 is a linkLocal');
  });

  test('after a name that leads elsewhere when it is asked again', async () => {
    const port = await serving((_, response) => void response.end('first'));
    let asked = 0;
    const rebinding: Resolve = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
    expect(await fetched(`http://keys.example:${port}/`, { resolve: rebinding })).toBe('first');
    expect(asked).toBe(1);
    expect(await fetched(`http://keys.example:${port}/`, { resolve: rebinding })).toContain('linkLocal');
  });

  test.each([
    ['http://other.example:PORT/', 'it redirects to another host, which is not followed'],
    ['//169.254.169.254/', 'it redirects to another host, which is not followed'],
    ['https://keys.example:PORT/', 'it redirects to another host, which is not followed'],
    ['http://[', 'it redirects to another host, which is not followed'],
  ])('where it redirects to %s', async (location, said) => {
    const port = await serving(({ url, socket }, response) => {
      const to = location.replace('PORT', String(socket.localPort));
      if (url === '/start') response.writeHead(302, { location: to }).end();
      else response.end('elsewhere');
    });
    expect(await fetched(`http://keys.example:${port}/start`)).toBe(`FetchProblem: ${said}`);
  });

  test.each<readonly [string, RequestListener, string]>([
    ['it answers 503', (_, response) => void response.writeHead(503).end('{}'), 'it answers 503'],
    [
      'it has no end',
      (_, response) => {
        const more = () => response.write('x'.repeat(600), () => setImmediate(more));
        more();
      },
      'its answer is larger than 1000 bytes',
    ],
    [
      'it breaks off',
      (_, response) => void response.write('{', () => response.destroy()),
      'its answer is cut short, or no HTTP',
    ],
  ])('where %s', async (_, listener, said) => {
    expect(await fetched(`http://keys.example:${await serving(listener)}/`)).toBe(`FetchProblem: ${said}`);
  });

  test('where nobody answers in time', async () => {
    const clock = new FakeClock();
    const port = await serving(() => void clock.advance(5000));
    expect(await fetched(`http://keys.example:${port}/`, { clock })).toBe('FetchProblem: it: no answer within 5 s');
  });

  test('where nobody listens, and where nobody signed the certificate', async () => {
    const port = await serving((_, response) => void response.end());
    servers[0]?.close();
    expect(await fetched(`http://keys.example:${port}/`)).toBe('FetchProblem: the connection is refused');
    const { certificate: cert, key } = testCertificate('keys.example');
    const secure = await listening(createTlsServer({ cert, key }, (_, response) => void response.end('x')));
    expect(await fetched(`https://keys.example:${secure}/`)).toBe(
      'FetchProblem: its certificate is not signed by anybody who is trusted',
    );
  });
});
