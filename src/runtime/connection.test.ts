import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { ApiError } from '../kube/client.ts';
import { freePort } from '../testing/ports.ts';
import { type TestCertificate, testCertificate } from '../testing/rig-certificates.ts';
import { answerJson, scriptedServer } from '../testing/scripted-server.ts';
import { type Connection, connect, connectTo } from './connection.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'evengate-connection-'));
});
afterAll(() => rm(directory, { recursive: true }));

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});
function closing(connection: Connection): Connection {
  open.push(() => connection.close());
  return connection;
}

async function kubeconfig(server: string, cluster: object, user: object = {}): Promise<string> {
  const path = join(directory, 'config');
  const parts = {
    clusters: [{ name: 'x', cluster: { server, ...cluster } }],
    users: [{ name: 'x', user }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  };
  await writeFile(path, stringify({ apiVersion: 'v1', kind: 'Config', ...parts, 'current-context': 'x' }));
  return path;
}

/** `https://localhost:PORT`, which says who came. */
async function tlsServer(own: TestCertificate, options: ServerOptions = {}): Promise<{ server: Server; url: string }> {
  const server = createServer({ cert: own.certificate, key: own.key, ...options }, (request, response) => {
    const { subject } = (
      request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } }
    ).getPeerCertificate();
    response.end(subject?.CN ?? 'nobody');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, url: `https://localhost:${(server.address() as AddressInfo).port}` };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const get = async (connection: Connection) => await (await connection.send({ method: 'GET', path: '/' })).text();
const failure = async (connection: Connection) => {
  const error = await get(connection).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: 0, reason: 'Unreachable' });
  return (error as ApiError).message.replaceAll(/:\d{4,5}\b/g, ':PORT');
};

describe('why there is no answer', () => {
  test('nobody listens', async () => {
    const server = `http://127.0.0.1:${await freePort()}`;
    expect(await failure(closing(connectTo({ server })))).toBe(
      'cannot reach the API server http://127.0.0.1:PORT: connection refused; is it running, and is this its address?',
    );
  });

  test('the certificate is not trusted', async () => {
    const { url } = await tlsServer(testCertificate('localhost'));
    expect(await failure(closing(connectTo({ server: url })))).toBe(
      'cannot reach the API server https://localhost:PORT: its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); give its CA as certificate-authority in the kubeconfig',
    );
  });

  test('the certificate is for another name', async () => {
    const certificate = testCertificate('other.test');
    const { url } = await tlsServer(certificate);
    const path = await kubeconfig(url, { 'certificate-authority-data': base64(certificate.certificate) });
    expect(await failure(closing(connect({ kubeconfig: path, env: {} })))).toBe(
      'cannot reach the API server https://localhost:PORT: its certificate is for another name; correct the address, or set tls-server-name',
    );
  });

  test('the name is unknown', async () => {
    const said = await failure(closing(connectTo({ server: 'http://kubernetes.invalid:80' })));
    expect(said).toMatch(/^cannot reach the API server http:\/\/kubernetes.invalid:80: its name /);
  });

  test('it speaks no TLS', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined).write('HTTP/1.1 400 Bad Request\r\n\r\n', () => socket.destroySoon());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(() => new Promise((resolve) => server.close(resolve)));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await failure(closing(connectTo({ server: url })))).toContain('it does not speak TLS');
  });
});

describe('who we are', () => {
  test('the CA of the kubeconfig is trusted, and its certificate shown', async () => {
    const [own, client] = [testCertificate('localhost'), testCertificate('ann')];
    const { url } = await tlsServer(own, { requestCert: true, ca: client.certificate });
    const path = await kubeconfig(
      url,
      { 'certificate-authority-data': base64(own.certificate) },
      { 'client-certificate-data': base64(client.certificate), 'client-key-data': base64(client.key) },
    );
    expect(await get(closing(connect({ kubeconfig: path, env: {} })))).toBe('ann');
  });

  test('a rotated certificate is shown on new sockets', async () => {
    const [own, first, second] = [testCertificate('localhost'), testCertificate('first'), testCertificate('second')];
    const { url } = await tlsServer(own, { requestCert: true, ca: [first.certificate, second.certificate] });
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const write = async (one: TestCertificate) => {
      await writeFile(cert, one.certificate);
      await writeFile(key, one.key);
    };
    await write(first);
    const authority = { 'certificate-authority-data': base64(own.certificate) };
    const path = await kubeconfig(url, authority, { 'client-certificate': cert, 'client-key': key });
    const connection = closing(connect({ kubeconfig: path, env: {} }));
    expect(await get(connection)).toBe('first');
    await write(second);
    expect(await get(connection)).toBe('second');
  });

  test('who is refused reads its token anew, once', async () => {
    await using server = await scriptedServer(({ headers }, response) => {
      answerJson(response, headers.authorization === 'Bearer new' ? 200 : 401, {});
    });
    const token = join(directory, 'token');
    await writeFile(token, 'old\n');
    const path = await kubeconfig(server.url, {}, { tokenFile: 'token' });
    const connection = closing(connect({ kubeconfig: path, env: {}, userAgent: 'evengate/1.2.3' }));
    const status = async () => {
      const response = await connection.send({ method: 'GET', path: '/' });
      response.discard();
      return response.status;
    };
    expect(await status()).toBe(401);
    await writeFile(token, 'new\n');
    expect(await status()).toBe(200);
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual(
      ['old', 'old', 'old', 'new'].map((token) => `Bearer ${token}`),
    );
    expect(server.received[0]?.headers['user-agent']).toBe('evengate/1.2.3');
  });
});

