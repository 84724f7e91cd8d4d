/** Script 7: lines do not arrive as lines. */
import { expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { copiesOf, copying, route, settled } from '../../testing/copier.ts';
import { endsMidLine, type Fault, garblesEvents, joinsEvents, splitsEvents } from '../../testing/kube-api/faults.ts';

const huge = 'ü'.repeat(2 ** 19);

test.each<readonly [string, Fault, number]>([
  ['half a line, then the end', endsMidLine, 6],
  ['two objects in a chunk', joinsEvents(2), Infinity],
  ['bytes of one character in two chunks', splitsEvents(1013), Infinity],
  ['a line that is no JSON', garblesEvents('{"type":"MODIFIED","object":{'), 4],
  ['empty lines', garblesEvents('\r\n\n'), Infinity],
])('7: %s', async (_, fault, times) => {
  await using world = await copying((api) => {
    api.faults.add({ match: ({ resource, verb }) => verb === 'watch' && resource === 'routes', times, fault });
  });
  const { api, copier } = world;
  await api.until('the watch', () => api.watches(resources.Route).length === 1);
  for (const name of ['a', 'b', 'c']) api.put(route(name));
  api.put(route('b', { port: 81 }));
  api.delete(route('c'));
  api.put(route('d', { port: 82 }));
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80', 'b=81', 'd=82']);
});

test('7: a line of 1 MiB', async () => {
  await using world = await copying();
  const { api, copier } = world;
  await api.until('the watch', () => api.watches(resources.Route).length === 1);
  api.put({ ...route('a'), metadata: { name: 'a', namespace: 'shop', annotations: { huge } } });
  api.put(route('b'));
  await settled(api, copier);
  expect(copiesOf(api)).toEqual(['a=80', 'b=80']);
  expect(copier.routes.get('shop/a')?.metadata.annotations?.['huge']).toBe(huge);
});
