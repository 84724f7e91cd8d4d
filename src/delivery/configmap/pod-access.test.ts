import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { ApiError, type Client, type TextRequest } from '../../kube/client.ts';
import { ports } from '../../render/envoy-process.ts';
import { directAccess, proxiedAccess } from './pod-access.ts';

const ip = `127.77.${1 + Math.floor(Math.random() * 250)}.1`;
const pod = { name: 'edge-0', namespace: 'shop', uid: '1', ip, ready: true, terminating: false, restarts: 0 };
const answer = '{"stats":[{"name":"listener_manager.lds.version_text","value":"a.1"},{"histograms":{}}]}';
let server: Server | undefined;

afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

/** A client that answers one text, and what it was asked. */
function clientOf(text: string): { readonly client: Client; readonly asked: TextRequest[] } {
  const asked: TextRequest[] = [];
  const client = {
    text: async (request: TextRequest) => {
      asked.push(request);
      return text;
    },
  } as Partial<Client> as Client;
  return { client, asked };
}

async function listen(status: number, body: string): Promise<readonly string[]> {
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(ports.operations, ip, resolve));
  return asked;
}

test('an Envoy is asked at the address of its pod', async () => {
  const asked = await listen(200, answer);
  const access = directAccess(clientOf('').client);
  const stats = await access.stats(pod, '\\.version_text$', 'TextReadouts');
  expect(stats).toEqual(new Map([['listener_manager.lds.version_text', 'a.1']]));
  expect(asked).toEqual(['/stats?format=json&filter=%5C.version_text%24&type=TextReadouts']);
  access.close();
});

test('what is no answer says which pod gave it', async () => {
  const access = directAccess(clientOf('').client);
  await expect(access.stats(pod, 'x', 'Counters')).rejects.toThrow('ECONNREFUSED');
  await listen(503, 'overload');
  await expect(access.stats(pod, 'x', 'Counters')).rejects.toThrow('Envoy in Pod shop/edge-0 answered 503 to /stats');
  access.close();
});

test('or through the API server', async () => {
  const { client, asked } = clientOf(answer);
  const stats = await proxiedAccess(client).stats(pod, 'lds', 'TextReadouts');
  expect(stats.get('listener_manager.lds.version_text')).toBe('a.1');
  expect(asked).toEqual([
    {
      path: '/api/v1/namespaces/shop/pods/edge-0:19001/proxy/stats?format=json&filter=lds&type=TextReadouts',
      timeoutMs: expect.any(Number),
    },
  ]);
});

test('its log comes from the API server, the last lines of its container', async () => {
  const { client, asked } = clientOf('one\ntwo\n');
  expect(await proxiedAccess(client).log(pod, 5)).toEqual(['one', 'two']);
  expect(asked[0]?.path).toBe(
    '/api/v1/namespaces/shop/pods/edge-0/log?container=envoy&sinceSeconds=5&tailLines=200&limitBytes=4000000',
  );
});

test('a pod that is gone is an error like any other', async () => {
  const gone = new ApiError('pods "edge-0" not found', { code: 404, reason: 'NotFound' });
  const client = { text: () => Promise.reject(gone) } as Partial<Client> as Client;
  await expect(proxiedAccess(client).log(pod, 5)).rejects.toBe(gone);
});
