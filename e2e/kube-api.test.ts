/** The API server that tests are served by (src/testing/kube-api) answers as a real one does, request by request. */
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Connection, connect, connectTo } from '../src/runtime/connection.ts';
import { type KubeApi, startKubeApi } from '../src/testing/kube-api/index.ts';
import { isList, isObject, type Json, textAt } from '../src/testing/kube-api/json.ts';
import { requirePart } from '../src/testing/parts.ts';
import { whyNoCluster } from './cluster/index.ts';
import { kubectl, useCluster } from './cluster/use.ts';

const missing = await whyNoCluster();
if (missing !== undefined) requirePart('cluster', missing);
const run = missing === undefined ? test : test.skip;

const namespace = `kube-api-${process.pid}`;
const within = `namespaces/${namespace}`;
const maps = `/api/v1/${within}/configmaps`;
const routes = `/apis/evengate.dev/v1alpha1/${within}/routes`;
const leases = `/apis/coordination.k8s.io/v1/${within}/leases`;

let api: KubeApi;
let model: Connection;
let real: Connection;

beforeAll(async () => {
  if (missing !== undefined) return;
  await kubectl(['apply', '--filename', join(import.meta.dirname, '../crds')]);
  await kubectl(['wait', '--for=condition=Established', 'crd/routes.evengate.dev']);
  real = connect({ kubeconfig: (await useCluster()).kubeconfig, env: {}, userAgent: 'curl/8' });
  api = await startKubeApi({ strictNamespaces: true });
  model = connectTo({ server: api.url, userAgent: 'curl/8' });
}, 600_000);

afterAll(async () => {
  if (missing !== undefined) return;
  await kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
  await Promise.all([real.close(), model.close()]);
  await api.stop();
});

type Step = readonly [method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, as?: Patch];
type Patch = 'merge-patch+json' | 'json-patch+json' | 'strategic-merge-patch+json' | 'apply-patch+yaml';

const apply = 'apply-patch+yaml';
const merge = 'merge-patch+json';
const configMap = (name: string, data?: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const routeHead = (name: string) => ({ apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name } });
const route = (port: number, more: object = {}) => ({
  ...routeHead('r'),
  spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'a', port }] }] },
  ...more,
});
const status = (observedGeneration: number | undefined, ...conditions: readonly (readonly [string, string])[]) => ({
  ...routeHead('r'),
  status: {
    observedGeneration,
    conditions: conditions.map(([type, value]) => ({
      type,
      status: value,
      reason: 'R',
      message: 'm',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    })),
  },
});
const lease = (holderIdentity: string, metadata: object = {}) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'l', ...metadata },
  spec: { holderIdentity },
});

