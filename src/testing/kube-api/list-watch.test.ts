import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { FakeClock } from '../fake-clock.ts';
import { type KubeApi, startKubeApi } from './index.ts';
import { openWatch, type RawWatch, request } from './raw-client.ts';

let api: KubeApi;
let clock: FakeClock;
beforeEach(async () => {
  clock = new FakeClock();
  api = await startKubeApi({ clock });
});
afterEach(() => api.stop());

const path = '/api/v1/namespaces/shop/configmaps';
const get = (query: string, at = path) => request(`${api.url}${at}?${query}`);
const watching = (query: string, at = path) => openWatch(`${api.url}${at}?watch=1&${query}`);

function make(name: string, labels: Readonly<Record<string, string>> = {}, namespace = 'shop') {
  return api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels } });
}

function names({ body }: { readonly body: { readonly items: readonly { metadata: { name: string } }[] } }): string {
  return body.items.map(({ metadata }) => metadata.name).join(' ');
}

/** `ADDED a`, one an event. */
function told(watch: RawWatch): readonly string[] {
  return watch.events.map(({ type, object }) => {
    const { name, resourceVersion } = object['metadata'] as { name?: string; resourceVersion?: string };
    return type === 'BOOKMARK' ? `BOOKMARK ${resourceVersion}` : `${type} ${name ?? ''}`.trim();
  });
}

