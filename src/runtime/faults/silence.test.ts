/** Script 6: connections on which nothing comes any more, not even an end. */
import { expect, test } from '@jest/globals';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';

test('6: watches fall silent: they are given up after the time in which the server should have ended them', async () => {
  await using world = await copying((api) => api.put(route('a')));
  const { api, copier, clock } = world;
  await settled(api, copier);
  // Neither events nor the end after timeoutSeconds: a firewall forgot the connection.
  for (const watch of api.watches()) {
    watch.intercept = () => true;
    watch.close = () => undefined;
  }
  const silent = new Set(api.watches());
  api.put(route('a', { port: 81 }));
  api.put(route('b'));
  await clock.advance(300_000 + 15_000);
  await api.until('other watches', () => api.watches().filter((watch) => !silent.has(watch)).length === 2);
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=81', 'b=80']);
  expect(api.requests.filter(({ verb }) => verb === 'list')).toHaveLength(2);
});

test.each(['list', 'watch', 'patch'] as const)(
  '6: a %s is never answered: it is given up, and tried again',
  async (hanging) => {
    await using world = await copying();
    const { api, copier, clock } = world;
    const fault = api.faults.add({ match: ({ verb }) => verb === hanging, times: 1, fault: { kind: 'hang' } });
    if (hanging !== 'patch') for (const watch of api.watches()) watch.close();
    api.put(route('a'));
    if (hanging !== 'list') await api.until('lists', () => copier.routes.synced);
    await api.until('the request', () => fault.hits === 1);
    await clock.advance(30_000);
    await settled(api, copier);
    expect(copiesOf(api)).toEqual(['a=80']);
    fault.release();
  },
);
