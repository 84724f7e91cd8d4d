import type { ServerResponse } from 'node:http';
import { expect, test } from '@jest/globals';
import { ApiError } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import { answerJson, type ReceivedRequest, scriptedServer } from '../testing/scripted-server.ts';
import { SkippingClock } from '../testing/skipping-clock.ts';
import type { CallRecord } from './calls.ts';
import { kubeClient } from './client.ts';
import { connectTo } from './connection.ts';

type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

/** A client of a server that gives these answers one after the other, the last one for ever. */
async function clientOf(...answers: readonly Answer[]) {
  const clock = new SkippingClock();
  const server = await scriptedServer((request, response) => {
    answers[Math.min(server.received.length, answers.length) - 1]?.(response, request);
  });
  const connection = connectTo({ server: server.url });
  const calls: CallRecord[] = [];
  const client = kubeClient(connection, { fieldManager: 'evengate', clock, onCall: (call) => calls.push(call) });
  return {
    client,
    clock,
    calls,
    received: server.received,
    url: server.url,
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const json =
  (status: number, body: unknown, headers?: Record<string, string>): Answer =>
  (response) =>
    answerJson(response, status, body, headers);
const status = (code: number, more: object = {}, headers?: Record<string, string>) =>
  json(code, { kind: 'Status', status: 'Failure', code, ...more }, headers);
const reset: Answer = (response) => response.destroy();
const silence: Answer = () => undefined;

const orders = { namespace: 'shop', name: 'orders' };
const route = { apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: orders, spec: {} };

async function refusalOf(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

test('each verb is the request that the API server documents', async () => {
  await using api = await clientOf(json(200, route));
  const { client } = api;
  await client.get(resources.Route, orders);
  await client.get(resources.Namespace, { name: 'shop' });
  await client.create(resources.Route, route);
  await client.replace(resources.Route, route);
  await client.apply(resources.Route, route, { force: true });
  await client.patch(resources.Route, orders, { status: {} }, { subresource: 'status' });
  await client.patch(resources.Route, orders, [], { as: 'json' });
  await client.delete(resources.Route, orders, { uid: 'u1', resourceVersion: '7', propagation: 'Orphan' });
  await client.text({ path: '/api/v1/namespaces/shop/pods/edge-0/log?tailLines=10' });
  const at = '/apis/evengate.dev/v1alpha1/namespaces/shop/routes';
  expect(api.received.map(({ method, path, headers }) => [method, path, headers['content-type']])).toEqual([
    ['GET', `${at}/orders`, undefined],
    ['GET', '/api/v1/namespaces/shop', undefined],
    ['POST', `${at}?fieldManager=evengate`, 'application/json'],
    ['PUT', `${at}/orders?fieldManager=evengate`, 'application/json'],
    ['PATCH', `${at}/orders?fieldManager=evengate&force=true`, 'application/apply-patch+yaml'],
    ['PATCH', `${at}/orders/status?fieldManager=evengate`, 'application/merge-patch+json'],
    ['PATCH', `${at}/orders?fieldManager=evengate`, 'application/json-patch+json'],
    ['DELETE', `${at}/orders`, 'application/json'],
    ['GET', '/api/v1/namespaces/shop/pods/edge-0/log?tailLines=10', undefined],
  ]);
  expect(JSON.parse(api.received[4]?.body ?? '')).toEqual(route);
  expect(JSON.parse(api.received[7]?.body ?? '')).toMatchObject({
    preconditions: { uid: 'u1', resourceVersion: '7' },
    propagationPolicy: 'Orphan',
  });
});

test('what is not there is undefined to get, and false to delete', async () => {
  await using api = await clientOf(status(404, { reason: 'NotFound' }));
  expect(await api.client.get(resources.Route, orders)).toBeUndefined();
  expect(await api.client.delete(resources.Route, orders, { uid: 'u1' })).toBe(false);
});

test('a list is joined from its pages, and its items have the kind that lists leave out', async () => {
  await using api = await clientOf(
    json(200, { metadata: { resourceVersion: '9', continue: 'more' }, items: [{ metadata: { name: 'a' } }] }),
    json(200, { metadata: { resourceVersion: '9' }, items: [{ metadata: { name: 'b' } }] }),
  );
  const services = await api.client.list(resources.Service, { namespace: 'shop', labelSelector: 'app=x,tier' });
  expect(services).toEqual(['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name } })));
  expect(api.received.map(({ path }) => path)).toEqual([
    '/api/v1/namespaces/shop/services?limit=500&labelSelector=app%3Dx%2Ctier',
    '/api/v1/namespaces/shop/services?limit=500&continue=more&labelSelector=app%3Dx%2Ctier',
  ]);
});

test('a list whose token expires starts again, and has each object once', async () => {
  await using api = await clientOf(
    json(200, { metadata: { resourceVersion: '9', continue: 'more' }, items: [{ metadata: { name: 'gone' } }] }),
    status(410, { reason: 'Expired', metadata: { continue: 'inconsistent' } }),
    json(200, { metadata: { resourceVersion: '12' }, items: [{ metadata: { name: 'a' } }] }),
  );
  const services = await api.client.list(resources.Service);
  expect(services.map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(api.received[2]?.path).toBe('/api/v1/services');
});

test('a refusal says what the API server says', async () => {
  const causes = [{ field: 'spec.host', reason: 'FieldManagerConflict', message: 'conflict with "kubectl"' }];
  await using api = await clientOf(status(409, { reason: 'Conflict', message: 'in conflict', details: { causes } }));
  const error = await refusalOf(api.client.apply(resources.Route, route));
  expect(error).toMatchObject({ code: 409, reason: 'Conflict', message: 'in conflict', causes });
  expect(api.received).toHaveLength(1);
});

test('a refusal without a Status names the request', async () => {
  await using api = await clientOf((response) => response.writeHead(500).end('upstream is away'));
  const error = await refusalOf(api.client.get(resources.Route, orders));
  expect(error).toMatchObject({ code: 500, reason: 'InternalError' });
  expect(error.message).toBe(
    'GET /apis/evengate.dev/v1alpha1/namespaces/shop/routes/orders answered 500: upstream is away',
  );
});

test('429 is tried again when the server says, writes too', async () => {
  await using api = await clientOf(status(429, {}, { 'retry-after': '2' }), json(200, route));
  expect(await api.client.apply(resources.Route, route)).toEqual(route);
  expect(api.clock.skipped).toEqual([2000]);
});

test('a server that asks for a long wait is left to the caller', async () => {
  await using api = await clientOf(status(429, { details: { retryAfterSeconds: 60 } }));
  const error = await refusalOf(api.client.get(resources.Route, orders));
  expect(error).toMatchObject({ code: 429, retryAfterMs: 60_000 });
  expect(api.received).toHaveLength(1);
});

test('a 503 that does not say when to come back is the answer, as that of a pod without an address', async () => {
  await using api = await clientOf(status(503));
  expect(
    await refusalOf(api.client.text({ path: '/api/v1/namespaces/shop/pods/edge-0:9901/proxy/stats' })),
  ).toMatchObject({ code: 503 });
  expect(api.received).toHaveLength(1);
});

test.each(['', '.', '..'])('%j is no name, and nobody is asked about it', async (name) => {
  await using api = await clientOf(json(200, route));
  for (const of of [
    { namespace: 'shop', name },
    { namespace: name, name: 'orders' },
  ]) {
    expect(await refusalOf(api.client.get(resources.Secret, of))).toMatchObject({ reason: 'Invalid' });
    expect(await refusalOf(api.client.delete(resources.Secret, of, { uid: 'u' }))).toMatchObject({ reason: 'Invalid' });
  }
  expect(api.received).toEqual([]);
});

test('a read outlives a few lost connections and 503', async () => {
  await using api = await clientOf(reset, status(503, {}, { 'retry-after': '1' }), reset, json(200, route));
  expect(await api.client.get(resources.Route, orders)).toEqual(route);
  expect(api.calls.map(({ code }) => code)).toEqual([0, 503, 0, 200]);
});

test.each([
  ['a lost connection', reset, { code: 0, reason: 'Unreachable' }],
  ['503', status(503), { code: 503 }],
])('a write is not repeated after %s: it may have been done', async (_, answer, expected) => {
  await using api = await clientOf(answer);
  expect(await refusalOf(api.client.create(resources.Route, route))).toMatchObject(expected);
  expect(api.received).toHaveLength(1);
});

test.each([
  ['before the answer', silence],
  ['within the answer', (response: ServerResponse) => response.writeHead(200).write('{')],
])('silence %s ends after 30 s', async (_, answer) => {
  const asked = Promise.withResolvers<void>();
  await using api = await clientOf((response, request) => {
    answer(response, request);
    asked.resolve();
  });
  const refused = refusalOf(api.client.get(resources.Route, orders));
  await asked.promise;
  await api.clock.advance(30_000);
  const error = await refused;
  expect(error.reason).toBe('Timeout');
  expect(error.message).toContain(`/routes/orders at ${api.url}: no answer within 30 s`);
  expect(api.clock.sleepers).toBe(0);
});

test('an aborted call rejects with the reason that was given', async () => {
  const stop = new AbortController();
  await using api = await clientOf(() => stop.abort(new Error('stopping')));
  await expect(api.client.get(resources.Route, orders, { signal: stop.signal })).rejects.toThrow('stopping');
  expect(api.clock.sleepers).toBe(0);
});

test('half-written JSON is an error that does not quote it', async () => {
  await using api = await clientOf((response) => response.writeHead(200).end('{"data":{"password":"hunter2'));
  const error = await refusalOf(api.client.get(resources.Secret, orders));
  expect(error.reason).toBe('Malformed');
  expect(error.message).not.toContain('hunter2');
});

test('calls are reported as RBAC names them', async () => {
  await using api = await clientOf(json(200, route));
  await api.client.patch(resources.Route, orders, {}, { subresource: 'status' });
  expect(api.calls).toEqual([
    expect.objectContaining({
      verb: 'patch',
      type: resources.Route,
      namespace: 'shop',
      name: 'orders',
      subresource: 'status',
      method: 'PATCH',
      code: 200,
    }),
  ]);
});
