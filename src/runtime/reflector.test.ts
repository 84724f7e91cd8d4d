import { describe, expect, test } from '@jest/globals';
import type { ResourceType } from '../kube/client.ts';
import { type KubeObject, type ObjectKey, objectKey } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import {
  closesAfter,
  endsMidLine,
  type Fault,
  garblesEvents,
  joinsEvents,
  resetsMidLine,
  sendsError,
  splitsEvents,
} from '../testing/kube-api/faults.ts';
import type { KubeApi } from '../testing/kube-api/index.ts';
import { strike, strikeWhere, told, type Watching, watching } from '../testing/watching.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

const service = (name: string, port = 80): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  // Two bytes in UTF-8, which a chunk may part.
  metadata: { name, namespace: 'shop', annotations: { by: 'Jürgen' } },
  spec: { ports: [{ port }] },
});
const portOf = (object: KubeObject | undefined) =>
  (object?.spec as { readonly ports: readonly { readonly port: number }[] } | undefined)?.ports[0]?.port;

interface Mirror extends Watching {
  readonly reflector: Reflector<KubeObject>;
  /** `added shop/a` */
  readonly seen: string[];
}

/** A reflector of Services that runs, and what it told. */
async function mirror(
  prepare: (api: KubeApi) => void = () => undefined,
  options: Partial<ReflectorOptions<KubeObject>> & { readonly authorize?: () => boolean } = {},
): Promise<Mirror> {
  const { authorize, ...own } = options;
  const world = await watching(authorize === undefined ? {} : { authorize });
  prepare(world.api);
  const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service, ...own });
  const seen: string[] = [];
  reflector.onChange((changes) => seen.push(...changes.map(({ kind, key }) => `${kind} ${key}`)));
  world.start(reflector);
  return { ...world, reflector, seen };
}

const watchOpen = ({ api }: Mirror, count = 1) =>
  api.until(`watch ${count}`, () => api.watches().length > 0 && watchesOf(api).length >= count);
const watchesOf = (api: KubeApi) => api.requests.filter(({ verb }) => verb === 'watch');
const listsOf = (api: KubeApi) => api.requests.filter(({ verb }) => verb === 'list');
const has = (name: string, port?: number) => (world: Mirror) =>
  told(`shop/${name} ${port ?? ''}`, world.reflector, () => {
    const object = world.reflector.get(`shop/${name}`);
    return object !== undefined && (port === undefined || portOf(object) === port);
  });

test('lists, watches from there, and tells what changes', async () => {
  await using world = await mirror((api) => api.put(service('a')));
  const { api, reflector, seen } = world;
  const listedAt = api.revision;
  expect(reflector.state.kind).toBe('starting');
  await reflector.whenSynced();
  expect(reflector.state.kind).toBe('synced');
  await watchOpen(world);
  api.put(service('b'));
  api.put(service('a', 81));
  api.delete(service('b'));
  await told('the end of b', reflector, () => seen.includes('deleted shop/b'));
  expect(seen).toEqual(['added shop/a', 'added shop/b', 'updated shop/a', 'deleted shop/b']);
  expect([...reflector.snapshot().keys()]).toEqual(['shop/a']);
  expect(watchesOf(api)[0]?.query.get('resourceVersion')).toBe(`${listedAt}`);
});

test('what it holds is frozen, and without managedFields', async () => {
  await using world = await mirror((api) => api.apply(service('a'), 'kubectl'));
  await world.reflector.whenSynced();
  const object = world.reflector.get('shop/a');
  expect(object).toMatchObject({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } });
  expect(object?.metadata).not.toHaveProperty('managedFields');
  expect(Object.isFrozen(object?.spec)).toBe(true);
});

