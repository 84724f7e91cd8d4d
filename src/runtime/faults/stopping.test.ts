/** Script 11: the end comes in the middle of something. */
import { expect, test } from '@jest/globals';
import { type Copying, copying, route, settled, startCopier } from '../../testing/copier.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { startKubeApi } from '../../testing/kube-api/index.ts';

/** Nothing is open, nothing sleeps, nothing is asked any more, and nobody complains. */
async function endsWell({ api, copier, clock }: Pick<Copying, 'api' | 'copier'> & { readonly clock: FakeClock }) {
  copier.stop();
  expect(await copier.end).toBe('ended');
  const { length } = api.requests;
  await api.until('no watch', () => api.watches().length === 0);
  expect(clock.sleepers).toBe(0);
  await clock.advance(600_000);
  expect(api.requests).toHaveLength(length);
  expect(copier.lines.filter(({ level }) => level === 'error')).toEqual([]);
}

test('11: while all is well', async () => {
  await using world = await copying((api) => api.put(route('a')));
  await settled(world.api, world.copier);
  await endsWell(world);
});

test('11: while it backs off', async () => {
  const api = await startKubeApi();
  try {
    const fault = api.faults.add({ match: ({ verb }) => verb === 'watch', fault: { kind: 'refuse', code: 500 } });
    const clock = new FakeClock();
    const copier = startCopier(api, { clock });
    await api.until('refusals', () => fault.hits === 2);
    await api.until('back-off', () => clock.sleepers >= 2 && copier.routes.state.kind === 'behind');
    await endsWell({ api, copier, clock });
  } finally {
    await api.stop();
  }
});

test('11: while it lists', async () => {
  await using world = await copying(
    (api) => void api.faults.add({ match: ({ verb }) => verb === 'list', fault: { kind: 'hang' } }),
  );
  await world.api.until('both lists', () => world.api.requests.length === 2);
  await endsWell(world);
});

test('11: while a reconcile runs: it is finished, and what waits is left to the next', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const names = ['a', 'b', 'c', 'd'];
  await using world = await copying((api) => names.forEach((name) => void api.put(route(name))), {
    beforeWrite: () => gate,
    concurrency: 1,
  });
  const { api, copier } = world;
  await api.until('a reconcile', () => copier.reconciled.length === 1);
  copier.stop();
  open();
  await endsWell(world);
  expect(api.writes.map(({ name }) => `shop/${name}`)).toEqual(copier.reconciled);
  expect(copier.reconciled).toHaveLength(1);
});

test('11: a reconcile that does not end is cut after the time to drain', async () => {
  await using world = await copying((api) => api.put(route('a')), {
    beforeWrite: (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  });
  const { api, copier, clock } = world;
  await api.until('a reconcile', () => copier.reconciled.length === 1);
  copier.stop();
  await clock.advance(30_000);
  expect(await copier.end).toBe('ended');
  expect(api.writes).toEqual([]);
});
