/** A policy changes while everybody asks. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../operator/lib/until.ts';
import { answersOf, type Caller, type PodAsk, settled } from './lib/callers.ts';
import { openShop, type Shop } from './lib/open-shop.ts';
import { ordersPolicy, ordersRoute } from './lib/shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

suite('a policy that changes', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop('e2e-mesh-changes');
  });
  afterAll(() => shop?.world.end());

  const ofTenant = { headers: { 'x-tenant': 'a' } };
  const becomes = (caller: Caller, what: PodAsk, answer: string) =>
    until(`${what.path} is answered ${answer}`, () => settled(() => caller.status(what), answer));

  test('is tightened and loosened without a moment at which it admits what neither does, or refuses what both do', async () => {
    const { world, tokens, outside, thief, friend, stranger, throughGateway, direct, inside } = shop;
    const stops = await Promise.all([
      outside.watch({
        tenant: throughGateway(ofTenant),
        any: throughGateway(),
        nobody: throughGateway({ token: 'none' }),
      }),
      thief.watch({ tenant: direct(ofTenant), any: direct(), nobody: direct({ token: 'none' }) }),
      friend.watch({ batch: inside('/orders/batch'), other: inside('/orders/1') }),
      stranger.watch({ batch: direct({ path: '/orders/batch' }), reader: direct() }),
    ]);
    for (let round = 0; round < 3; round += 1) {
      const readersWhen = [{ header: 'x-tenant', values: ['a'] }];
      await world.apply(ordersPolicy(tokens.key, { readersWhen }));
      await becomes(thief, direct(), '403');
      await becomes(outside, throughGateway(), '403');
      await world.apply(ordersPolicy(tokens.key));
      await becomes(thief, direct(), '200');
      await becomes(outside, throughGateway(), '200');
    }
    expect((await Promise.all(stops.map((stop) => stop()))).map(answersOf)).toEqual([
      { tenant: ['200'], any: ['200', '403'], nobody: ['401'] },
      { tenant: ['200'], any: ['200', '403'], nobody: ['403'] },
      { batch: ['200'], other: ['403'] },
      { batch: ['403'], reader: ['403'] },
    ]);
  });

  test('and a Route that goes another way, lose no request: the mesh knows before the edge', async () => {
    const { world, outside, thief, throughGateway, direct } = shop;
    const stop = await outside.watch({ reads: throughGateway() });
    for (const [before, after] of [
      ['/orders', '/v1'],
      ['/v1', '/v2'],
      ['/v2', '/orders/now'],
      ['/orders/now', undefined],
    ] as const) {
      await world.apply(ordersRoute(after));
      await becomes(thief, direct({ path: `${after ?? '/orders'}/1` }), '200');
      if (before !== '/orders/now') await becomes(thief, direct({ path: `${before}/1` }), '403');
    }
    expect(answersOf(await stop())).toEqual({ reads: ['200'] });
  });

  test('is served once more as it was on a connection from before, at most', async () => {
    const { world, tokens, friend, inside } = shop;
    const pooled = async () => friend.status({ ...inside('/orders/batch'), pooled: true });
    await world.remove('DestinationRule', 'web');
    await until('the friend is admitted', async () => (await pooled()) === '200');
    await world.apply(ordersPolicy(tokens.key, { batch: ['nobody'] }));
    await becomes(shop.thief, shop.direct(), '200');
    await becomes(friend, inside('/orders/batch'), '403');
    expect([['200', '403'], ['403']]).toContainEqual([...new Set([await pooled(), await pooled(), await pooled()])]);
  });
});