test('a projection decides what counts as a change', async () => {
  const project = ({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject => {
    const { name, namespace = '', uid = '' } = metadata;
    return { apiVersion, kind, metadata: { name, namespace, uid }, spec };
  };
  await using world = await mirror((api) => api.put(service('a')), { project });
  const { api, reflector, seen } = world;
  await watchOpen(world);
  const [object, snapshot] = [reflector.get('shop/a'), reflector.snapshot()];
  const { resourceVersion } = api.putStatus(service('a'), { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } }).metadata;
  api.put(service('b'));
  await has('b')(world);
  expect(seen).toEqual(['added shop/a', 'added shop/b']);
  expect(reflector.get('shop/a')).toBe(object);
  expect(snapshot.has('shop/b')).toBe(false);
  expect(reflector.resourceVersionOf('shop/a')).toBe(resourceVersion);
});

test('pages are joined, and a page that expires is no hole', async () => {
  const names = Array.from({ length: 1100 }, (_, index) => `s${index}`);
  await using world = await watching();
  for (const name of names) world.api.put(service(name));
  const expires: Fault = { kind: 'refuse', code: 410 };
  strikeWhere(world.api, ({ query }) => query.has('continue'), expires, 1);
  const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
  world.start(reflector);
  await reflector.whenSynced();
  expect([...reflector.snapshot().keys()].toSorted()).toEqual(names.map((name) => `shop/${name}`).toSorted());
  expect(listsOf(world.api).map(({ query }) => [query.get('limit'), query.has('continue')])).toEqual([
    ['500', false],
    ['500', true],
    [null, false],
  ]);
});

describe('nothing is lost when the watch', () => {
  const faults: readonly (readonly [string, Fault, number])[] = [
    ['closes after each event', closesAfter(1), Infinity],
    ['closes at once, some times', closesAfter(0), 10],
    ['is reset within a line', resetsMidLine, 3],
    ['ends within a line', endsMidLine, 3],
    ['says ERROR 410 at once', sendsError(410), 3],
    ['says ERROR 410 in place of an event', sendsError(410, 'at-event'), 3],
    ['says ERROR 500', sendsError(500, 'at-event'), 5],
    ['has several events in a chunk', joinsEvents(4), Infinity],
    ['has events in pieces of a few bytes', splitsEvents(7), Infinity],
    ['has a line that is no JSON', garblesEvents('{"type":'), 4],
    ['has a line that is no event', garblesEvents('{"type":"NEWS","object":{}}'), 4],
    ['has an event without an object', garblesEvents('{"type":"ADDED","object":null}'), 4],
    ['is refused with 410', { kind: 'refuse', code: 410 }, 2],
    ['is refused with 500', { kind: 'refuse', code: 500 }, 5],
    ['is refused with 429', { kind: 'refuse', code: 429, retryAfterSeconds: 1 }, 5],
    ['is refused with 401', { kind: 'refuse', code: 401 }, 5],
    ['cannot connect', { kind: 'reset' }, 5],
    ['answers no JSON', { kind: 'garble', body: 'the proxy says hello' }, 2],
  ];
  test.each(faults)('%s', async (_, fault, times) => {
    await using world = await watching();
    const { api } = world;
    api.put(service('old'));
    strike(api, 'watch', fault, times);
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    world.start(reflector);
    await api.until('a watch', () => watchesOf(api).length > 0);
    for (const name of ['a', 'b', 'umlaut', 'c', 'd', 'e']) api.put(service(name));
    api.put(service('b', 81));
    api.delete(service('old'));
    await told('all of it', reflector, () => sameAs(reflector, api, resources.Service));
    expect(reflector.size).toBe(6);
  });
});

function sameAs(
  reflector: { snapshot(): ReadonlyMap<ObjectKey, KubeObject> },
  api: KubeApi,
  type: ResourceType,
): boolean {
  const known = [...reflector.snapshot()].map(([key, { metadata, spec }]) => [key, metadata.uid, spec]);
  const there = api.list(type).map((object) => [objectKey(object), object.metadata.uid, object.spec]);
  const sorted = (rows: readonly unknown[]) => JSON.stringify(rows.map((row) => JSON.stringify(row)).toSorted());
  return sorted(known) === sorted(there);
}

test('a place in the stream that is refused again and again is given up', async () => {
  await using world = await watching();
  strike(world.api, 'watch', { kind: 'refuse', code: 500 }, 3);
  const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
  world.start(reflector);
  await world.api.until('a watch that lasts', () => world.api.watches().length === 1);
  expect(listsOf(world.api)).toHaveLength(2);
});

test('a place that is ahead of an API server restored from a backup is given up at once', async () => {
  await using world = await watching();
  const cause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
  const body = { kind: 'Status', status: 'Failure', reason: 'Timeout', code: 504, details: { causes: [cause] } };
  const event = JSON.stringify({ type: 'ERROR', object: body });
  strike(world.api, 'watch', { kind: 'stream', script: (watch) => watch.sendRaw(`${event}\n`) }, 1);
  const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
  world.start(reflector);
  await world.api.until('a second list', () => listsOf(world.api).length === 2);
  expect(world.counted).toContain('expired');
});

test.each(['{"kind":"ServiceList","metadata":{"resourceVersion":"1"},"items":[', '{}', 'hello'])(
  'a list that says %s is none',
  async (body) => {
    await using world = await watching();
    world.api.put(service('a'));
    strike(world.api, 'list', { kind: 'garble', body }, 2);
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    const states: string[] = [];
    reflector.onState((state) => void states.push(state.kind === 'behind' ? state.error.reason : state.kind));
    world.start(reflector);
    await told('synced', reflector, () => reflector.state.kind === 'synced');
    expect(states).toEqual(['Malformed', 'Malformed', 'synced']);
    expect(reflector.size).toBe(1);
  },
);

test('it goes on where it was: a clean end costs no list', async () => {
  await using world = await mirror((api) => api.put(service('a')));
  const { api } = world;
  await watchOpen(world);
  api.put(service('b'));
  await has('b')(world);
  for (const watch of api.watches()) watch.close();
  await watchOpen(world, 2);
  expect(listsOf(api)).toHaveLength(1);
  expect(watchesOf(api)[1]?.query.get('resourceVersion')).toBe(world.reflector.get('shop/b')?.metadata.resourceVersion);
});

test('bookmarks carry it over a compaction', async () => {
  await using world = await mirror((api) => api.put(service('a')));
  const { api, reflector } = world;
  await watchOpen(world);
  api.skip(5000);
  api.bookmark();
  api.compact();
  // What follows the bookmark on the wire proves that it arrived.
  api.put(service('b'));
  await has('b')(world);
  for (const watch of api.watches()) watch.close();
  await watchOpen(world, 2);
  api.put(service('c'));
  await has('c')(world);
  expect(listsOf(api)).toHaveLength(1);
  expect(world.counted).not.toContain('expired');
  expect(reflector.size).toBe(3);
});

test('after a compaction it lists, and knows what was deleted meanwhile', async () => {
  await using world = await mirror((api) => {
    api.put(service('a'));
    api.put(service('b'));
  });
  const { api, reflector, seen } = world;
  await watchOpen(world);
  await api.goDown();
  api.delete(service('a'));
  api.delete(service('b'));
  api.put(service('b'));
  api.compact();
  await api.comeBack();
  await told('another b', reflector, () => seen.length === 5);
  expect(seen.slice(2)).toEqual(['deleted shop/a', 'deleted shop/b', 'added shop/b']);
});

test('an object of another uid, met on the watch, is another object', async () => {
  await using world = await mirror((api) => api.put(service('a')));
  const { api, reflector, seen } = world;
  await watchOpen(world);
  // The deletion goes missing, as between two servers.
  for (const watch of api.watches()) watch.intercept = ({ type }) => type === 'DELETED';
  api.delete(service('a'));
  api.put(service('a', 81));
  await has('a', 81)(world);
  expect(seen).toEqual(['added shop/a', 'deleted shop/a', 'added shop/a']);
  expect(reflector.size).toBe(1);
});

test('silence for longer than a watch may last ends it', async () => {
  await using world = await mirror();
  const { api, clock } = world;
  await watchOpen(world);
  api.put(service('a'));
  await has('a')(world);
  for (const watch of api.watches()) watch.intercept = () => true;
  api.put(service('b'));
  // Its timeoutSeconds are 270; a server that works has ended it by then.
  await clock.advance(270_000 + 15_000);
  await has('b')(world);
  expect(listsOf(api)).toHaveLength(1);
});

test('a listener that throws disturbs nobody', async () => {
  await using world = await mirror((api) => api.put(service('a')));
  const { reflector, api, seen } = world;
  reflector.onChange(() => {
    throw new Error('oops');
  });
  reflector.onChange(() => Promise.reject(new Error('later')) as unknown as undefined);
  reflector.onChange((changes) => seen.push(`also ${changes.length}`));
  await watchOpen(world);
  api.put(service('b'));
  await has('b')(world);
  await told('the last listener', reflector, () => seen.includes('also 1'));
  expect(world.counted.filter((what) => what === 'listener_failure').length).toBeGreaterThanOrEqual(2);
  expect(listsOf(api)).toHaveLength(1);
});

describe('it says how it stands', () => {
  test.each([
    [404, 'missing'],
    [403, 'forbidden'],
    [500, 'failing'],
  ])('lists answered %i: %s; then it recovers by itself', async (code, cause) => {
    await using world = await watching();
    const { api } = world;
    const fault = strike(api, 'list', { kind: 'refuse', code });
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    world.start(reflector);
    await told(cause, reflector, () => reflector.state.kind === 'behind');
    expect(reflector.state).toMatchObject({ kind: 'behind', cause, error: { code } });
    expect(reflector.synced).toBe(false);
    await api.until('some attempts', () => fault.hits > 3);
    expect(world.logged).toEqual(['warn cannot list or watch; trying on']);
    fault.release();
    await told('synced', reflector, () => reflector.state.kind === 'synced');
    expect(world.logged[1]).toBe('info lists and watches again');
  });

  test('a CRD that is installed later', async () => {
    await using world = await watching();
    const { api } = world;
    api.unserve(resources.Route);
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Route });
    world.start(reflector);
    await told('missing', reflector, () => reflector.state.kind === 'behind' && reflector.state.cause === 'missing');
    api.serve(resources.Route);
    api.put({ apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name: 'r', namespace: 'shop' } });
    await told('the Route', reflector, () => reflector.size === 1);
  });

  test('a server that is away: behind, with what it had; then it catches up', async () => {
    await using world = await mirror((api) => api.put(service('a')));
    const { api, reflector } = world;
    await watchOpen(world);
    await api.goDown();
    await told('behind', reflector, () => reflector.state.kind === 'behind');
    expect(reflector.state).toMatchObject({ cause: 'failing', error: { code: 0, reason: 'Unreachable' } });
    expect(reflector.synced).toBe(true);
    expect(reflector.size).toBe(1);
    api.put(service('b'));
    await api.comeBack();
    await has('b')(world);
    expect(reflector.state.kind).toBe('synced');
  });

  test('watches alone are refused', async () => {
    await using world = await watching({ authorize: ({ verb }) => verb !== 'watch' });
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    world.start(reflector);
    await told('forbidden', reflector, () => reflector.state.kind === 'behind');
    expect(reflector.state).toMatchObject({ cause: 'forbidden' });
    expect(reflector.synced).toBe(true);
  });
});

