import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { FakeClock } from '../fake-clock.ts';
import { type KubeApi, startKubeApi } from './index.ts';
import { type RawCall, request } from './raw-client.ts';

const clock = new FakeClock();
let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi({ clock });
});
afterEach(() => api.stop());

const call = (path: string, options?: RawCall) => request(`${api.url}${path}`, options);
const configMaps = '/api/v1/namespaces/shop/configmaps';
const routes = '/apis/evengate.dev/v1alpha1/namespaces/shop/routes';

function configMap(name: string, data: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data };
}

function route(name: string, spec: object = { port: 80 }) {
  return { apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name, namespace: 'shop' }, spec };
}

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'edge', namespace: 'shop' },
  spec: { replicas: 2, selector: { matchLabels: { app: 'edge' } }, template: {} },
};

describe('create', () => {
  test('an object gets what only the server sets', async () => {
    const { code, body } = await call(configMaps, { as: 'object', body: configMap('a', { x: '1' }) });
    expect(code).toBe(201);
    expect(body).toEqual({
      ...configMap('a', { x: '1' }),
      metadata: {
        name: 'a',
        namespace: 'shop',
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: expect.stringMatching(/^\d+$/),
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [expect.objectContaining({ manager: 'curl', operation: 'Update' })],
      },
    });
    expect((await call(`${configMaps}/a`)).body).toEqual(body);
  });

  test('a custom resource starts at generation 1 with the status that its CRD defaults, whatever it says itself', async () => {
    const { body } = await call(routes, { as: 'object', body: { ...route('r'), status: { observedGeneration: 7 } } });
    expect(body).toMatchObject({ metadata: { generation: 1 }, status: { observedGeneration: -1 } });
  });

  test('what is there already is refused', async () => {
    api.create(configMap('a'));
    expect(await call(configMaps, { as: 'object', body: configMap('a') })).toMatchObject({
      code: 409,
      body: {
        kind: 'Status',
        status: 'Failure',
        reason: 'AlreadyExists',
        message: 'configmaps "a" already exists',
        details: { name: 'a', kind: 'configmaps' },
        code: 409,
      },
    });
  });

  test.each([
    ['a bad name', configMap('Not A Name'), 422, 'metadata.name'],
    ['another namespace', { ...configMap('a'), metadata: { name: 'a', namespace: 'b' } }, 400, 'does not match'],
    ['another kind', { ...configMap('a'), kind: 'Secret' }, 400, 'cannot be handled as a ConfigMap'],
    ['data of more than 1 MiB', configMap('a', { x: 'x'.repeat(2 ** 20 + 1) }), 422, 'may not be more than 1048576'],
  ])('%s is refused', async (_, body, code, message) => {
    const answer = await call(configMaps, { as: 'object', body });
    expect(answer).toMatchObject({ code, body: { message: expect.stringContaining(message) } });
  });

  test('1 MiB of data is stored, and a body of more than 3 MiB not even read', async () => {
    const huge = configMap('b', { x: 'x'.repeat(3 * 2 ** 20) });
    expect((await call(configMaps, { as: 'object', body: configMap('a', { x: 'x'.repeat(2 ** 20) }) })).code).toBe(201);
    expect(await call(configMaps, { as: 'object', body: huge })).toMatchObject({
      code: 413,
      body: { reason: 'RequestEntityTooLarge' },
    });
  });

  test('dry-run answers as if, and stores nothing', async () => {
    expect((await call(`${configMaps}?dryRun=All`, { as: 'object', body: configMap('a') })).code).toBe(201);
    expect((await call(`${configMaps}/a`)).code).toBe(404);
    expect(api.writes).toMatchObject([{ verb: 'create', dryRun: true }]);
  });

  test('generateName makes names', () => {
    const metadata = { generateName: 'a-', namespace: 'shop' };
    const [one, two] = [0, 1].map(() => api.create({ ...configMap(''), metadata } as never).metadata.name);
    expect(one).toMatch(/^a-.{5}$/);
    expect(two).not.toBe(one);
  });
});

