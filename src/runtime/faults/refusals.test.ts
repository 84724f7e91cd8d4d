/** Script 3: an API server that refuses lists and watches for a while. */
import { expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';

const codes = [500, 429, 503, 401, 403];
const verbs = ['list', 'watch'] as const;

test.each(codes.flatMap((code) => verbs.map((verb) => [code, verb] as const)))(
  '3: %d to a %s',
  async (code, refused) => {
    await using world = await copying();
    const { api, copier } = world;
    const match = ({ verb }: { readonly verb: string }) => verb === refused;
    const fault = api.faults.add({ match, times: 10, fault: { kind: 'refuse', code } });
    for (const name of ['a', 'b', 'c']) api.put(route(name));
    await api.until('ten refusals', () => fault.hits === 10);
    api.delete(route('b'));
    await settled(api, copier);
    expect(copiesOf(api)).toEqual(['a=80', 'c=80']);
    expect(copier.routes.state.kind).toBe('synced');
  },
);

test.each(verbs)('3: 429 with Retry-After to a %s: not before the server wants it', async (refused) => {
  await using world = await copying((api) => {
    api.put(route('a'));
    const match = ({ verb, resource }: { readonly verb: string; readonly resource: string }) =>
      verb === refused && resource === 'routes';
    api.faults.add({ match, times: 3, fault: { kind: 'refuse', code: 429, retryAfterSeconds: 17 } });
  });
  const { api, copier, clock } = world;
  await api.until('a watch', () => api.watches(resources.Route).length === 1);
  await settled(api, copier);
  expect(clock.skipped.filter((ms) => ms === 17_000)).toHaveLength(3);
});

test('3: writes that are refused are tried again, and written once', async () => {
  await using world = await copying();
  const { api, copier } = world;
  const match = ({ apply }: { readonly apply: boolean }) => apply;
  const codesOfWrites = [500, 429, 503, 401, 403, 422, 409].map((code) =>
    api.faults.add({ match, times: 2, fault: { kind: 'refuse', code } }),
  );
  for (const name of ['a', 'b', 'c']) api.put(route(name));
  await settled(api, copier);
  expect(codesOfWrites.map(({ hits }) => hits)).toEqual(codesOfWrites.map(() => 2));
  expect(api.writes.map(({ verb, name }) => `${verb} ${name}`).toSorted()).toEqual(['apply a', 'apply b', 'apply c']);
});

test('3: a write whose answer is lost is not done twice', async () => {
  await using world = await copying();
  const { api, copier } = world;
  const fault = api.faults.add({ match: ({ apply }) => apply, times: 3, fault: { kind: 'lose-answer' } });
  for (const name of ['a', 'b', 'c']) api.put(route(name));
  await settled(api, copier);
  expect(fault.hits).toBe(3);
  expect(copiesOf(api)).toEqual(['a=80', 'b=80', 'c=80']);
  expect(api.writes.filter(({ changed }) => changed)).toHaveLength(3);
});
