import { expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { told, watching } from '../testing/watching.ts';
import { cache } from './cache.ts';
import { OnDemand } from './on-demand.ts';

const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop' } };

test('asks for nothing before it is wanted, and then follows as any source', async () => {
  await using world = await watching();
  world.api.put(pod);
  const source = new OnDemand(cache({ ...world.shared, type: resources.Pod }));
  const seen: string[] = [];
  source.onChange((changes) => seen.push(...changes.map(({ kind, key }) => `${kind} ${key}`)));
  world.start(source);
  expect([source.wanted, source.synced, source.snapshot().size]).toEqual([false, false, 0]);
  expect(world.api.requests).toEqual([]);
  source.want();
  await source.whenSynced();
  await told('the Pod', source, () => seen.includes('added shop/a'));
  expect(source.get('shop/a')?.metadata.name).toBe('a');
});

test('wanted before it runs, it begins at once; never wanted, it ends when it is stopped', async () => {
  await using world = await watching();
  const [early, never] = [0, 1].map(() => new OnDemand(cache({ ...world.shared, type: resources.Pod })));
  early?.want();
  const stop = new AbortController();
  const ended = never?.run(stop.signal);
  if (early !== undefined) world.start(early);
  await early?.whenSynced();
  stop.abort();
  await ended;
  expect(never?.state.kind).toBe('starting');
});