describe('it waits', () => {
  test('longer each time, from 0.2 s to 30 s, and begins anew after progress', async () => {
    await using world = await mirror((api) => api.put(service('a')), {});
    const { api, clock } = world;
    await watchOpen(world);
    const fault = strike(api, 'watch', { kind: 'reset' });
    for (const watch of api.watches()) watch.reset();
    await api.until('attempts', () => fault.hits > 10);
    fault.release();
    await watchOpen(world);
    const pauses = [...clock.skipped];
    expect(pauses[0]).toBe(150);
    expect(pauses.slice(1, 10)).toEqual([300, 600, 1200, 2400, 4800, 9600, 19_200, 22_500, 22_500]);
    api.put(service('b'));
    await has('b')(world);
    const before = clock.skipped.length;
    for (const watch of api.watches()) watch.reset();
    api.put(service('c'));
    await has('c')(world);
    expect(clock.skipped[before]).toBe(150);
  });

  test('as long as the server asks for', async () => {
    await using world = await watching();
    const { api, clock } = world;
    const asked: Fault = { kind: 'refuse', code: 429, retryAfterSeconds: 7 };
    strike(api, 'list', asked, 2);
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    world.start(reflector);
    await reflector.whenSynced();
    expect(clock.skipped).toEqual([7000, 7000]);
  });

  test('between watches that end at once, but never long', async () => {
    await using world = await watching();
    const { api, clock } = world;
    strike(api, 'watch', closesAfter(0), 12);
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    world.start(reflector);
    await api.until('a watch that lasts', () => watchesOf(api).length === 13);
    expect(clock.skipped).toHaveLength(12);
    expect(Math.min(...clock.skipped)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...clock.skipped)).toBeLessThanOrEqual(2000);
  });
});

