import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfigMap } from '../kube/core.ts';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import type { Edge, EdgeFile } from '../render/edge.ts';
import { hashOf, leaf } from '../render/fragment.ts';
import { tableName } from '../render/names.ts';
import { discoveryResponse, tableResource } from '../render/protobuf/response.ts';
import { kubeClient } from '../runtime/client.ts';
import { type Connection, connectTo } from '../runtime/connection.ts';
import { authPolicy, backendRef, gateway, jwt, route, service } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';
import { EdgePods } from '../testing/edge-pods.ts';
import { type KubeApi, startKubeApi } from '../testing/kube-api/index.ts';
import { missingNames } from '../testing/missing-names.ts';
import { SkippingClock } from '../testing/skipping-clock.ts';
import { type ConfigMapDelivery, configMapDelivery, type Published } from './configmap.ts';

const names = ['edge-config-0', 'edge-config-1'];
const never = new AbortController().signal;

let api: KubeApi;
let connection: Connection;
let pods: EdgePods;
let operator: ConfigMapDelivery;
/** Looks of Envoys cost no time; touches once more wait for `advance`. */
let clock: SkippingClock;
const said: string[] = [];

beforeEach(async () => {
  said.length = 0;
  api = await startKubeApi();
  connection = connectTo({ server: api.url });
  pods = new EdgePods({ api, namespace: 'shop', configMaps: names });
  operator = start();
});
afterEach(async () => {
  await operator.idle();
  await connection.close();
  await api.stop();
});

/** A fresh process. */
function start(): ConfigMapDelivery {
  clock = new SkippingClock({ longMs: 500 });
  return configMapDelivery({
    gateway: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' },
    configMaps: names,
    metadata: { labels: { 'evengate.dev/gateway': 'edge' } },
    client: kubeClient(connection, { fieldManager: 'evengate', clock }),
    fleet: pods.fleet,
    access: pods.access,
    clock,
    log: (level, line) => said.push(`${level}: ${line}`),
  });
}

async function publish(edge: Pick<Edge, 'files'>): Promise<Published> {
  const published = await operator.publish(edge, never);
  await operator.idle();
  return published;
}

function edgeOf(...objects: readonly KubeObject[]): Edge {
  const edge = compile(objects).edges.get('shop/edge');
  if (edge === undefined) throw new Error('no edge');
  return edge;
}

const answering = (body: string) =>
  edgeOf(gateway(), route({ rules: [{ name: 'all', respond: { status: 200, body } }] }), authPolicy());
const going = (name: string) =>
  edgeOf(
    gateway(),
    route({ rules: [{ name: 'all', backendRefs: [backendRef({ name })] }] }),
    authPolicy(),
    service({}, { name }),
  );

/** Writes of ConfigMaps (without copies) and Pods, in order, from the `from`th on. */
function writes(from = 0): readonly string[] {
  return api.writes.slice(from).flatMap(({ kind, name }) => (name.endsWith('-good') ? [] : [`${kind} ${name}`]));
}

function stored(name = 'edge-config-0'): ConfigMap | undefined {
  return api.get<ConfigMap>(resources.ConfigMap, 'shop', name);
}

const served = (loaded: number, edge: Edge) => ({
  unusable: [],
  kind: 'served',
  revision: edge.revision,
  envoys: { loaded, ready: loaded, late: [] },
  findings: [],
});

describe('without trouble', () => {
  test('files wait for the pods, and those that come with them in place need no touch', async () => {
    const one = answering('one');
    expect(await publish(one)).toEqual({
      unusable: [],
      kind: 'pending',
      revision: one.revision,
      envoys: { loaded: 0, ready: 0, late: [] },
      findings: [],
    });
    pods.add('a');
    expect(await publish(one)).toEqual(served(1, one));
    expect(writes()).toEqual(['ConfigMap edge-config-0']);
    expect(stored()?.metadata.labels).toEqual({ 'evengate.dev/gateway': 'edge' });
  });

  test('a change of routes is one write and one touch a pod', async () => {
    await publish(answering('one'));
    pods.add('a');
    pods.add('b');
    await publish(answering('one'));
    const before = api.writes.length;
    const two = answering('two');
    expect(await publish(two)).toEqual(served(2, two));
    expect(writes(before)).toEqual(['ConfigMap edge-config-0', 'Pod a', 'Pod b']);
  });

  test('what is not changed is not written, and nobody is asked about it', async () => {
    const one = answering('one');
    pods.add('a');
    await publish(one);
    const [written, asked] = [api.requests.length, pods.questions];
    expect(await publish(answering('one'))).toEqual(served(1, one));
    expect([api.requests.length, pods.questions]).toEqual([written, asked]);
  });

  test('a new cluster is there before its routes, and the old one until they are', async () => {
    pods.add('a');
    await publish(going('orders'));
    await publish(going('canary'));
    const states = pods.envoy('a').history.map((files) => ({
      routes: clustersOf(files.get('rds-http-80.json')),
      clusters: clustersOf(files.get('cds.json')),
    }));
    expect(states).toEqual([
      { routes: ['orders'], clusters: ['orders'] },
      { routes: ['orders'], clusters: ['canary', 'orders'] },
      { routes: ['canary'], clusters: ['canary', 'orders'] },
      { routes: ['canary'], clusters: ['canary'] },
    ]);
  });

  test('a fresh operator writes nothing, and goes on with the numbers', async () => {
    pods.add('a');
    await publish(going('orders'));
    await publish(going('canary'));
    const before = api.writes.length;
    operator = start();
    const canary = going('canary');
    expect(await publish(canary)).toEqual(served(1, canary));
    expect(api.writes.length).toBe(before);
    await publish(going('orders'));
    const versions = api.writes
      .flatMap(({ kind, after }) => (kind === 'ConfigMap' ? Object.values((after as ConfigMap).data ?? {}) : []))
      .map((text) => /"version_info":"([^"]*)"/.exec(text)?.[1] ?? '');
    expect(new Set(versions.map((version) => Number(version.split('.')[1])))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
  });
});

