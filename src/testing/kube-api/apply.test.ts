import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { fieldsOf, fromFieldsV1, toFieldsV1 } from './field-set.ts';
import { type KubeApi, startKubeApi } from './index.ts';
import type { JsonObject } from './json.ts';
import { mergeApplied } from './merge.ts';
import { type RawCall, request } from './raw-client.ts';
import { shapeOf } from './shape.ts';
import { servedType } from './types.ts';

let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi();
});
afterEach(() => api.stop());

const configMapPath = '/api/v1/namespaces/shop/configmaps/a';
const deploymentPath = '/apis/apps/v1/namespaces/shop/deployments/edge';
const routePath = '/apis/evengate.dev/v1alpha1/namespaces/shop/routes/r';

const call = (path: string, options?: RawCall) => request(`${api.url}${path}`, options);

/** As the manager, perhaps with `force`; of a path with its query. */
function apply(manager: string, path: string, body: unknown, query = '') {
  return call(`${path}?fieldManager=${manager}${query}`, { as: 'apply', body });
}

const configMap = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  data,
});

const deployment = (podSpec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'edge' },
  spec: { template: { spec: podSpec } },
});

const status = (conditions: readonly object[]) => ({
  apiVersion: 'evengate.dev/v1alpha1',
  kind: 'Route',
  metadata: { name: 'r' },
  status: { conditions },
});

function fieldsOfManager(body: { metadata: { managedFields: readonly JsonObject[] } }, manager: string) {
  return body.metadata.managedFields.find((entry) => entry['manager'] === manager)?.['fieldsV1'];
}

describe('one manager', () => {
  test('creates, owns what it said, and no more', async () => {
    const { code, body } = await apply('op', configMapPath, configMap({ x: '1' }, { labels: { app: 'edge' } }));
    expect(code).toBe(201);
    expect(body.metadata.managedFields).toEqual([
      {
        manager: 'op',
        operation: 'Apply',
        apiVersion: 'v1',
        time: expect.any(String),
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:x': {} }, 'f:metadata': { 'f:labels': { 'f:app': {} } } },
      },
    ]);
  });

  test('saying the same again changes nothing, not even the resourceVersion', async () => {
    const first = await apply('op', configMapPath, configMap({ x: '1' }));
    const again = await apply('op', configMapPath, configMap({ x: '1' }));
    expect(again).toMatchObject({ code: 200, body: first.body });
    expect(api.writes.map(({ verb, changed }) => `${verb} ${changed}`)).toEqual(['apply true', 'apply false']);
    expect(api.changes.filter(({ type }) => type.kind === 'ConfigMap')).toHaveLength(1);
  });

  test('removes what it no longer says, with what that leaves empty', async () => {
    await apply('op', configMapPath, configMap({ x: '1', y: '2' }, { annotations: { a: 'b' } }));
    const { body } = await apply('op', configMapPath, configMap({ y: '2' }));
    expect(body.data).toEqual({ y: '2' });
    expect(body.metadata.annotations).toBeUndefined();
  });

  test('removes an item of a list map, unless somebody else owns a field of it', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name, image: '1' }));
    await apply('op', deploymentPath, deployment({ containers: [a, b, c] }));
    const path = '/spec/template/spec/containers/1/tty';
    await call(deploymentPath, { as: 'json', body: [{ op: 'add', path, value: true }] });
    const { body } = await apply('op', deploymentPath, deployment({ containers: [a] }));
    expect(body.spec.template.spec.containers).toEqual([a, { name: 'b', tty: true }]);
  });
});