describe('lists', () => {
  test('of built-in kinds do not repeat the kind in each item, those of custom resources do', async () => {
    make('a');
    api.create({ apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name: 'r', namespace: 'shop' } });
    const { body } = await get('');
    expect(body).toMatchObject({
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: `${api.revision}` },
    });
    expect(body.items[0]?.kind).toBeUndefined();
    const routes = await get('', '/apis/evengate.dev/v1alpha1/routes');
    expect(routes.body.items[0]).toMatchObject({ apiVersion: 'evengate.dev/v1alpha1', kind: 'Route' });
  });

  test.each([
    ['labelSelector=app%3Dedge', 'a c'],
    ['labelSelector=app', 'a b c'],
    ['labelSelector=!app', 'd'],
    ['labelSelector=app!%3Dedge', 'b d'],
    ['labelSelector=app in (edge,db),tier notin (x)', 'a b'],
    ['labelSelector=app%3Dedge,tier%3Dx', 'c'],
    ['fieldSelector=metadata.name%3Da', 'a'],
    ['fieldSelector=metadata.name!%3Da', 'b c d'],
    ['', 'a b c d'],
  ])('%s', async (query, expected) => {
    make('a', { app: 'edge' });
    make('b', { app: 'db' });
    make('c', { app: 'edge', tier: 'x' });
    make('d');
    make('other', { app: 'edge' }, 'elsewhere');
    expect(names(await get(query))).toBe(expected);
  });

  test('of all namespaces', async () => {
    make('a');
    make('b', {}, 'elsewhere');
    expect(names(await get('', '/api/v1/configmaps'))).toBe('b a');
  });

  test('a field that is not indexed is refused', async () => {
    expect(await get('fieldSelector=data.x%3D1')).toMatchObject({
      code: 400,
      body: { message: '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"' },
    });
  });

  test('a resourceVersion of the future is refused for a while', async () => {
    const answer = await get('resourceVersion=99999');
    expect(answer).toMatchObject({ code: 504, body: { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  test('exactly as it was', async () => {
    make('a');
    const { revision } = api;
    api.delete(make('b'));
    api.patch(make('c'), { data: { x: '1' } });
    expect(names(await get(`resourceVersion=${revision}&resourceVersionMatch=Exact`))).toBe('a');
    expect(names(await get(`resourceVersion=${revision + 1}&resourceVersionMatch=Exact`))).toBe('a b');
    expect(names(await get(`resourceVersion=${revision}`))).toBe('a c');
    api.compact();
    expect((await get(`resourceVersion=${revision}&resourceVersionMatch=Exact`)).code).toBe(410);
  });
});

describe('pages', () => {
  beforeEach(() => {
    for (const name of 'abcde') make(name);
  });

  test('are of one moment', async () => {
    const first = await get('limit=2');
    expect(first.body.metadata).toMatchObject({ remainingItemCount: 3, resourceVersion: `${api.revision}` });
    api.delete({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'd', namespace: 'shop' } });
    make('bb');
    const second = await get(`limit=2&continue=${first.body.metadata.continue}`);
    const third = await get(`limit=2&continue=${second.body.metadata.continue}`);
    expect([first, second, third].map(names)).toEqual(['a b', 'c d', 'e']);
    expect(third.body.metadata.continue).toBeUndefined();
    expect(third.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
  });

  test('a token that expired is 410, with one that goes on inconsistently', async () => {
    const first = await get('limit=2');
    make('bb');
    api.compact();
    const expired = await get(`limit=2&continue=${first.body.metadata.continue}`);
    expect(expired).toMatchObject({
      code: 410,
      body: { reason: 'Expired', message: expect.stringContaining('too old to display a consistent list') },
    });
    const rest = await get(`limit=9&continue=${expired.body.metadata.continue}`);
    expect(names(rest)).toBe('bb c d e');
    expect(rest.body.metadata.resourceVersion).toBe(`${api.revision}`);
  });

  test('resourceVersion 0 knows none: it comes from the cache', async () => {
    expect(names(await get('limit=2&resourceVersion=0'))).toBe('a b c d e');
  });

  test('a token that is none is refused', async () => {
    expect((await get('limit=2&continue=what')).code).toBe(400);
  });
});

describe('watches', () => {
  test('tell what happened since, and what happens', async () => {
    const { revision } = api;
    const a = make('a');
    const watch = await watching(`resourceVersion=${revision}`);
    api.patch(a, { data: { x: '1' } });
    api.delete(a);
    make('elsewhere', {}, 'other');
    await api.until('three events', () => told(watch).length === 3);
    expect(told(watch)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    const [, , deleted] = watch.events;
    expect(deleted?.object).toMatchObject({ data: { x: '1' }, metadata: { resourceVersion: `${revision + 4}` } });
  });

  test('without a resourceVersion begin with what is there', async () => {
    make('a');
    const watch = await watching('');
    await api.until('an event', () => told(watch).length === 1);
    expect(told(watch)).toEqual(['ADDED a']);
  });

  test('an object that comes into the selection is added, one that leaves it deleted', async () => {
    const watch = await watching(`resourceVersion=${api.revision}&labelSelector=app%3Dedge`);
    const a = make('a');
    for (const app of ['edge', 'edge', 'db', 'edge']) api.patch(a, { metadata: { labels: { app } }, data: { app } });
    api.patch(a, { data: { x: '1' } });
    make('b');
    await api.until('four events', () => told(watch).length === 4);
    expect(told(watch)).toEqual(['ADDED a', 'DELETED a', 'ADDED a', 'MODIFIED a']);
    expect(watch.events[1]?.object).toMatchObject({ metadata: { labels: { app: 'edge' } } });
  });

  test('from a compacted revision get an ERROR and the end', async () => {
    const { revision } = api;
    make('a');
    api.compact();
    const watch = await watching(`resourceVersion=${revision}`);
    expect(await watch.ended).toBe('closed');
    expect(watch.events).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
    expect(watch.events[0]?.object['message']).toBe(`too old resource version: ${revision} (${api.revision})`);
  });

  test('bookmarks come to those who asked, and at the end of timeoutSeconds', async () => {
    const [with_, without] = [
      await watching(`resourceVersion=${api.revision}&allowWatchBookmarks=true&timeoutSeconds=300`),
      await watching(`resourceVersion=${api.revision}`),
    ];
    api.skip(100);
    api.bookmark();
    api.skip(5);
    await clock.advance(300_000);
    expect(await with_?.ended).toBe('closed');
    expect(told(with_ as RawWatch)).toEqual([`BOOKMARK ${api.revision - 5}`, `BOOKMARK ${api.revision}`]);
    make('a');
    await api.until('an event', () => told(without as RawWatch).length === 1);
    expect(told(without as RawWatch)).toEqual(['ADDED a']);
    expect(clock.sleepers).toBe(0);
  });

  test('sendInitialEvents: the list as events, and a bookmark that ends it', async () => {
    make('a');
    make('b');
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await watching(query);
    await api.until('three events', () => told(watch).length === 3);
    expect(told(watch)).toEqual(['ADDED a', 'ADDED b', `BOOKMARK ${api.revision}`]);
    expect(watch.events[2]?.object).toMatchObject({
      metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
    expect((await get('watch=1&sendInitialEvents=true')).code).toBe(422);
  });

  test('end with their resource type', async () => {
    const at = '/apis/evengate.dev/v1alpha1/routes';
    const watch = await watching('', at);
    api.unserve(resources.Route);
    expect(await watch.ended).toBe('closed');
    expect((await get('', at)).code).toBe(404);
    api.serve(resources.Route);
    expect((await get('', at)).code).toBe(200);
  });
});
