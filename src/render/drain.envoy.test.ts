import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { authPolicy, gateway, route, service } from '../testing/build.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { open, openHttp2, sendHttp1 } from '../testing/rig-client.ts';
import { underLoad } from '../testing/rig-load.ts';
import { drainToken, type Pod, startPod } from '../testing/rig-pod.ts';
import { drainHook, probes } from './envoy-process.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';
const drainSeconds = 2;

const host: readonly [string, string] = ['host', 'shop.example.com'];
const { path: drainTarget, httpHeaders } = drainHook(drainToken).preStop.httpGet;
const [withToken] = httpHeaders.map(({ name, value }) => [name, value] as const) as [readonly [string, string]];
const hello = { method: 'GET', target: '/', headers: [host] };

/** As the kubelet calls it. */
const drain = (pod: Pod) =>
  sendHttp1({ port: pod.ports.drain }, { method: 'GET', target: drainTarget, headers: [host, withToken] });

/** As the kubelet does until the first failure. */
async function untilUnready(pod: Pod): Promise<void> {
  while ((await pod.ready()) === 200) await sleep(5);
}

suite('draining a pod', () => {
  let backend: Server;
  const pods: Pod[] = [];
  beforeAll(async () => {
    backend = createServer((_, response) => setTimeout(() => response.end('hello\n'), 20));
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => backend.close(resolve)));

  const start = async () => {
    const { port } = backend.address() as AddressInfo;
    const objects = [gateway(), route(), service(), authPolicy()];
    const pod = await startPod({ binary, objects, backend: port, drainSeconds });
    pods.push(pod);
    return pod;
  };
  afterEach(async () => {
    await Promise.all(pods.splice(0).map((pod) => pod.stop()));
  });

  test('under load no request fails: clients are told to go elsewhere, and the pod ends when they have', async () => {
    const [leaving, staying] = await Promise.all([start(), start()]);
    let unready = false;
    const placed = {
      clients: 6,
      // As a Service: to every pod that is ready.
      place: (client: number) => (unready || client % 2 === 0 ? staying : leaving).ports.web,
    };
    const { failures, closing } = await underLoad(placed, async (load) => {
      await load.answers(200);
      expect(load.closing).toEqual({ http1: 0, http2: 0 });
      const started = performance.now();
      const drained = drain(leaving);
      await untilUnready(leaving);
      unready = true;
      await load.answers(100);
      // The hook holds the end back: new connections, of those who have not noticed yet, are served meanwhile.
      const late = await sendHttp1({ port: leaving.ports.web }, hello);
      expect(late).toMatchObject({ status: 200, headers: expect.arrayContaining([['connection', 'close']]) });
      expect(await drained).toMatchObject({ status: 200, body: 'drained\n' });
      expect(performance.now() - started).toBeGreaterThanOrEqual(drainSeconds * 1000);
      const active = 'http.http-80.downstream_rq_active';
      expect(await leaving.envoy.admin.stats(active)).toEqual(new Map([[active, 0]]));
      await leaving.stop();
      await load.answers(200);
    });
    expect(failures).toEqual([]);
    expect(closing.http1).toBeGreaterThan(0);
    expect(closing.http2).toBeGreaterThan(0);
    expect(await staying.ready()).toBe(200);
  }, 30_000);

  test('an idle connection stays until its next answer, which closes it, or until the process ends', async () => {
    const pod = await start();
    const place = { port: pod.ports.web };
    const [used, unused, http2] = await Promise.all([open(place), open(place), openHttp2(place)]);
    const asked = { method: 'GET', target: '/', headers: [], scheme: 'http', authority: 'shop.example.com' } as const;
    expect((await http2.send(asked)).status).toBe(200);
    expect((await drain(pod)).status).toBe(200);
    const answer = new Promise<string>((resolve) => used.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    used.write('GET / HTTP/1.1\r\nhost: shop.example.com\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n(.+\r\n)*connection: close\r\n/);
    expect((await http2.send(asked)).status).toBe(200);
    expect(unused.destroyed).toBe(false);
    const ended = new Promise<string>((resolve) => {
      unused.once('end', () => resolve('closed'));
      unused.once('error', ({ message }) => resolve(message));
      unused.resume();
    });
    await pod.stop();
    expect(await ended).toBe('closed');
    for (const socket of [used, unused]) socket.destroy();
    http2.close();
  }, 30_000);

  test('a caller that does not wait has begun the drain all the same; it is alive, if not ready', async () => {
    const pod = await start();
    const socket = await open({ port: pod.ports.drain });
    socket.write(`GET /drain HTTP/1.1\r\nhost: pod\r\nx-evengate-drain: ${drainToken}\r\n\r\n`);
    await untilUnready(pod);
    socket.destroy();
    expect(await pod.ready()).toBe(503);
    const { path: target } = probes.livenessProbe.httpGet;
    const live = await sendHttp1({ port: pod.ports.operations }, { method: 'GET', target, headers: [host] });
    expect(live.status).toBe(200);
  });
});

suite('who may not drain', () => {
  let pod: Pod;
  beforeAll(async () => {
    pod = await startPod({ binary, objects: [gateway(), route(), service()] });
  }, 30_000);
  afterAll(() => pod?.stop());

  test.each([
    ['no token', []],
    ['a wrong token', [['x-evengate-drain', 'guess']]],
    ['an empty token', [['x-evengate-drain', '']]],
    ['a beginning of it', [['x-evengate-drain', drainToken.slice(0, -1)]]],
  ] as const)('with %s there is nothing to find', async (_, headers) => {
    const answer = await sendHttp1(
      { port: pod.ports.drain },
      { method: 'GET', target: '/drain', headers: [host, ...headers] },
    );
    expect(answer).toMatchObject({ status: 404, body: '' });
    expect(await pod.ready()).toBe(200);
  });

  test.each(['POST /drain', 'GET /drain/', 'GET //drain', 'GET /', 'GET /stats', 'POST /healthcheck/fail'])(
    '%s with the token is nothing',
    async (line) => {
      const [method = '', target = ''] = line.split(' ');
      const answer = await sendHttp1({ port: pod.ports.drain }, { method, target, headers: [host, withToken] });
      expect(answer.status).toBe(404);
      expect(await pod.ready()).toBe(200);
    },
  );
});