describe('several managers', () => {
  test("each has its fields; taking another's is a conflict that names it", async () => {
    await apply('op', configMapPath, configMap({ x: '1' }));
    expect((await apply('helm', configMapPath, configMap({ y: '2' }))).body.data).toEqual({ x: '1', y: '2' });
    expect(await apply('helm', configMapPath, configMap({ x: '9', y: '2' }))).toMatchObject({
      code: 409,
      body: {
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "op": .data.x',
        details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "op"', field: '.data.x' }] },
      },
    });
    expect(api.get(resources.ConfigMap, 'shop', 'a')).toMatchObject({ data: { x: '1', y: '2' } });
  });

  test('force takes the field, and its former owner has it no more', async () => {
    await apply('op', configMapPath, configMap({ x: '1', z: '3' }));
    const { body } = await apply('helm', configMapPath, configMap({ x: '9' }), '&force=true');
    expect(body.data).toEqual({ x: '9', z: '3' });
    expect(fieldsOfManager(body, 'op')).toEqual({ 'f:data': { 'f:z': {} } });
    expect(fieldsOfManager(body, 'helm')).toEqual({ 'f:data': { 'f:x': {} } });
  });

  test('the same value is shared, and stays until the last lets go of it', async () => {
    await apply('op', configMapPath, configMap({ x: '1' }));
    await apply('helm', configMapPath, configMap({ x: '1' }));
    expect((await apply('op', configMapPath, configMap({}))).body.data).toEqual({ x: '1' });
    expect((await apply('helm', configMapPath, configMap({}))).body.data ?? {}).toEqual({});
  });

  test('a plain write owns what it changes; applying over it is a conflict that says so', async () => {
    await apply('op', configMapPath, configMap({ x: '1' }));
    const edit = await call(`${configMapPath}?fieldManager=kubectl-edit`, { as: 'merge', body: { data: { x: '2' } } });
    expect(fieldsOfManager(edit.body, 'kubectl-edit')).toEqual({ 'f:data': { 'f:x': {} } });
    const { body } = await apply('op', configMapPath, configMap({ x: '1' }));
    expect(body.message).toBe('Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.x');
  });

  test('without a fieldManager the program is the manager of a plain write, which owns the map that it adds too', async () => {
    const { body } = await call('/api/v1/namespaces/shop/configmaps', { as: 'object', body: configMap({ x: '1' }) });
    expect(fieldsOfManager(body, 'curl')).toEqual({ 'f:data': { '.': {}, 'f:x': {} } });
  });

  test('the order of a list map is stable while they take turns', async () => {
    const names = async (manager: string, ...own: readonly string[]) => {
      const containers = own.map((name) => ({ name, image: name }));
      const { body } = await apply(manager, deploymentPath, deployment({ containers }));
      return body.spec.template.spec.containers.map(({ name }: { name: string }) => name).join('');
    };
    expect([
      await names('op', 'a', 'b'),
      await names('mesh', 'c'),
      await names('op', 'a', 'b'),
      await names('mesh', 'c'),
    ]).toEqual(['ab', 'abc', 'abc', 'abc']);
  });
});

describe('what surprises', () => {
  test('an empty map is owned too: adding to it is a conflict', async () => {
    await apply('helm', configMapPath, configMap({}));
    expect(await apply('op', configMapPath, configMap({ x: '1' }))).toMatchObject({
      code: 409,
      body: { details: { causes: [{ field: '.data' }] } },
    });
  });

  test('an owner reference is one value', async () => {
    const { uid } = api.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'owner', namespace: 'shop' },
    }).metadata;
    const owner = { apiVersion: 'v1', kind: 'Secret', name: 'owner', uid };
    const { body } = await apply('op', configMapPath, configMap({}, { ownerReferences: [owner] }));
    expect(fieldsOfManager(body, 'op')).toMatchObject({
      'f:metadata': { 'f:ownerReferences': { [`k:{"uid":"${uid}"}`]: {} } },
    });
    const other = { ...owner, controller: true };
    expect((await apply('two', configMapPath, configMap({}, { ownerReferences: [other] }))).code).toBe(409);
  });

  test('who applies nothing is no manager', async () => {
    const { body } = await apply('op', configMapPath, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
    expect(body.metadata.managedFields).toBeUndefined();
  });

  test('stringData becomes data, but its applier owns what it said', async () => {
    const path = '/api/v1/namespaces/shop/secrets/s';
    const { body } = await apply('op', path, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      stringData: { a: 'b' },
    });
    expect(body.data).toEqual({ a: 'Yg==' });
    expect(fieldsOfManager(body, 'op')).toEqual({ 'f:stringData': { 'f:a': {} } });
  });
});

describe('status', () => {
  beforeEach(() => {
    api.create({
      apiVersion: 'evengate.dev/v1alpha1',
      kind: 'Route',
      metadata: { namespace: 'shop', name: 'r' },
      spec: {},
    });
  });

  test('conditions are a map by type, so that each manager has its own', async () => {
    const ready = { type: 'Ready', status: 'True' };
    const other = { type: 'Other', status: 'False' };
    await apply('op', `${routePath}/status`, status([ready]));
    const { body } = await apply('else', `${routePath}/status`, status([other]));
    expect(body.status.conditions).toEqual([ready, other]);
    expect(body.metadata).toMatchObject({ generation: 1 });
    const conflict = await apply('else', `${routePath}/status`, status([{ ...ready, status: 'False' }]));
    expect(conflict.body.details.causes).toEqual([
      {
        reason: 'FieldManagerConflict',
        message: 'conflict with "op" with subresource "status"',
        field: '.status.conditions[type="Ready"].status',
      },
    ]);
  });

  test('a status applied to the object itself is ignored', async () => {
    const { body } = await apply('op', routePath, { ...status([{ type: 'Ready' }]), spec: {} });
    expect(body.status).toEqual({ observedGeneration: -1 });
    expect(JSON.stringify(body.metadata.managedFields)).not.toContain('f:status');
  });

  test('of nothing is 404, not a creation', async () => {
    const path = routePath.replace('/r', '/missing');
    expect((await apply('op', `${path.replace('routes/r', 'routes/missing')}/status`, status([]))).code).toBe(404);
  });
});

