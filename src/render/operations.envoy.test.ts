import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gateway, route, service } from '../testing/build.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { open, openHttp2, sendHttp1 } from '../testing/rig-client.ts';
import { exchangeHttp1 } from '../testing/rig-http1.ts';
import { type Pod, startPod } from '../testing/rig-pod.ts';
import { ldsFile } from './names.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';
const objects = [gateway(), route(), service()];

type Listener = 'operations' | 'readiness' | 'drain';

suite("what the network may ask of a pod's Envoy", () => {
  let pod: Pod;
  beforeAll(async () => {
    pod = await startPod({ binary, objects });
  }, 30_000);
  afterAll(() => pod?.stop());

  /** `line`: method and target; `more`: header lines. */
  const ask = (listener: Listener, line: string, ...more: readonly string[]) => {
    const [method = '', target = ''] = line.split(' ');
    const headers = ['host: pod', ...more].map((header) => {
      const [name = '', value = ''] = header.split(/: (.*)/);
      return [name, value] as const;
    });
    return sendHttp1({ port: pod.ports[listener] }, { method, target, headers });
  };

  test.each([
    ['GET /stats', /^listener_manager\.lds\.version_text: "1"$/m],
    ['GET /stats?format=json&type=TextReadouts&filter=lds', /"value":"1"/],
    ['GET /stats?type=TextReadouts&filter=^$', /^\s*$/],
    ['GET /stats/prometheus', /^# TYPE envoy_server_live gauge$/m],
    ['GET /stats/prometheus?usedonly&text_readouts', /envoy_server_live/],
  ])('%s tells statistics', async (line, text) => {
    const answer = await ask('operations', line);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatch(text);
  });

  test('over HTTP/2 as well', async () => {
    const connection = await openHttp2({ port: pod.ports.operations });
    const asked = { method: 'GET', headers: [], scheme: 'http', authority: 'pod' } as const;
    expect(await connection.send({ ...asked, target: '/stats?filter=server.live' })).toMatchObject({ status: 200 });
    expect(await connection.send({ ...asked, target: '/quitquitquit' })).toMatchObject({ status: 404 });
    connection.close();
  });

  test.each([
    'POST /stats',
    'HEAD /stats',
    'OPTIONS /stats',
    'PUT /stats',
    'GET /',
    'GET /ready',
    'GET /drain',
    'GET /config_dump',
    'GET /clusters',
    'GET /server_info',
    'GET /certs',
    'GET /listeners',
    'GET /stats/recentlookups',
    'GET /stats/',
    'GET /stats/prometheus/',
    'GET /statsx',
    'GET /STATS',
    'POST /quitquitquit',
    'GET /quitquitquit',
    'POST /healthcheck/fail',
    'POST /drain_listeners',
    'POST /logging?level=debug',
    'POST /runtime_modify?a=b',
    'POST /reset_counters',
    'GET //stats',
    'GET /stats//',
    'GET /./stats',
    'GET /stats/.',
    'GET /stats/../quitquitquit',
    'POST /stats/../quitquitquit',
    'GET /stats/..;/quitquitquit',
    'GET /stats;x',
    'GET /stats;/../config_dump',
    'GET /stats%3Fx',
    'GET /%73tats',
    'GET /stats%2e',
    'GET /stats/%2e%2e/config_dump',
    'GET /stats%2f..%2fconfig_dump',
    'GET /stats%5c..%5cconfig_dump',
    'GET /stats\\..\\config_dump',
    'GET /stats%00',
    'GET /stats#/../config_dump',
    'GET http://pod/config_dump',
    'GET http://pod/stats/../config_dump',
    'GET *',
    'CONNECT pod:80',
  ])('%s is refused', async (line) => {
    expect([400, 404]).toContain((await ask('operations', line)).status);
  });

  test.each([
    ['x-http-method-override: POST'],
    ['x-envoy-original-path: /quitquitquit'],
    ['x-original-url: /quitquitquit'],
    ['x-rewrite-url: /quitquitquit'],
    ['x-envoy-upstream-rq-timeout-ms: 0'],
  ])('%s changes nothing', async (header) => {
    const answer = await ask('operations', 'GET /stats?filter=server.state', header);
    expect(answer.body).toBe('server.state: 0\n');
  });

  test.each(['GET /', 'POST /ready', 'GET /ready/', 'GET /stats', 'GET /config_dump', 'GET /drain', 'GET //ready'])(
    '%s is nothing to the readiness listener',
    async (line) => {
      expect((await ask('readiness', line)).status).toBe(404);
    },
  );

  test('GET /ready is', async () => {
    expect((await ask('readiness', 'GET /ready')).status).toBe(200);
  });

  test('more connections than its callers need are closed, and those are served', async () => {
    const closed: Duplex[] = [];
    const enough = Promise.withResolvers<void>();
    const connect = async () => {
      const socket = await open({ port: pod.ports.operations });
      socket.on('error', () => undefined);
      socket.once('close', () => {
        closed.push(socket);
        if (closed.length === 6) enough.resolve();
      });
      return socket.resume();
    };
    const sockets = await Promise.all(Array.from({ length: 70 }, connect));
    await enough.promise;
    const kept = sockets.find((socket) => !closed.includes(socket)) as Duplex;
    const answer = await exchangeHttp1(kept, Buffer.from('GET /stats HTTP/1.1\r\nhost: pod\r\n\r\n'), 'GET');
    expect(answer.status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  test('all this has changed nothing', async () => {
    expect(await pod.ready()).toBe(200);
    expect(pod.said).toEqual([]);
  });
});

suite('an Envoy that cannot read its listeners', () => {
  test('can be asked why, and is never ready', async () => {
    const pod = await startPod({ binary, objects, files: new Map([[ldsFile, '{"resources": [']]) });
    try {
      const answer = await sendHttp1(
        { port: pod.ports.operations },
        { method: 'GET', target: '/stats?filter=lds.update_failure', headers: [['host', 'pod']] },
      );
      expect(answer.body).toBe('listener_manager.lds.update_failure: 1\n');
      await expect(pod.ready()).rejects.toThrow('ECONNREFUSED');
    } finally {
      await pod.stop();
    }
  });
});
