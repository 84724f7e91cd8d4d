/** A gateway that serves joins the mesh, by way of Shadow, and leaves it again. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startOperator } from '../operator/lib/operator.ts';
import { report } from '../operator/lib/report.ts';
import { addressOf } from '../operator/lib/shop.ts';
import { startTraffic } from '../operator/lib/traffic.ts';
import { until } from '../operator/lib/until.ts';
import type { World } from '../operator/lib/world.ts';
import { type Caller, openCaller, settled } from './lib/callers.ts';
import { meshedBackends, openMesh } from './lib/meshed.ts';
import { host, makeTokens, meshGateway, ordersPolicy, ordersRoute, plainGateway, type Tokens } from './lib/shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

suite('a gateway that joins the mesh', () => {
  let world: World;
  let tokens: Tokens;
  let outside: Caller;
  let stranger: Caller;

  beforeAll(async () => {
    [world, tokens] = await Promise.all([openMesh('e2e-switch-on'), makeTokens()]);
    [outside, stranger] = await Promise.all([
      openCaller(world, 'outside', { standing: 'Outside' }),
      openCaller(world, 'stranger', { standing: 'Sidecar' }),
      startOperator(world, { class: world.namespace, where: 'outside' }),
      meshedBackends(world, 'web'),
      world.apply(plainGateway(world, 2), ordersRoute(), ordersPolicy(tokens.key)),
    ]);
    await world.ready('ApiGateway', 'edge');
    await world.ready('AuthPolicy', 'orders');
  });
  afterAll(() => world?.end());

  const plaintext = () => outside.status({ host: 'web', port: 80, path: '/orders/1' });
  const inMesh = () => stranger.status({ host: 'web', port: 80, path: '/orders/1' });

  test('fails no request on its way there and back', async () => {
    const headers = { authorization: tokens.bearer.reader };
    const traffic = startTraffic({
      at: { http: await addressOf(world, 'edge', 80) },
      targets: [
        { name: 'reader', host, path: '/orders/1', headers, expected: ['200 web'] },
        { name: 'nobody', host, path: '/orders/1', expected: ['401'] },
      ],
    });
    try {
      traffic.doing = 'to Shadow';
      await world.apply(meshGateway(world, { enforcement: 'Shadow' }, 2));
      await world.ready('ApiGateway', 'edge', { timeoutMs: 120_000 });
      expect([await plaintext(), await inMesh()]).toEqual(['200', '200']);
      traffic.doing = 'to Enforce';
      await world.apply(meshGateway(world, {}, 2));
      await world.ready('ApiGateway', 'edge', { timeoutMs: 120_000 });
      await until('plaintext is refused', () => settled(plaintext, 'ECONNRESET'));
      await until('a stranger is refused', () => settled(inMesh, '403'));
      traffic.doing = 'back to Shadow';
      await world.apply(meshGateway(world, { enforcement: 'Shadow' }, 2));
      await until('a stranger is admitted', () => settled(inMesh, '200'));
      await until('plaintext is admitted', () => settled(plaintext, '200'));
    } finally {
      await traffic.stop();
      report('into the mesh and out of it', traffic);
    }
    expect(traffic.failures).toEqual([]);
  });
});
