/** Script 10: our own code throws. */
import { expect, test } from '@jest/globals';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';

test('10: a listener that throws, at once or later, keeps nobody from hearing', async () => {
  await using world = await copying();
  const { api, copier } = world;
  copier.routes.onChange(() => {
    throw new Error('at once');
  });
  copier.routes.onChange(() => Promise.reject(new Error('later')) as unknown as undefined);
  const heard: string[] = [];
  copier.routes.onChange((changes) => heard.push(...changes.map(({ key }) => key)));
  for (const name of ['a', 'b', 'c']) api.put(route(name));
  await settled(api, copier);
  expect(heard).toEqual(['shop/a', 'shop/b', 'shop/c']);
  const failures = copier.lines.filter(({ msg }) => msg === 'a listener failed; the objects are stored all the same');
  expect(JSON.stringify(failures)).toContain('at once');
  expect(JSON.stringify(failures)).toContain('later');
});

test.each([
  [
    'at once',
    () => {
      throw new Error('oops');
    },
  ],
  ['later', () => Promise.reject(new Error('oops'))],
])('10: a reconcile that throws %s is tried again, later each time, and holds up no other', async (_, fail) => {
  let failures = 0;
  const beforeWrite = (key: string) => {
    if (key !== 'shop/bad' || failures >= 8) return undefined;
    failures += 1;
    return fail();
  };
  await using world = await copying((api) => ['a', 'bad', 'b'].forEach((name) => void api.put(route(name))), {
    beforeWrite,
  });
  const { api, copier } = world;
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80', 'b=80', 'bad=80']);
  const told = copier.lines.filter(({ msg }) => msg === 'reconcile failed');
  expect(told.map(({ key, attempt }) => `${String(key)} ${String(attempt)}`)).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `shop/bad ${n}`),
  );
  expect(told.map(({ retryInMs }) => retryInMs)).toEqual([5, 10, 20, 40, 80, 160, 320, 640]);
});