function clustersOf(content: string | undefined): readonly string[] {
  const found = [...(content ?? '').matchAll(/shop\/(orders|canary)\/80"/g)].map(([, name]) => name ?? '');
  return [...new Set(found)].toSorted();
}

describe('pods that are late', () => {
  test('one whose kubelet sleeps holds nobody up, is named, and counts when it has caught up', async () => {
    pods.add('a');
    pods.add('b');
    await publish(going('orders'));
    pods.manner('b').deaf = true;
    const canary = going('canary');
    expect(await publish(canary)).toEqual({
      unusable: [],
      kind: 'pending',
      revision: canary.revision,
      envoys: { loaded: 1, ready: 2, late: ['b'] },
      findings: [],
      againInMs: 2000,
    });
    expect(said).toEqual([expect.stringMatching(/^warn: Envoy in Pod shop\/b does not take up /)]);
    expect(pods.envoy('a').history).toHaveLength(4);
    pods.manner('b').deaf = false;
    await clock.advance(60_000);
    expect(await publish(canary)).toEqual(served(2, canary));
  });

  test('one whose kubelet missed the touch is touched again', async () => {
    pods.add('a');
    await publish(answering('one'));
    pods.manner('a').deaf = true;
    const two = answering('two');
    expect(await publish(two)).toMatchObject({ kind: 'pending', envoys: { late: ['a'] } });
    pods.manner('a').deaf = false;
    const before = api.writes.length;
    await clock.advance(2000);
    expect(await publish(two)).toEqual(served(1, two));
    expect(writes(before)).toEqual(['Pod a']);
  });

  test('one that cannot be asked', async () => {
    pods.add('a');
    pods.add('b', { mute: true });
    const one = answering('one');
    expect(await publish(one)).toMatchObject({ kind: 'pending', envoys: { loaded: 1, ready: 2, late: ['b'] } });
    pods.remove('b');
    expect(await publish(one)).toEqual(served(1, one));
  });

  test('one that comes in the middle is waited for as soon as it is Ready', async () => {
    pods.add('a');
    await publish(going('orders'));
    pods.manner('a').deaf = true;
    pods.add('b', { ready: false });
    const publication = publish(going('canary'));
    pods.setReady('b', true);
    pods.setReady('a', false);
    expect(await publication).toMatchObject({ kind: 'served', envoys: { loaded: 1, ready: 1 } });
  });
});

const bad = (_: string, text: string) =>
  text.includes('bad') ? 'no such thing in route: shop/orders/all/0' : undefined;
const refusal = {
  about: { kind: 'Route', namespace: 'shop', name: 'orders' },
  severity: 'error',
  reason: 'NotProgrammed',
  at: '',
  message: expect.stringMatching(/^Envoy refused rds-http-80.json: no such thing in route: /),
  remedy: expect.any(String),
};

describe('what is refused', () => {
  beforeEach(async () => {
    pods.add('a');
    pods.add('b', { refuses: bad });
    await publish(answering('good'));
  });

  test('is withdrawn under a new version, its culprit named, and not told again', async () => {
    const good = answering('good');
    const refused = {
      unusable: [],
      kind: 'refused',
      revision: good.revision,
      envoys: { loaded: 2, ready: 2, late: [] },
      findings: [refusal],
    };
    expect(await publish(answering('bad'))).toEqual(refused);
    expect(pods.envoy('a').history.map((files) => /good|bad/.exec(files.get('rds-http-80.json') ?? '')?.[0])).toEqual([
      'good',
      'bad',
      'good',
    ]);
    const before = api.writes.length;
    expect(await publish(answering('bad'))).toEqual(refused);
    operator = start();
    expect(await publish(answering('bad'))).toEqual(refused);
    expect(api.writes.slice(before).map((w) => [w.verb, w.kind, w.name, w.changed, w.body.slice(0, 300)])).toEqual([]);
    const mended = answering('mended');
    expect(await publish(mended)).toEqual(served(2, mended));
  });

  test('is not believed when it is acknowledged because it was read once more', async () => {
    const guarded = (name: string) =>
      edgeOf(
        gateway(),
        route(),
        service(),
        authPolicy({ authenticate: { jwt: [jwt({ issuer: `https://${name}.example.com` })] } }),
      );
    pods.manner('b').refuses = (file, text) => (file.startsWith('ecds-jwt') && text.includes('bad') ? 'no' : undefined);
    await publish(guarded('good'));
    for (let times = 0; times < 3; times += 1) {
      expect(await publish(guarded('bad'))).toMatchObject({
        kind: 'refused',
        findings: [
          { about: { kind: 'ApiGateway' }, message: expect.stringMatching(/^Envoy refused ecds-jwt-http-80/) },
        ],
      });
      expect(pods.envoy('b').history.at(-1)?.get('ecds-jwt-http-80.json')).toContain('https://good');
    }
  });

  test('does not hold up what comes after it, also where only some of it is refused by one pod', async () => {
    await publish(answering('bad'));
    for (const body of ['one', 'two']) {
      const edge = answering(body);
      expect(await publish(edge)).toEqual(served(2, edge));
    }
  });

  test('is withdrawn by the next operator where the one that told it is gone', async () => {
    const killed = new AbortController();
    const publication = operator.publish(answering('bad'), killed.signal);
    await api.until('it is told', () => stored()?.data?.['rds-http-80.json']?.includes('bad') === true);
    killed.abort(new Error('killed'));
    await expect(publication).rejects.toThrow('killed');
    expect(stored()?.data?.['rds-http-80.json']).toContain('bad');
    operator = start();
    expect(await publish(answering('bad'))).toMatchObject({
      kind: 'refused',
      revision: answering('good').revision,
      envoys: { loaded: 2, ready: 2 },
      findings: [refusal],
    });
    expect(stored()?.data?.['rds-http-80.json']).toContain('good');
  });
});

describe('a table that becomes protobuf', () => {
  test('is refused for itself alone', async () => {
    pods.add('a', { refuses: (file) => (file.endsWith('.pb') ? 'no' : undefined) });
    const edge = answering('one');
    await publish(edge);
    const files = edge.files.map((file) => (file.name.startsWith('rds') ? asProtobuf(file) : naming(file)));
    const { kind, findings } = await publish({ files });
    expect([kind, ...findings.map(({ message }) => message)]).toEqual([
      'refused',
      'Envoy refused rds-http-80.pb: no; what it served before stays',
    ]);
    expect(await publish(edge)).toEqual(served(1, edge));
  });
});

describe('where it starts', () => {
  test('pods that refuse their first configuration are not Ready, and still heard', async () => {
    await publish(answering('bad'));
    pods.add('a', { ready: false, refuses: bad });
    expect(await publish(answering('bad'))).toMatchObject({
      kind: 'refused',
      envoys: { loaded: 0, ready: 0 },
      findings: [refusal],
    });
    const mended = answering('mended');
    await publish(mended);
    pods.setReady('a', true);
    expect(await publish(mended)).toEqual(served(1, mended));
  });

  test('a publication that is ended goes on with the next call', async () => {
    pods.add('a');
    await publish(going('orders'));
    pods.manner('a').deaf = true;
    const ending = new AbortController();
    const publication = operator.publish(going('canary'), ending.signal);
    await api.until('the first phase is told', () => stored()?.data?.['cds.json']?.includes('canary') === true);
    ending.abort(new Error('enough'));
    await expect(publication).rejects.toThrow('enough');
    pods.manner('a').deaf = false;
    await clock.advance(2000);
    const canary = going('canary');
    expect(await publish(canary)).toEqual(served(1, canary));
    expect(pods.envoy('a').history.flatMap(missingNames)).toEqual([]);
  });

  test('what does not fit is told, and what was served stays', async () => {
    pods.add('a');
    const one = answering('one');
    await publish(one);
    const before = api.writes.length;
    const large = answering('x'.repeat(4000));
    const [table] = large.files.filter(({ name }) => name.startsWith('rds'));
    const huge = { ...large, files: large.files.map((file) => (file === table ? inflated(file) : file)) };
    expect(await publish(huge)).toEqual({
      unusable: [],
      kind: 'too-large',
      revision: one.revision,
      envoys: { loaded: 1, ready: 1, late: [] },
      findings: [
        {
          about: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' },
          severity: 'error',
          reason: 'ConfigTooLarge',
          at: '',
          message: expect.stringMatching(
            /^rds-http-80.json takes 110\d{4} bytes, and a ConfigMap holds 1020000, of which there are 2; /,
          ),
          remedy: expect.stringMatching(/another ApiGateway$/),
        },
      ],
    });
    expect(api.writes.length).toBe(before);
    const two = answering('two');
    expect(await publish(two)).toEqual(served(1, two));
  });

  test('what does not fit into one ConfigMap takes the next', async () => {
    pods.add('a');
    const edge = answering('one');
    const files = edge.files.map((file) => (/^(rds|cds)/.test(file.name) ? inflated(file, 700_000) : file));
    expect(await publish({ files })).toMatchObject({ kind: 'served' });
    const held = names.map((name) => Object.keys(stored(name)?.data ?? {}).filter((file) => /^(rds|cds)/.test(file)));
    expect(held.map((inOne) => inOne.length)).toEqual([1, 1]);
    operator = start();
    const before = api.writes.length;
    expect(await publish({ files })).toMatchObject({ kind: 'served' });
    expect(api.writes.length).toBe(before);
  });

  test('files in protobuf lie in binaryData, and are known again', async () => {
    pods.add('a');
    const compact = edgeOf(gateway(), route(), authPolicy(), service());
    const files = compact.files.map((file) => (file.name.startsWith('rds') ? asProtobuf(file) : naming(file)));
    await publish({ files });
    expect(Object.keys(stored()?.binaryData ?? {})).toEqual(['rds-http-80.pb']);
    operator = start();
    expect(new Set((await operator.inPlace(never)).keys())).toEqual(new Set(files.map(({ name }) => name)));
    const before = api.writes.length;
    await publish({ files });
    expect(writes(before).filter((one) => one.startsWith('ConfigMap'))).toEqual([]);
  });
});

function inflated(file: EdgeFile, bytes = 1_100_000): EdgeFile {
  const padding = ' '.repeat(bytes);
  return {
    ...file,
    hash: `${file.hash.slice(0, 15)}x`,
    text: (version) => file.text(version).replace(/\n$/, `${padding}\n`),
  };
}

/** The listeners look for the table where it is. */
function naming(file: EdgeFile): EdgeFile {
  const text = (version: string) => file.text(version).replaceAll('/rds-http-80.json', '/rds-http-80.pb');
  return { ...file, hash: hashOf([text('')]), text };
}

function asProtobuf(file: EdgeFile): EdgeFile {
  const {
    resources: [{ '@type': type, virtual_hosts: hosts, ...rest }],
  } = JSON.parse(file.text(''));
  const parts = {
    head: JSON.stringify({ '@type': type, ...rest, name: tableName(rest.name, true) }),
    virtualHosts: hosts.map((host: object) => leaf(host)),
  };
  return {
    ...file,
    name: file.name.replace('.json', '.pb'),
    subscription: { kind: 'rds', name: tableName(rest.name, true) },
    protobuf: (version) => discoveryResponse(version, tableResource(parts)),
  };
}

describe('other hands', () => {
  test.each([
    ['edited', () => api.patch(stored() as KubeObject, { data: { 'rds-http-80.json': '{"resources":[]}' } })],
    ['emptied', () => api.put({ ...(stored() as KubeObject), data: {} } as KubeObject)],
    ['deleted', () => api.delete(stored() as KubeObject)],
  ])('a ConfigMap that was %s is restored', async (_, meddle) => {
    pods.add('a');
    const one = answering('one');
    await publish(one);
    meddle();
    operator.observe('edge-config-0', stored()?.metadata.resourceVersion);
    expect(await publish(one)).toEqual(served(1, one));
    expect(Object.keys(stored()?.data ?? {}).toSorted()).toEqual(one.files.map(({ name }) => name).toSorted());
    expect(stored()?.data?.['rds-http-80.json']).toContain('one');
  });

  test('its own writes are no news', async () => {
    pods.add('a');
    await publish(answering('one'));
    const before = api.requests.length;
    operator.observe('edge-config-0', stored()?.metadata.resourceVersion);
    await publish(answering('one'));
    expect(api.requests.length).toBe(before);
  });

  test('an operator that does not know of another is stopped by a conflict, and can go on', async () => {
    pods.add('a');
    await publish(answering('one'));
    const stale = operator;
    operator = start();
    await publish(answering('two'));
    await expect(stale.publish(answering('three'), never)).rejects.toMatchObject({ code: 409 });
    expect(stored()?.data?.['rds-http-80.json']).toContain('two');
    expect(await stale.publish(answering('three'), never)).toMatchObject({ kind: 'served' });
    await stale.idle();
  });
});
