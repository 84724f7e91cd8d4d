/** Script 9: behind one name there is another object. */
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';
import type { KubeApi } from '../../testing/kube-api/index.ts';

function recreate(api: KubeApi): KubeObject {
  api.delete(route('a'));
  return api.create(route('a'));
}

test.each([
  ['heard of by watch', false],
  ['found in a list', true],
])('9: deleted and created anew while nobody watched, %s', async (_, compacts) => {
  await using world = await copying((api) => api.put(route('a')));
  const { api, copier } = world;
  await settled(api, copier);
  const seen: string[] = [];
  copier.routes.onChange((changes) =>
    seen.push(...changes.map(({ kind, object }) => `${kind} ${object.metadata.uid}`)),
  );
  const before = copier.routes.get('shop/a')?.metadata.uid;
  await api.goDown();
  const { uid } = recreate(api).metadata;
  if (compacts) api.compact();
  await api.comeBack();
  await settled(api, copier);
  expect(seen).toEqual([`deleted ${before}`, `added ${uid}`]);
  expect(api.get(resources.ConfigMap, 'shop', 'a')?.metadata.ownerReferences).toMatchObject([{ uid }]);
});

test('9: the same with the news of it lost: the next event of the new object tells', async () => {
  await using world = await copying((api) => api.put(route('a')));
  const { api, copier } = world;
  await settled(api, copier);
  const seen: string[] = [];
  copier.routes.onChange((changes) => seen.push(...changes.map(({ kind }) => kind)));
  for (const watch of api.watches(resources.Route)) watch.intercept = ({ type }) => type !== 'MODIFIED';
  recreate(api);
  api.put(route('a', { port: 81 }));
  await settled(api, copier);
  expect(seen).toEqual(['deleted', 'added']);
  expect(copiesOf(api)).toEqual(['a=81']);
});

test('9: a deletion meant for the old object does not strike the new one', async () => {
  await using world = await copying((api) => api.put(route('a')));
  const { api, copier } = world;
  await settled(api, copier);
  const old = copier.copies.get('shop/a');
  for (const watch of api.watches(resources.ConfigMap)) watch.freeze();
  recreate(api);
  await api.until('the new copy', () => copiesOf(api).join() === 'a=80');
  const uid = old?.metadata.uid ?? '';
  await expect(
    copier.client.delete(resources.ConfigMap, { namespace: 'shop', name: 'a' }, { uid }),
  ).rejects.toMatchObject({
    code: 409,
    reason: 'Conflict',
  });
  for (const watch of api.watches(resources.ConfigMap)) watch.thaw();
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80']);
});