describe('replace', () => {
  test('a stale resourceVersion is a conflict', async () => {
    const stale = api.create(configMap('a', { x: '1' }));
    api.patch(configMap('a'), { data: { x: '2' } });
    expect(await call(`${configMaps}/a`, { method: 'PUT', body: stale })).toMatchObject({
      code: 409,
      body: { reason: 'Conflict', message: expect.stringContaining('the object has been modified') },
    });
  });

  test('without one a ConfigMap is overwritten, a custom resource refused', async () => {
    api.create(configMap('a', { x: '1' }));
    api.create(route('r'));
    expect((await call(`${configMaps}/a`, { method: 'PUT', body: configMap('a', { y: '2' }) })).body.data).toEqual({
      y: '2',
    });
    expect(await call(`${routes}/r`, { method: 'PUT', body: route('r') })).toMatchObject({
      code: 422,
      body: { details: { causes: [{ field: 'metadata.resourceVersion' }] } },
    });
  });

  test('another uid is a conflict', async () => {
    api.create(configMap('a'));
    const metadata = { ...configMap('a').metadata, uid: 'other' };
    const { body } = await call(`${configMaps}/a`, { method: 'PUT', body: { ...configMap('a'), metadata } });
    expect(body.message).toContain('Precondition failed: UID in precondition: other, UID in object meta: 0000');
  });

  test('nothing new: the resourceVersion stays', async () => {
    const { metadata } = api.create(configMap('a', { x: '1' }));
    const { body } = await call(`${configMaps}/a`, { method: 'PUT', body: configMap('a', { x: '1' }) });
    expect(body.metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(api.writes).toMatchObject([{ verb: 'update', changed: false }]);
  });

  test('what is not there is 404, but a Lease is created', async () => {
    expect((await call(`${configMaps}/a`, { method: 'PUT', body: configMap('a') })).code).toBe(404);
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } };
    const path = '/apis/coordination.k8s.io/v1/namespaces/shop/leases/l';
    expect((await call(path, { method: 'PUT', body: lease })).code).toBe(201);
  });
});

describe('generation, status and scale', () => {
  test('only the spec counts', () => {
    const generations = [
      api.create(route('r')),
      api.putStatus(route('r'), { observedGeneration: 1 }),
      api.patch(route('r'), { metadata: { labels: { a: 'b' } } }),
      api.patch(route('r'), { spec: { port: 81 } }),
      api.patch(route('r'), { spec: { port: 81 } }),
    ].map(({ metadata }) => metadata.generation);
    expect(generations).toEqual([1, 1, 1, 2, 2]);
  });

  test("neither endpoint writes what is the other's", async () => {
    const { metadata } = api.create(route('r'));
    const body = { ...route('r', { port: 1 }), metadata, status: { observedGeneration: 1 } };
    const status = await call(`${routes}/r/status`, { method: 'PUT', body });
    expect(status.body).toMatchObject({ spec: { port: 80 }, status: { observedGeneration: 1 } });
    const change = { ...status.body, spec: { port: 2 }, status: {} };
    const main = await call(`${routes}/r`, { method: 'PUT', body: change });
    expect(main.body).toMatchObject({ spec: { port: 2 }, status: { observedGeneration: 1 } });
  });

  test('scale reads and writes the replicas', async () => {
    api.create(deployment);
    const path = '/apis/apps/v1/namespaces/shop/deployments/edge/scale';
    expect((await call(path)).body).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 2 },
      status: { selector: 'app=edge' },
    });
    const scaled = await call(path, { as: 'merge', body: { spec: { replicas: 3 } } });
    expect(scaled.body).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
    expect(api.get(resources.Deployment, 'shop', 'edge')).toMatchObject({
      metadata: { generation: 2 },
      spec: { replicas: 3 },
    });
  });

  test('a type without the subresource has none', async () => {
    api.create(configMap('a'));
    expect((await call(`${configMaps}/a/status`)).code).toBe(404);
  });
});

