/** Scripts 1, 2, 4 and 5: a watch that ends, in every way there is, loses nothing and costs little. */
import { expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';
import { type Fault, resetsMidLine, sendsError } from '../../testing/kube-api/faults.ts';
import type { KubeApi } from '../../testing/kube-api/index.ts';

const requestsOf = (api: KubeApi, verb: string) => api.requests.filter((request) => request.verb === verb);
const bothWatch = (api: KubeApi) => api.until('both watches', () => api.watches().length === 2);

/** Changes of every sort, one after the other; the function is called after each. */
async function changes(api: KubeApi, then: () => Promise<void> | void): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    for (const act of [
      () => api.put(route('a', { port: round })),
      () => api.put(route(`new-${round}`)),
      () => api.delete(route(`new-${round}`)),
      () => api.put(route('b', { port: round })),
    ]) {
      act();
      await then();
    }
  }
}

const end = ['a=5', 'b=5'];

test('1: the server ends every watch after every change', async () => {
  await using world = await copying();
  const { api, copier } = world;
  await bothWatch(api);
  await changes(api, async () => {
    for (const watch of api.watches()) watch.close();
    await bothWatch(api);
  });
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(end);
  // It goes on where it was, instead of asking for everything anew.
  expect(requestsOf(api, 'list')).toHaveLength(2);
  for (const { query } of requestsOf(api, 'watch')) expect(query.get('resourceVersion')).toMatch(/^\d+$/);
});

test('2: the connection is reset in the middle of a line', async () => {
  await using world = await copying();
  const { api, copier } = world;
  const fault = api.faults.add({ match: ({ verb }) => verb === 'watch', times: 8, fault: resetsMidLine });
  await changes(api, () => undefined);
  await api.until('every reset', () => fault.hits === 8);
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(end);
});

test.each<readonly [string, Fault, number]>([
  ['4: an ERROR of code 410 in the stream, at once', sendsError(410), 6],
  ['4: an ERROR of code 410 in place of an event', sendsError(410, 'at-event'), 6],
  ['4: an ERROR of code 500 in the stream', sendsError(500, 'at-event'), 6],
  ['5: the answer 410 to a watch', { kind: 'refuse', code: 410 }, 6],
])('%s', async (_, fault, times) => {
  await using world = await copying((api) => api.put(route('old')));
  const { api, copier } = world;
  await bothWatch(api);
  const active = api.faults.add({ match: ({ verb }) => verb === 'watch', times, fault });
  for (const watch of api.watches()) watch.close();
  // Nobody hears of its end.
  api.delete(route('old'));
  await changes(api, () => undefined);
  for (let port = 90; active.hits < times; port += 1) {
    const object = api.put(route('b', { port }));
    await api.until(
      'its arrival',
      () => copier.routes.get('shop/b')?.metadata.generation === object.metadata.generation,
    );
  }
  api.put(route('b', { port: 5 }));
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(end);
});

test('4, 5: a compaction is a list, and what was deleted meanwhile is noticed', async () => {
  await using world = await copying((api) => ['a', 'b', 'old'].forEach((name) => void api.put(route(name))));
  const { api, copier } = world;
  await settled(api, copier);
  await api.goDown();
  // Its copy stays: somebody else's finalizer holds it.
  api.patch({ ...route('old'), apiVersion: 'v1', kind: 'ConfigMap' }, { metadata: { finalizers: ['test/hold'] } });
  api.delete(route('old'));
  api.put(route('b', { port: 81 }));
  api.skip(1000);
  api.compact();
  await api.comeBack();
  api.patch({ ...route('old'), apiVersion: 'v1', kind: 'ConfigMap' }, { metadata: { finalizers: [] } });
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80', 'b=81']);
  expect(api.list(resources.Route)).toHaveLength(copier.routes.size);
  expect(requestsOf(api, 'list').length).toBeGreaterThan(2);
});
