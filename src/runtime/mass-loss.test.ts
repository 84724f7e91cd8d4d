/** A list that misses most of what is held is not believed before a second one says the same. */
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { told, watching } from '../testing/watching.ts';
import { Reflector } from './reflector.ts';

const service = (index: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: `s${index}`, namespace: 'shop' },
  spec: {},
});

async function holding(count: number) {
  const world = await watching();
  for (let index = 0; index < count; index += 1) world.api.put(service(index));
  const reflector = new Reflector<KubeObject>({ ...world.shared, type: resources.Service });
  const deleted: string[] = [];
  reflector.onChange((changes) =>
    deleted.push(...changes.flatMap(({ kind, key }) => (kind === 'deleted' ? [key] : []))),
  );
  world.start(reflector);
  await reflector.whenSynced();
  await world.api.until('it watches', () => world.api.watches().length > 0);
  const { api } = world;
  const lists = () => api.requests.filter(({ verb }) => verb === 'list').length;
  /** Ends the watch so that all is listed anew. */
  const relist = (fault?: 'empty-list') => {
    if (fault !== undefined) api.faults.add({ match: ({ verb }) => verb === 'list', times: 1, fault: { kind: fault } });
    for (const watch of api.watches()) watch.error(410);
    for (const watch of api.watches()) watch.close();
  };
  return { ...world, reflector, deleted, lists, relist };
}

test('an empty list, answered once, takes nothing away', async () => {
  await using world = await holding(12);
  world.relist('empty-list');
  await world.api.until('it has listed three times', () => world.lists() === 3);
  world.api.put(service(99));
  await told('what comes after', world.reflector, () => world.reflector.get('shop/s99') !== undefined);
  expect(world.deleted).toEqual([]);
  expect(world.reflector.size).toBe(13);
  expect(world.logged.join()).toContain('most objects are missing from a list');
});

test.each([
  [12, 12, 3],
  [20, 11, 3],
  [20, 10, 2],
  [9, 9, 3],
  [1, 1, 3],
  [9, 8, 2],
])('of %d objects %d that are gone are gone after %d lists', async (count, gone, lists) => {
  await using world = await holding(count);
  for (const watch of world.api.watches()) watch.freeze();
  for (let index = 0; index < gone; index += 1) world.api.delete(service(index));
  world.relist();
  await told('they are gone', world.reflector, () => world.deleted.length === gone);
  expect(world.lists()).toBe(lists);
  expect(world.reflector.size).toBe(count - gone);
});
