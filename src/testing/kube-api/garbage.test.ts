import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OwnerReference } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { type KubeApi, startKubeApi } from './index.ts';

let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi();
});
afterEach(() => api.stop());

interface Made {
  readonly kind?: 'ConfigMap' | 'Service';
  readonly namespace?: string;
  readonly owners?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

function make(name: string, { kind = 'ConfigMap', namespace = 'shop', owners = [], finalizers = [] }: Made = {}) {
  const metadata = { name, namespace, ownerReferences: owners, finalizers };
  const object = api.create({ apiVersion: 'v1', kind, metadata });
  const owner = { apiVersion: 'v1', kind, name, uid: object.metadata.uid ?? '' };
  return { object, owner, blocking: { ...owner, blockOwnerDeletion: true } };
}

function left(): readonly string[] {
  return Object.keys(api.dump('ConfigMap', 'Service', 'Namespace')).filter((name) => name !== 'Namespace shop');
}

describe('owners', () => {
  test('take their dependents along, and those theirs', () => {
    const top = make('top');
    const middle = make('middle', { owners: [top.owner], kind: 'Service' });
    make('bottom', { owners: [middle.owner] });
    make('other');
    api.delete(top.object);
    expect(left()).toEqual(['ConfigMap shop/other']);
  });

  test('one of several that goes leaves the dependent and its reference to the others', () => {
    const [one, two] = [make('one'), make('two')];
    make('child', { owners: [one.owner, two.owner] });
    api.delete(one.object);
    expect(api.get(resources.ConfigMap, 'shop', 'child')?.metadata.ownerReferences).toEqual([two.owner]);
    api.delete(two.object);
    expect(left()).toEqual([]);
  });

  test.each([
    ['another uid under the name', { uid: 'other' }],
    ['nobody of that name', { name: 'nobody' }],
    ['a kind that is not served', { kind: 'Gateway' }],
  ])('%s is no owner: the dependent goes at once', (_, change) => {
    make('child', { owners: [{ ...make('parent').owner, ...change }] });
    expect(left()).toEqual(['ConfigMap shop/parent']);
  });

  test('an owner in another namespace is none', () => {
    make('child', { owners: [make('parent', { namespace: 'other' }).owner] });
    expect(left()).toEqual(['ConfigMap other/parent', 'Namespace other']);
  });

  test('Orphan: dependents stay, without the reference', () => {
    const parent = make('parent');
    make('child', { owners: [parent.owner] });
    api.delete(parent.object, 'Orphan');
    expect(left()).toEqual(['ConfigMap shop/child']);
    expect(api.get(resources.ConfigMap, 'shop', 'child')?.metadata.ownerReferences).toBeUndefined();
  });

  test('Foreground: the owner waits for those that block it', () => {
    const parent = make('parent');
    const held = make('held', { owners: [parent.blocking], finalizers: ['a/b'] });
    make('free', { owners: [parent.owner] });
    api.delete(parent.object, 'Foreground');
    expect(left()).toEqual(['ConfigMap shop/held', 'ConfigMap shop/parent']);
    api.patch(held.object, { metadata: { finalizers: [] } });
    expect(left()).toEqual([]);
  });

  test('nothing is collected until asked, where a test wants to see what is between', async () => {
    const slow = await startKubeApi({ garbageCollection: false });
    try {
      const metadata = { name: 'a', namespace: 'shop' };
      const parent = slow.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: parent.metadata.uid ?? '' };
      slow.create({ apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, ownerReferences: [owner] } });
      slow.delete(parent);
      expect(slow.list(resources.Secret)).toHaveLength(1);
      slow.collectGarbage();
      expect(slow.list(resources.Secret)).toHaveLength(0);
    } finally {
      await slow.stop();
    }
  });
});

describe('namespaces', () => {
  const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };

  test('take their content along, wait for finalizers, and take nothing new meanwhile', () => {
    const held = make('held', { finalizers: ['a/b'] });
    make('free');
    api.delete(shop);
    expect(api.dump()).toMatchObject({ 'Namespace shop': { status: { phase: 'Terminating' } } });
    expect(left()).toEqual(['ConfigMap shop/held']);
    expect(() => make('late')).toThrow('because it is being terminated');
    api.patch(held.object, { metadata: { finalizers: [] } });
    expect(api.dump()).toEqual({});
    expect(() => make('later')).toThrow('namespaces "shop" not found');
    api.create(shop);
    make('again');
  });

  test('must be there first, where a test is strict', async () => {
    const strict = await startKubeApi({ strictNamespaces: true });
    try {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'shop' } };
      expect(() => strict.create(body)).toThrow('namespaces "shop" not found');
      strict.create(shop);
      strict.create(body);
    } finally {
      await strict.stop();
    }
  });
});