describe('patch', () => {
  beforeEach(() => void api.create(configMap('a', { x: '1', y: '2' })));

  test.each([
    ['merge', { data: { x: null, z: '3' } }, { y: '2', z: '3' }],
    [
      'json',
      [
        { op: 'test', path: '/data/x', value: '1' },
        { op: 'remove', path: '/data/x' },
      ],
      { y: '2' },
    ],
    ['json', [{ op: 'add', path: '/data/a~1b', value: '4' }], { x: '1', y: '2', 'a/b': '4' }],
    ['strategic', { data: { x: null } }, { y: '2' }],
  ] as const)('%s %j', async (as, body, data) => {
    expect((await call(`${configMaps}/a`, { as, body })).body.data).toEqual(data);
  });

  test('a test that fails changes nothing', async () => {
    const body = [
      { op: 'test', path: '/data/x', value: '9' },
      { op: 'remove', path: '/data/x' },
    ];
    expect(await call(`${configMaps}/a`, { as: 'json', body })).toMatchObject({ code: 422 });
    expect(api.get(resources.ConfigMap, 'shop', 'a')).toMatchObject({ data: { x: '1' } });
  });

  test('a resourceVersion in a merge patch is a precondition', async () => {
    const stale = { metadata: { resourceVersion: '1' }, data: { x: '9' } };
    expect((await call(`${configMaps}/a`, { as: 'merge', body: stale })).code).toBe(409);
  });

  test('a strategic patch merges lists by key, and custom resources know none', async () => {
    const containers = [
      { name: 'a', image: '1' },
      { name: 'b', image: '1' },
    ];
    api.create({ ...deployment, spec: { template: { spec: { containers } } } } as never);
    const body = { spec: { template: { spec: { containers: [{ name: 'b', image: '2' }] } } } };
    const patched = await call('/apis/apps/v1/namespaces/shop/deployments/edge', { as: 'strategic', body });
    expect(patched.body.spec.template.spec.containers).toEqual([containers[0], { name: 'b', image: '2' }]);
    api.create(route('r'));
    expect((await call(`${routes}/r`, { as: 'strategic', body: {} })).code).toBe(415);
  });
});

describe('delete', () => {
  test('at once, with its uid in the answer', async () => {
    const { metadata } = api.create(configMap('a'));
    expect((await call(`${configMaps}/a`, { method: 'DELETE' })).body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid: metadata.uid },
    });
    expect((await call(`${configMaps}/a`, { method: 'DELETE' })).code).toBe(404);
  });

  test.each([{ uid: 'other' }, { resourceVersion: '1' }])(
    'not against its preconditions: %j',
    async (preconditions) => {
      api.create(configMap('a'));
      const answer = await call(`${configMaps}/a`, { method: 'DELETE', body: { preconditions } });
      expect(answer).toMatchObject({ code: 409, body: { message: expect.stringContaining('in the precondition') } });
      expect(api.list(resources.ConfigMap)).toHaveLength(1);
    },
  );

  test('a finalizer holds it until it is taken off, and none may be added meanwhile', async () => {
    const metadata = { name: 'r', namespace: 'shop', finalizers: ['a/b'] };
    api.create({ ...route('r'), metadata });
    const { body } = await call(`${routes}/r`, { method: 'DELETE' });
    expect(body.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:00Z', generation: 2 });
    const added = { metadata: { finalizers: ['a/b', 'c/d'] } };
    expect((await call(`${routes}/r`, { as: 'merge', body: added })).code).toBe(422);
    expect((await call(`${routes}/r`, { as: 'merge', body: { metadata: { finalizers: [] } } })).code).toBe(200);
    expect((await call(`${routes}/r`)).code).toBe(404);
  });

  test('a selection at once', async () => {
    for (const name of ['a', 'b', 'c']) {
      api.create({
        ...configMap(name),
        metadata: { name, namespace: 'shop', labels: { keep: `${name === 'b'}` } },
      } as never);
    }
    expect((await call(`${configMaps}?labelSelector=keep!%3Dtrue`, { method: 'DELETE' })).code).toBe(200);
    expect(api.list(resources.ConfigMap).map(({ metadata }) => metadata.name)).toEqual(['b']);
  });
});
