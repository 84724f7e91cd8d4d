/** Script 12: a list that takes longer than the API server remembers. */
import { expect, test } from '@jest/globals';
import { copiesOf, copying, route, routesOf, settled } from '../../testing/copier.ts';
import type { KubeApi } from '../../testing/kube-api/index.ts';

/** Between the first page and the second one Route goes, one comes, one changes, and the first page's revision is compacted. */
function expireBetweenPages(api: KubeApi): void {
  let done = false;
  api.faults.add({
    match({ resource, query }) {
      if (done || resource !== 'routes' || !query.has('continue')) return false;
      done = true;
      api.delete(route('r0001'));
      api.put(route('r0000a'));
      api.put(route('r0002', { port: 81 }));
      api.skip(1000);
      api.compact();
      return false;
    },
    fault: { kind: 'reset' },
  });
}

test('12: the token expires between two pages: no object twice, none missing, none that is gone', async () => {
  await using world = await copying(
    (api) => {
      for (let n = 0; n < 510; n += 1) api.put(route(`r${String(n).padStart(4, '0')}`));
      expireBetweenPages(api);
    },
    { concurrency: 20 },
  );
  const { api, copier } = world;
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(routesOf(api));
  const lists = api.requests.filter(({ verb, resource }) => verb === 'list' && resource === 'routes');
  // Page, page that expired, and all of it at once: the token that the server offers instead joins pages of two moments.
  expect(lists.map(({ query }) => `${query.get('limit')} ${query.has('continue')}`)).toEqual([
    '500 false',
    '500 true',
    'null false',
  ]);
  expect(copier.reconciled.filter((key) => key === 'shop/r0001')).toEqual([]);
});