test('a pod shows the token of its service account, to the server that its CA vouches for', async () => {
  const own = testCertificate('localhost');
  const { url, server } = await tlsServer(own);
  const seen: (string | undefined)[] = [];
  server.on('request', ({ headers }) => seen.push(headers.authorization));
  const serviceAccount = await mkdtemp(join(directory, 'pod-'));
  await writeFile(join(serviceAccount, 'ca.crt'), own.certificate);
  await writeFile(join(serviceAccount, 'token'), 'of the pod');
  const env = { KUBERNETES_SERVICE_HOST: 'localhost', KUBERNETES_SERVICE_PORT: new URL(url).port };
  const connection = closing(connect({ env, serviceAccount }));
  expect([await get(connection), connection.server, connection.inCluster]).toEqual(['nobody', url, true]);
  expect(seen).toEqual(['Bearer of the pod']);
});

test('the proxy of the kubeconfig is used', async () => {
  const own = testCertificate('api.test');
  const { server } = await tlsServer(own);
  const asked: (string | undefined)[] = [];
  const proxy = createHttpServer();
  proxy.on('connect', ({ url }, client: Socket) => {
    asked.push(url);
    const upstream = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    upstream.pipe(client).pipe(upstream);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  open.push(() => new Promise((resolve) => proxy.close(resolve)));
  const path = await kubeconfig('https://api.test:6443', {
    'certificate-authority-data': base64(own.certificate),
    'proxy-url': `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  });
  expect(await get(closing(connect({ kubeconfig: path, env: {} })))).toBe('nobody');
  expect(asked).toEqual(['api.test:6443']);
});

test('a file that is missing is named, with the kubeconfig that names it', async () => {
  await using server = await scriptedServer((_, response) => response.end());
  const path = await kubeconfig(server.url, {}, { tokenFile: 'nowhere' });
  const connection = closing(connect({ kubeconfig: path, env: {} }));
  await expect(get(connection)).rejects.toMatchObject({
    reason: 'Unauthorized',
    message: expect.stringMatching(/ who we are: ENOENT.*nowhere'; check kubeconfig .*config$/),
  });
});

test('a hundred open answers do not keep the next request waiting', async () => {
  await using server = await scriptedServer(({ path }, response) => {
    response.writeHead(200).flushHeaders();
    if (path !== '/watch') response.end('done');
  });
  const connection = closing(connectTo({ server: server.url }));
  const watches = await Promise.all(
    Array.from({ length: 100 }, () => connection.send({ method: 'GET', path: '/watch' })),
  );
  expect(await get(connection)).toBe('done');
  for (const watch of watches) watch.discard();
});

test('sockets are used again', async () => {
  await using server = await scriptedServer((_, response) => response.end('done'));
  let sockets = 0;
  server.onConnection(() => {
    sockets += 1;
  });
  const connection = closing(connectTo({ server: server.url }));
  for (let turn = 0; turn < 5; turn += 1) await get(connection);
  // A request that comes before the last answer is put away may open a second one.
  expect(sockets).toBeLessThanOrEqual(2);
});

test('a body that breaks off is no answer', async () => {
  await using server = await scriptedServer((_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('half', () => response.destroy());
  });
  expect(await failure(closing(connectTo({ server: server.url })))).toBe(
    'cannot reach the API server http://127.0.0.1:PORT: the connection was closed',
  );
});
