import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { strike, told, watching } from '../testing/watching.ts';
import { cache } from './cache.ts';
import { NamedObjects } from './named-objects.ts';

const secret = (namespace: string, name: string, value = 'x') =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data: { value } }) as KubeObject;

describe('a cache of some namespaces', () => {
  test('asks for no other, and is one collection', async () => {
    await using world = await watching();
    const { api } = world;
    for (const namespace of ['shop', 'blog', 'other']) api.put(secret(namespace, 'a'));
    const source = cache({ ...world.shared, type: resources.Secret, namespaces: ['shop', 'blog', 'shop'] });
    world.start(source);
    await source.whenSynced();
    const snapshot = source.snapshot();
    expect([...snapshot.keys()]).toEqual(['shop/a', 'blog/a']);
    expect(source.snapshot()).toBe(snapshot);
    expect(source.get('blog/a')).toBe(snapshot.get('blog/a'));
    await api.until('both watches', () => api.watches().length === 2);
    expect(new Set(api.requests.map(({ namespace }) => namespace))).toEqual(new Set(['shop', 'blog']));
    api.put(secret('other', 'b'));
    api.put(secret('blog', 'b'));
    await told('b', source, () => source.get('blog/b') !== undefined);
    expect([...source.snapshot().keys()]).toEqual(['shop/a', 'blog/a', 'blog/b']);
    expect([...snapshot.keys()]).toEqual(['shop/a', 'blog/a']);
  });

  test('is synced when all are, and behind when one is', async () => {
    await using world = await watching({ authorize: ({ namespace }) => namespace !== 'blog' });
    world.api.put(secret('shop', 'a'));
    const source = cache({ ...world.shared, type: resources.Secret, namespaces: ['shop', 'blog'] });
    world.start(source);
    await told('behind', source, () => source.state.kind === 'behind' && source.get('shop/a') !== undefined);
    expect(source.synced).toBe(false);
    expect(source.state).toMatchObject({ cause: 'forbidden', error: { code: 403 } });
    expect(source.state.kind === 'behind' ? source.state.error.message : '').toContain('in the namespace "blog"');
  });

  test('of none in particular is of all', async () => {
    await using world = await watching();
    world.api.put(secret('shop', 'a'));
    const source = cache({ ...world.shared, type: resources.Secret, namespaces: [] });
    world.start(source);
    await source.whenSynced();
    expect([...source.snapshot().keys()]).toEqual(['shop/a']);
  });

  test('of a cluster-scoped type is all of it', async () => {
    await using world = await watching();
    world.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'blog' } });
    const source = cache({ ...world.shared, type: resources.Namespace, namespaces: ['shop'] });
    world.start(source);
    await source.whenSynced();
    expect([...source.snapshot().keys()]).toContain('blog');
  });
});

describe('named objects', () => {
  const named = async (options: Parameters<typeof watching>[0] = {}) => {
    const world = await watching(options);
    const objects = new NamedObjects({ ...world.shared, type: resources.Secret });
    const states: string[] = [];
    objects.onState(({ key, state }) => void states.push(`${key} ${state.kind}`));
    const changes: string[] = [];
    objects.onChange((told) => void changes.push(...told.map(({ kind, key }) => `${kind} ${key}`)));
    world.start(objects);
    return { ...world, objects, states, changes };
  };

  test('only those that are wanted are asked for, each by its name', async () => {
    await using world = await named();
    const { api, objects } = world;
    for (const name of ['a', 'b', 'c']) api.put(secret('shop', name));
    objects.want(new Set(['shop/a', 'shop/b']));
    await objects.whenSynced();
    expect([...objects.snapshot().keys()]).toEqual(['shop/a', 'shop/b']);
    objects.want(new Set(['shop/b', 'shop/c']));
    expect(objects.synced).toBe(false);
    await objects.whenSynced();
    expect([...objects.snapshot().keys()]).toEqual(['shop/b', 'shop/c']);
    await api.until('two watches', () => api.watches().length === 2);
    const asked = api.requests.map(({ namespace, query }) => `${namespace} ${query.get('fieldSelector')}`);
    expect(new Set(asked)).toEqual(new Set(['a', 'b', 'c'].map((name) => `shop metadata.name=${name}`)));
  });

  test('RBAC by resourceNames is enough', async () => {
    await using world = await named({ authorize: ({ name }) => name === 'a' });
    const { api, objects, states } = world;
    api.put(secret('shop', 'a'));
    api.put(secret('shop', 'b'));
    objects.want(new Set(['shop/a', 'shop/b', 'shop/none']));
    await objects.whenSynced();
    await told('each', objects, () => states.length === 3);
    expect(states.toSorted()).toEqual(['shop/a present', 'shop/b forbidden', 'shop/none forbidden']);
    expect(objects.stateOf('shop/b')).toMatchObject({ kind: 'forbidden', error: { code: 403 } });
    expect(objects.stateOf('shop/c')).toBeUndefined();
  });

  test('absent, then there, then gone', async () => {
    await using world = await named();
    const { api, objects, states, changes } = world;
    objects.want(new Set(['shop/a']));
    await objects.whenSynced();
    expect(objects.stateOf('shop/a')).toEqual({ kind: 'absent' });
    await api.until('the watch', () => api.watches().length === 1);
    api.put(secret('shop', 'a'));
    await told('present', objects, () => objects.stateOf('shop/a')?.kind === 'present');
    api.delete(secret('shop', 'a'));
    await told('absent', objects, () => objects.stateOf('shop/a')?.kind === 'absent');
    expect(changes).toEqual(['added shop/a', 'deleted shop/a']);
    expect(states).toEqual(['shop/a absent', 'shop/a present', 'shop/a absent']);
  });

  test('one that cannot be read is held as it was', async () => {
    let allowed = true;
    await using world = await named({ authorize: () => allowed });
    const { api, objects } = world;
    api.put(secret('shop', 'a'));
    objects.want(new Set(['shop/a']));
    await api.until('the watch', () => api.watches().length === 1);
    allowed = false;
    for (const watch of api.watches()) watch.reset();
    await told('forbidden', objects, () => objects.stateOf('shop/a')?.kind === 'forbidden');
    expect(objects.get('shop/a')).toBeDefined();
    allowed = true;
    await told('present', objects, () => objects.stateOf('shop/a')?.kind === 'present');
  });

  test('a server that is away holds nobody up', async () => {
    await using world = await named();
    strike(world.api, 'list', { kind: 'refuse', code: 500 });
    world.objects.want(new Set(['shop/a']));
    await world.objects.whenSynced();
    expect(world.objects.stateOf('shop/a')).toMatchObject({ kind: 'failing', error: { code: 500 } });
  });

  test('what is wanted no more is let go of, and nothing of it told', async () => {
    await using world = await named();
    const { api, objects, changes } = world;
    api.put(secret('shop', 'a'));
    objects.want(new Set(['shop/a']));
    await api.until('the watch', () => api.watches().length === 1);
    objects.want(new Set());
    await api.until('no watch', () => api.watches().length === 0);
    expect([objects.snapshot().size, objects.synced, changes]).toEqual([0, true, ['added shop/a']]);
  });
});
