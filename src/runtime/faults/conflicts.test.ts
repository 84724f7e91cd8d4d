/** Script 13: another manager owns a field that we apply. */
import { expect, test } from '@jest/globals';
import type { ApiError } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { type CopyObject, copiesOf, copying, route, settled } from '../../testing/copier.ts';

const theirs: CopyObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'shop', labels: { team: 'shop' } },
  data: { spec: '{"port":1}' },
};

test('13: the causes say which field whose is; we wait, later each time, until it is let go', async () => {
  await using world = await copying((api) => void api.apply(theirs, 'helm'), { force: false });
  const { api, copier } = world;
  api.put(route('a'));
  api.put(route('b'));
  await api.until('some attempts', () => copier.reconciled.filter((key) => key === 'shop/a').length > 5);
  expect(api.get(resources.ConfigMap, 'shop', 'a')).toMatchObject(theirs);
  const failed = copier.lines.filter(({ msg }) => msg === 'reconcile failed');
  expect(JSON.stringify(failed[0])).toContain('.data.spec');
  expect(failed.slice(0, 3).map(({ retryInMs }) => retryInMs)).toEqual([5, 10, 20]);
  const error = await copier.client
    .apply(resources.ConfigMap, { ...theirs, data: { spec: '' } } as CopyObject)
    .catch((refused: ApiError) => refused);
  expect(error).toMatchObject({
    code: 409,
    reason: 'Conflict',
    causes: [{ reason: 'FieldManagerConflict', field: '.data.spec', message: 'conflict with "helm"' }],
  });
  api.apply({ ...theirs, data: undefined } as unknown as CopyObject, 'helm');
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80', 'b=80']);
  // What they still say is theirs.
  expect(api.get(resources.ConfigMap, 'shop', 'a')?.metadata.labels).toEqual({ team: 'shop', copy: 'true' });
});

test('13: with force the field is ours, once', async () => {
  await using world = await copying((api) => void api.apply(theirs, 'helm'));
  const { api, copier } = world;
  api.put(route('a'));
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80']);
  expect(api.writes).toHaveLength(1);
});