describe('refused', () => {
  test.each([
    [
      'another uid',
      { metadata: { name: 'a', uid: 'other' } },
      422,
      'metadata.uid: Invalid value: "other": field is immutable',
    ],
    ['an old resourceVersion', { metadata: { name: 'a', resourceVersion: '1' } }, 409, 'has been modified'],
    ['managedFields', { metadata: { name: 'a', managedFields: [] } }, 400, 'must be nil'],
    ['another name', { metadata: { name: 'b' } }, 400, 'does not match the name on the URL'],
  ])('%s', async (_, changes, code, message) => {
    await apply('op', configMapPath, configMap({ x: '1' }));
    const answer = await apply('op', configMapPath, { ...configMap({ x: '2' }), ...changes });
    expect(answer).toMatchObject({ code, body: { message: expect.stringContaining(message) } });
  });

  test('a uid where nothing is, so that what was deleted stays so', async () => {
    expect(await apply('op', configMapPath, configMap({}, { uid: 'gone' }))).toMatchObject({
      code: 409,
      body: { message: expect.stringContaining('no existing object was found') },
    });
  });

  test('no manager', async () => {
    const answer = await call(configMapPath, { as: 'apply', body: configMap({}) });
    expect(answer).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'fieldManager' }] } } });
  });
});

describe('properties', () => {
  const shape = shapeOf(servedType(resources.Deployment));
  const names = fc.constantFrom('a', 'b', 'c');
  const containers = fc.uniqueArray(
    fc.record(
      {
        name: names,
        image: names,
        args: fc.array(names),
        env: fc.uniqueArray(fc.record({ name: names, value: names }), { selector: ({ name }) => name }),
      },
      { requiredKeys: ['name'] },
    ),
    { selector: ({ name }) => name },
  );
  const specs = fc.record(
    { replicas: fc.nat(3), template: fc.record({ spec: fc.record({ containers }) }) },
    { requiredKeys: [] },
  );
  const objects = fc.record({ spec: specs }) as fc.Arbitrary<JsonObject>;

  test('FieldsV1 says every set of fields', () => {
    fc.assert(
      fc.property(objects, (object) => {
        const fields = new Set(fieldsOf(object, shape).keys());
        expect(fromFieldsV1(toFieldsV1(fields))).toEqual(fields);
      }),
    );
  });

  test('a merge holds all that was applied, and merging it again changes nothing', () => {
    fc.assert(
      fc.property(objects, objects, (live, config) => {
        const merged = mergeApplied(live, config, shape);
        const held = fieldsOf(merged, shape);
        for (const [path, value] of fieldsOf(config, shape)) {
          if (JSON.stringify(value) !== '{}' && JSON.stringify(value) !== '[]') expect(held.get(path)).toEqual(value);
        }
        expect(mergeApplied(merged, config, shape)).toEqual(merged);
      }),
    );
  });

  test('after any sequence of forced applies the last word of each manager holds where nobody spoke after it', async () => {
    const steps = fc.array(fc.record({ manager: fc.constantFrom('p', 'q'), data: fc.dictionary(names, names) }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        await using own = await disposable();
        const model = new Map<string, Entry>();
        for (const { manager, data } of sequence) {
          own.api.apply({ ...configMap(data), metadata: { name: 'a', namespace: 'shop' } }, manager);
          speak(model, manager, data);
        }
        const wanted = Object.fromEntries([...model].map(([name, { value }]) => [name, value]));
        const stored = own.api.get<KubeObject & { data?: object }>(resources.ConfigMap, 'shop', 'a');
        expect(stored?.data ?? {}).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });
});

interface Entry {
  readonly value: string;
  readonly owners: Set<string>;
}

/** A manager's whole word: what it does not say any more is gone unless somebody else says it. */
function speak(model: Map<string, Entry>, manager: string, data: Readonly<Record<string, string>>): void {
  for (const [name, { owners }] of model) {
    if (!(name in data)) owners.delete(manager);
    if (owners.size === 0) model.delete(name);
  }
  for (const [name, value] of Object.entries(data)) {
    const before = model.get(name);
    model.set(name, { value, owners: new Set([...(before?.value === value ? before.owners : []), manager]) });
  }
}

async function disposable() {
  const own = await startKubeApi();
  return { api: own, [Symbol.asyncDispose]: () => own.stop() };
}
