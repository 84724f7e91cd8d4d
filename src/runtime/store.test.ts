import { expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { deepFreeze, withoutBookkeeping } from './project.ts';
import { type Arrival, Store } from './store.ts';

function arrival(
  name: string,
  resourceVersion: string,
  more: { uid?: string; spec?: unknown } = {},
): Arrival<KubeObject> {
  const { uid = `uid of ${name}`, spec = {} } = more;
  const metadata = { name, namespace: 'shop', uid, resourceVersion };
  return { object: { apiVersion: 'v1', kind: 'Service', metadata, spec }, uid, resourceVersion };
}
const names = (store: Store<KubeObject>) => [...store.snapshot().keys()];

test('a list is what is there: the others were deleted while nobody watched', () => {
  const store = new Store<KubeObject>();
  store.replace([arrival('a', '1'), arrival('b', '2')]);
  const changes = store.replace([arrival('b', '5', { spec: { x: 1 } }), arrival('c', '4')]);
  expect(changes.map(({ kind, key }) => `${kind} ${key}`)).toEqual([
    'deleted shop/a',
    'updated shop/b',
    'added shop/c',
  ]);
  expect(names(store)).toEqual(['shop/b', 'shop/c']);
});

test('another uid under the same name is a deletion and an addition', () => {
  const store = new Store<KubeObject>();
  const old = arrival('a', '1');
  store.put(old);
  const recreated = arrival('a', '2', { uid: 'another' });
  expect(store.put(recreated)).toEqual([
    { kind: 'deleted', key: 'shop/a', object: old.object },
    { kind: 'added', key: 'shop/a', object: recreated.object },
  ]);
  // News of the old one's end come late.
  expect(store.remove('shop/a', old.uid)).toEqual([]);
  expect(names(store)).toEqual(['shop/a']);
});

test('what says the same at another resourceVersion is no change, and keeps its identity', () => {
  const store = new Store<KubeObject>();
  const first = arrival('a', '1');
  store.put(first);
  const snapshot = store.snapshot();
  expect(store.put(arrival('a', '2'))).toEqual([]);
  expect(store.snapshot()).toBe(snapshot);
  expect(store.get('shop/a')).toBe(first.object);
  expect(store.resourceVersionOf('shop/a')).toBe('2');
});

test('a snapshot never changes', () => {
  const store = new Store<KubeObject>();
  store.put(arrival('a', '1'));
  const before = store.snapshot();
  store.put(arrival('b', '2'));
  expect([...before.keys()]).toEqual(['shop/a']);
  expect(names(store)).toEqual(['shop/a', 'shop/b']);
});

test('of an object everything is kept but two copies of it', () => {
  const metadata = {
    name: 'a',
    labels: { app: 'x' },
    managedFields: [{ manager: 'kubectl' }],
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  };
  const raw = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [] }, status: {} };
  expect(withoutBookkeeping(raw)).toEqual({ ...raw, metadata: { name: 'a', labels: { app: 'x' } } });
});

test('frozen means all of it', () => {
  const value = deepFreeze({ list: [{ text: 'x' }] });
  expect(() => Object.assign(value.list[0] ?? {}, { text: 'y' })).toThrow(TypeError);
  expect(() => value.list.push({ text: 'z' })).toThrow(TypeError);
});