const scripts: Readonly<Record<string, readonly Step[]>> = {
  'plain writes': [
    ['POST', '/api/v1/namespaces/nowhere-at-all/configmaps', configMap('a')],
    ['POST', maps, configMap('a', { x: '1' })],
    ['POST', maps, configMap('a', { x: '1' })],
    ['POST', maps, configMap('Bad Name')],
    ['POST', maps, configMap('b', {}, { namespace: 'other' })],
    ['POST', maps, configMap('b', {}, { resourceVersion: '5' })],
    ['POST', maps, configMap('b', { x: 'x'.repeat(2 ** 20 + 1) })],
    ['POST', maps, configMap('b', { x: 'x'.repeat(3_200_000) })],
    ['PUT', `${maps}/a`, configMap('a', { y: '2' })],
    ['PUT', `${maps}/a`, configMap('a', { y: '2' })],
    ['PUT', `${maps}/a`, configMap('a', { y: '3' }, { resourceVersion: '1' })],
    ['PUT', `${maps}/zz`, configMap('zz')],
    ['PATCH', `${maps}/a`, { data: { y: null, z: '1' } }, merge],
    ['PATCH', `${maps}/a`, { metadata: { resourceVersion: '1' } }, merge],
    ['PATCH', `${maps}/a`, [{ op: 'test', path: '/data/z', value: '9' }], 'json-patch+json'],
    ['PATCH', `${maps}/a`, [{ op: 'add', path: '/data/n', value: '1' }], 'json-patch+json'],
    ['PATCH', `${maps}/a`, { data: { n: null } }, 'strategic-merge-patch+json'],
    ['PATCH', `${maps}/a?force=true&fieldManager=op`, { data: {} }, merge],
    ['DELETE', `${maps}/a`, { preconditions: { uid: 'other' } }],
    ['DELETE', `${maps}/a`],
    ['DELETE', `${maps}/a`],
    ['PUT', maps, configMap('a')],
    ['PUT', `${leases}/l`, lease('a')],
    ['PUT', `${leases}/l`, lease('b')],
    ['PUT', `${leases}/l`, lease('b', { resourceVersion: '1' })],
    ['PUT', `${leases}/l`, lease('b', { resourceVersion: '$resourceVersion' })],
    [
      'POST',
      `/api/v1/${within}/secrets`,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, type: 'Opaque', stringData: { a: 'b' } },
    ],
  ],
  'server-side apply': [
    ['POST', maps, configMap('p', { x: '1' })],
    ['PATCH', `${maps}/p`, configMap('p', { y: '5' }), apply],
    ['PATCH', `${maps}/p?fieldManager=op`, configMap('p', { y: '5' }), apply],
    ['PATCH', `${maps}/p?fieldManager=op`, configMap('p', { y: '5' }), apply],
    ['PATCH', `${maps}/p?fieldManager=op`, configMap('p', { x: '7' }), apply],
    ['PATCH', `${maps}/p?fieldManager=op&force=true`, configMap('p', { x: '7' }), apply],
    ['PATCH', `${maps}/p?fieldManager=two`, configMap('p', { x: '8', w: '1' }), apply],
    ['PATCH', `${maps}/p?fieldManager=two`, configMap('p', { x: '7', w: '1' }), apply],
    ['PATCH', `${maps}/p?fieldManager=two`, configMap('p', { w: '1' }), apply],
    ['PATCH', `${maps}/p?fieldManager=two`, configMap('p', {}), apply],
    ['PATCH', `${maps}/p?fieldManager=two`, configMap('p'), apply],
    ['PATCH', `${maps}/p?fieldManager=op`, configMap('p', {}, { resourceVersion: '1' }), apply],
    ['PATCH', `${maps}/p?fieldManager=op`, configMap('p', {}, { managedFields: [] }), apply],
    ['PATCH', `${maps}/q?fieldManager=op`, configMap('q', { z: '7' }, { uid: 'other' }), apply],
    [
      'PATCH',
      `${maps}/q?fieldManager=op`,
      configMap('q', { z: '7' }, { labels: { l: '1' }, annotations: { n: '1' } }),
      apply,
    ],
    ['PATCH', `${maps}/q`, { metadata: { annotations: { m: '2' } } }, merge],
    ['PATCH', `${maps}/q?fieldManager=op`, configMap('q', { z: '7' }), apply],
  ],
  'custom resources': [
    ['POST', routes, { ...route(80), status: { observedGeneration: 7 } }],
    ['PUT', `${routes}/r`, route(80)],
    ['PATCH', `${routes}/r`, { spec: route(81).spec }, merge],
    ['PATCH', `${routes}/r`, { metadata: { labels: { a: 'b' } } }, merge],
    ['PATCH', `${routes}/r`, {}, 'strategic-merge-patch+json'],
    ['PATCH', `${routes}/r/status?fieldManager=op`, status(1, ['Ready', 'True']), apply],
    ['PATCH', `${routes}/r/status?fieldManager=two`, status(undefined, ['Other', 'True']), apply],
    ['PATCH', `${routes}/r/status?fieldManager=two`, status(undefined, ['Ready', 'False']), apply],
    ['PATCH', `${routes}/r/status?fieldManager=op`, status(1), apply],
    ['PATCH', `${routes}/none/status?fieldManager=op`, { ...status(1), metadata: { name: 'none' } }, apply],
    ['PATCH', `${routes}/r?fieldManager=op`, route(80), apply],
    ['PATCH', `${routes}/r?fieldManager=op&force=true`, { ...route(80), status: { observedGeneration: 5 } }, apply],
    ['PATCH', `${routes}/r/status`, { status: { observedGeneration: 2 }, spec: route(99).spec }, merge],
    ['PATCH', `${routes}/r`, { metadata: { finalizers: ['a.b/c'] } }, merge],
    ['DELETE', `${routes}/r`],
    ['DELETE', `${routes}/r`],
    ['PATCH', `${routes}/r`, { metadata: { finalizers: null } }, merge],
    ['GET', `${routes}/r`],
  ],
  'what is refused to readers': [
    ['GET', `${maps}/a/status`],
    ['GET', `/api/v1/${within}/nonsense`],
    ['GET', '/apis/nonsense.dev/v1/things'],
    ['GET', `${maps}?fieldSelector=data.x%3D1`],
    ['GET', `${maps}?resourceVersionMatch=Exact`],
    ['GET', `${maps}?watch=1&sendInitialEvents=true`],
    ['GET', `${routes}?watch=1&resourceVersion=1&timeoutSeconds=1`],
  ],
};

run.each(Object.keys(scripts))('%s', async (name) => {
  const known = new Map<Connection, string>();
  const namespaceBody = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  for (const server of [real, model]) await ask(server, ['POST', '/api/v1/namespaces', namespaceBody], known);
  for (const step of scripts[name] ?? []) {
    const [wanted, given] = [await ask(real, step, known), await ask(model, step, known)];
    const [method, path, , as = ''] = step;
    expect({ asked: `${method} ${path} ${as}`, ...given }).toEqual({ asked: `${method} ${path} ${as}`, ...wanted });
  }
});

/** The answer without what no two servers share; `$resourceVersion` in a body is that of the last object. */
async function ask(server: Connection, [method, path, body, as]: Step, known: Map<Connection, string>) {
  const text = JSON.stringify(body)?.replace('$resourceVersion', known.get(server) ?? '');
  const contentType = as === undefined ? 'application/json' : `application/${as}`;
  const content = text === undefined ? {} : { body: text, headers: { 'content-type': contentType } };
  const response = await server.send({ method, path, ...content });
  const answer = parsed(await response.text());
  const version = textAt(answer, 'metadata', 'resourceVersion');
  if (version !== '') known.set(server, version);
  return { code: response.status, answer: normalized(answer) };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

const own = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp', 'time']);

function normalized(value: Json): Json {
  if (isList(value)) return value.map(normalized);
  if (typeof value === 'string') {
    const masked = value.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID');
    return masked.replaceAll(/too old resource version: 1 \(\d+\)/g, 'too old resource version');
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([name]) => !own.has(name));
  return Object.fromEntries(entries.map(([name, child = null]) => [name, normalized(child)]));
}
