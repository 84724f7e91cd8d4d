/** istiod goes away, and comes back. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../operator/lib/until.ts';
import { answersOf, settled } from './lib/callers.ts';
import { istioNamespace } from './lib/istio.ts';
import { openShop, type Shop } from './lib/open-shop.ts';
import { ordersPolicy } from './lib/shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

suite('without istiod', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop('e2e-istiod');
  });
  afterAll(() => shop?.world.end());

  const scale = (replicas: number) =>
    shop.world.kubectl('-n', istioNamespace, 'scale', 'deployment/istiod', `--replicas=${replicas}`);
  const istiods = async () => {
    const pods = await shop.world.kubectl('-n', istioNamespace, 'get', 'pods', '-l', 'app=istiod', '-o', 'name');
    return pods.split('\n').filter((name) => name !== '');
  };
  const back = () =>
    shop.world.kubectl('-n', istioNamespace, 'rollout', 'status', 'deployment/istiod', '--timeout=60s');

  test('all is decided as before; a tighter policy holds at the gateway at once, and in the mesh when it is back', async () => {
    const { world, tokens, outside, thief, friend, stranger, throughGateway, direct, inside } = shop;
    const tenant = { headers: { 'x-tenant': 'a' } };
    const stops = await Promise.all([
      outside.watch({ tenant: throughGateway(tenant), nobody: throughGateway({ token: 'none' }) }),
      thief.watch({ tenant: direct(tenant), any: direct(), nobody: direct({ token: 'none' }) }),
      friend.watch({ batch: inside('/orders/batch') }),
      stranger.watch({ batch: direct({ path: '/orders/batch' }), reader: direct() }),
    ]);
    try {
      await scale(0);
      for (const pod of await istiods()) await world.kill(pod.replace('pod/', ''), istioNamespace);
      await until('istiod is gone', async () => (await istiods()).length === 0);
      await world.apply(ordersPolicy(tokens.key, { readersWhen: [{ header: 'x-tenant', values: ['a'] }] }));
      await until('the gateway refuses', () => settled(() => outside.status(throughGateway()), '403'));
      await until('the policy says why', async () => {
        return (await world.condition('AuthPolicy', 'orders', 'MeshEnforced'))?.reason === 'NotApplied';
      });
      expect(await thief.status(direct())).toBe('200');
    } finally {
      await scale(1);
      await back();
    }
    await until('the mesh refuses', () => settled(() => thief.status(direct()), '403'));
    await until('the policy says so', async () => {
      const condition = await world.condition('AuthPolicy', 'orders', 'MeshEnforced');
      const generation = (await world.get('AuthPolicy', 'orders'))?.metadata.generation;
      return condition?.status === 'True' && condition.observedGeneration === generation;
    });
    expect((await Promise.all(stops.map((stop) => stop()))).map(answersOf)).toEqual([
      { tenant: ['200'], nobody: ['401'] },
      { tenant: ['200'], any: ['200', '403'], nobody: ['403'] },
      { batch: ['200'] },
      { batch: ['403'], reader: ['403'] },
    ]);
  });
});
