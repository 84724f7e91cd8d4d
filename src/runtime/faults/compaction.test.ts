/** Script 8: kinds of which nothing happens, in a cluster where everything else does. */
import { expect, test } from '@jest/globals';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';

const minute = 60_000;

test('8: an hour of bookmarks, then a compaction: nothing is listed again', async () => {
  await using world = await copying((api) => api.put(route('a')));
  const { api, copier, clock } = world;
  await settled(api, copier);
  for (let minutes = 0; minutes < 60; minutes += 1) {
    api.skip(1000);
    api.bookmark();
    await clock.advance(minute);
    // Every five minutes the server ends them.
    await api.until('both watches', () => api.watches().length === 2);
  }
  const watches = api.requests.filter(({ verb }) => verb === 'watch');
  expect(watches.length).toBeGreaterThanOrEqual(2 * 12);
  api.compact();
  for (const watch of api.watches()) watch.close();
  api.put(route('b'));
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80', 'b=80']);
  expect(api.requests.filter(({ verb }) => verb === 'list')).toHaveLength(2);
});

test('8: without bookmarks a compaction costs one list of each kind', async () => {
  await using world = await copying((api) => api.put(route('a')));
  const { api, copier } = world;
  await settled(api, copier);
  for (const watch of api.watches()) watch.intercept = ({ type }) => type === 'BOOKMARK';
  api.skip(1000);
  api.bookmark();
  api.compact();
  for (const watch of api.watches()) watch.close();
  api.put(route('b'));
  await settled(api, copier);
  expect(api.requests.filter(({ verb }) => verb === 'list')).toHaveLength(4);
});