describe('stop', () => {
  test('while it watches', async () => {
    await using world = await mirror((api) => api.put(service('a')));
    await watchOpen(world);
    await world.stop();
    await world.api.until('no watch', () => world.api.watches().length === 0);
    expect(world.clock.sleepers).toBe(0);
    expect(world.logged).toEqual([]);
  });

  test('while it lists', async () => {
    await using world = await watching();
    const fault = strike(world.api, 'list', { kind: 'hang' });
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    world.start(reflector);
    await world.api.until('a list', () => fault.hits === 1);
    await world.stop();
    expect(world.clock.sleepers).toBe(0);
    fault.release();
  });

  test('while it waits', async () => {
    await using world = await watching();
    const slow = { ...world.shared, clock: new FakeClock() };
    const fault = strike(world.api, 'list', { kind: 'refuse', code: 500 });
    const reflector = new Reflector<KubeObject>({ ...slow, type: resources.Service });
    world.start(reflector);
    await told('behind', reflector, () => reflector.state.kind === 'behind');
    expect(slow.clock.sleepers).toBe(1);
    await world.stop();
    expect(slow.clock.sleepers).toBe(0);
    expect(fault.hits).toBe(1);
    expect(watchesOf(world.api)).toEqual([]);
  });

  test('whoever waits for it is told the reason', async () => {
    await using world = await watching();
    const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
    await expect(reflector.whenSynced(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

test('a type that need not be there is no warning', async () => {
  await using world = await watching();
  world.api.unserve(resources.ReferenceGrant);
  const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.ReferenceGrant, optional: true });
  world.start(reflector);
  await told('missing', reflector, () => reflector.state.kind === 'behind');
  expect(world.logged).toEqual(['info cannot list or watch; trying on']);
});
