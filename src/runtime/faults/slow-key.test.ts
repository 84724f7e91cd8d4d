/** Script 14: one object takes long. */
import { expect, test } from '@jest/globals';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';

test('14: the others flow meanwhile; it is worked on by one at a time, and once more for all that came since', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  const beforeWrite = async (key: string) => {
    if (key !== 'shop/slow') return;
    running += 1;
    most = Math.max(most, running);
    await gate;
    running -= 1;
  };
  await using world = await copying((api) => void api.put(route('slow')), { beforeWrite, concurrency: 2 });
  const { api, copier } = world;
  await api.until('the slow one', () => running === 1);
  for (let n = 0; n < 50; n += 1) {
    api.put(route(`r${10 + n}`));
    api.put(route('slow', { port: n }));
  }
  await api.until('all others', () => copiesOf(api).length === 50);
  expect(copiesOf(api)).not.toContain('slow=49');
  const looks = () => copier.reconciled.filter((key) => key === 'shop/slow').length;
  await api.until('the last word on it', () => copier.routes.get('shop/slow')?.metadata.generation === 51);
  expect(looks()).toBe(1);
  open();
  await settled(api, copier);
  expect(most).toBe(1);
  expect(copiesOf(api)).toContain('slow=49');
  expect(api.writes.filter(({ name, changed }) => name === 'slow' && changed).length).toBeLessThanOrEqual(2);
});
