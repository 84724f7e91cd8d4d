import { afterEach, describe, expect, test } from '@jest/globals';
import type { ConfigMap } from '../../kube/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import type { KubeApi } from '../../testing/kube-api/index.ts';
import { readyOf, rigPool } from '../../testing/operator/rig.ts';

const { open, stop } = rigPool();
afterEach(stop);

function object(kind: string, name: string, spec: object, apiVersion = 'evengate.dev/v1alpha1'): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: 'shop' }, spec };
}

const edge = object('ApiGateway', 'edge', { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }] });
const orders = object('Service', 'orders', { ports: [{ port: 80 }] }, 'v1');
const anyone = object('AuthPolicy', 'anyone', {
  targetRefs: [{ kind: 'ApiGateway', name: 'edge' }],
  sufficient: true,
  authorize: { allow: [{ name: 'anyone' }] },
});

function route(name: string, path: string): KubeObject {
  const rules = [
    { matches: [{ path: { type: 'PathPrefix', value: path } }], backendRefs: [{ name: 'orders', port: 80 }] },
  ];
  return object('Route', name, { parentRefs: [{ name: 'edge' }], rules });
}

describe('the operator', () => {
  test('makes a fleet of an ApiGateway, and reports when its Envoys serve', async () => {
    const { api, start } = await open();
    for (const one of [edge, orders, anyone, route('orders', '/orders')]) api.create(one);
    start();
    await api.until('the Route is Ready', () => readyOf(api.get(resources.Route, 'shop', 'orders')) === 'True Ready');
    await api.until(
      'the ApiGateway is Ready',
      () => readyOf(api.get(resources.ApiGateway, 'shop', 'edge')) === 'True Ready',
    );
    await api.until(
      'the policy is Ready',
      () => readyOf(api.get(resources.AuthPolicy, 'shop', 'anyone')) === 'True Ready',
    );
    await api.until('all is told', () => events(api) === 3);
    expect(told(api.writes)).toEqual([
      'apply ConfigMap edge-edge-bootstrap',
      'apply ConfigMap edge-edge-config-0',
      'apply ConfigMap edge-edge-config-0-good',
      'apply Deployment edge-edge',
      'apply NetworkPolicy edge-edge',
      'apply PodDisruptionBudget edge-edge',
      'apply Service edge-edge',
      'apply ServiceAccount edge-edge',
      'create Event (3)',
      'patch ApiGateway/status edge',
      'patch AuthPolicy/status anyone',
      'patch Route/status orders',
    ]);
  });

  test('writes nothing when it is started again', async () => {
    const { api, first, start, quiet } = await served();
    await first.stop();
    const before = api.writes.length;
    start();
    api.create(route('carts', '/carts'));
    await api.until('the next Route is Ready', () => isReady(api, 'Route', 'carts'));
    await quiet();
    expect(told(api.writes.slice(before))).toEqual(oneRoute('carts'));
  });

  test('writes what one more Route needs: one publication, and each status once', async () => {
    const { api, quiet } = await served();
    const before = api.writes.length;
    api.create(route('carts', '/carts'));
    await api.until('the next Route is Ready', () => isReady(api, 'Route', 'carts'));
    await quiet();
    expect(told(api.writes.slice(before))).toEqual(oneRoute('carts'));
  });

  test('keeps a table in protobuf that has shrunk a little, when it is started again', async () => {
    const { api, first, start, quiet } = await served();
    const large = Array.from({ length: 17 }, (_, index) => loaded(`large-${index}`));
    for (const one of large) api.create(one);
    await api.until('the last Route is Ready', () => isReady(api, 'Route', 'large-16'));
    await quiet();
    expect(tables(api)).toEqual(['rds-http-80.pb']);
    await first.stop();
    for (const one of large.slice(0, 5)) api.delete(one);
    start();
    await quiet();
    expect(tables(api)).toEqual(['rds-http-80.pb']);
    for (const one of large.slice(5, 16)) api.delete(one);
    await quiet();
    expect(tables(api)).toEqual(['rds-http-80.json']);
  });
});

/** About 8.8 kB of JSON. */
function loaded(name: string): KubeObject {
  const set = ['a', 'b', 'c', 'd'].map((letter) => ({ name: `x-${letter}`, value: letter.repeat(2100) }));
  const matches = [{ path: { type: 'PathPrefix', value: `/${name}` } }];
  const rules = [{ matches, requestHeaders: { set }, backendRefs: [{ name: 'orders', port: 80 }] }];
  return object('Route', name, { parentRefs: [{ name: 'edge' }], rules });
}

function tables(api: KubeApi): readonly string[] {
  const { data = {}, binaryData = {} } = api.get<ConfigMap>(resources.ConfigMap, 'shop', 'edge-edge-config-0') ?? {};
  return Object.keys({ ...data, ...binaryData }).filter((file) => file.startsWith('rds-'));
}

/** One publication, touched in two Pods, its copy for a restart, and what is said of it. */
function oneRoute(name: string): readonly string[] {
  return [
    'apply ConfigMap edge-edge-config-0',
    'apply ConfigMap edge-edge-config-0-good',
    'create Event (1)',
    'patch ApiGateway/status edge',
    'patch Pod (2)',
    `patch Route/status ${name}`,
  ];
}

async function served() {
  const rig = await open();
  const { api, start, quiet } = rig;
  for (const one of [edge, orders, anyone, route('orders', '/orders')]) api.create(one);
  const first = start();
  await api.until('all is Ready', () => events(api) === 3);
  await quiet();
  return { ...rig, first };
}

function isReady(api: KubeApi, kind: 'ApiGateway' | 'Route' | 'AuthPolicy', name: string): boolean {
  return readyOf(api.get(resources[kind], 'shop', name)) === 'True Ready';
}

function events(api: KubeApi): number {
  return api.writes.filter(({ kind }) => kind === 'Event').length;
}

/** Each write once, with how often where its name says nothing. */
function told(writes: KubeApi['writes']): readonly string[] {
  const lines = writes.map(({ verb, kind, subresource, name }) => {
    const what = `${verb} ${kind}${subresource === undefined || subresource === '' ? '' : `/${subresource}`}`;
    return kind === 'Event' || kind === 'Pod' ? what : `${what} ${name}`;
  });
  const counts = Map.groupBy(lines, (line) => line);
  return [...counts]
    .map(([line, all]) =>
      / (Event|Pod)$/.test(line) ? `${line} (${all.length})` : all.length > 1 ? `${line} ×${all.length}` : line,
    )
    .toSorted();
}
