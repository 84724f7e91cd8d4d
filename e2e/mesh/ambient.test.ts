/** Mode Ambient, of which istiod is there and neither ztunnel nor waypoint: what is written, what Istio says of it, and that nobody takes it for more. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { IstioCondition } from '../../src/istio/security.ts';
import { startOperator } from '../operator/lib/operator.ts';
import { backends } from '../operator/lib/shop.ts';
import { until } from '../operator/lib/until.ts';
import type { Reported, World } from '../operator/lib/world.ts';
import { type Caller, openCaller, settled } from './lib/callers.ts';
import { istioNamespace } from './lib/istio.ts';
import { openMesh } from './lib/meshed.ts';
import { edgeService, host, makeTokens, meshGateway, ordersPolicy, ordersRoute, type Tokens } from './lib/shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

suite('mode Ambient', () => {
  let world: World;
  let tokens: Tokens;
  let outside: Caller;
  const waypoint = { name: 'waypoint', managed: true };

  beforeAll(async () => {
    [world, tokens] = await Promise.all([openMesh('e2e-ambient'), makeTokens()]);
    [outside] = await Promise.all([
      openCaller(world, 'outside', { standing: 'Outside' }),
      startOperator(world, { class: world.namespace, where: 'pod', meshEnrolment: true, istioNamespace }),
      backends(world, 'web'),
      world.apply(
        meshGateway(world, { mode: 'Ambient', agentImage: undefined, waypoint, enrolment: 'Managed' }),
        ordersRoute(),
        ordersPolicy(tokens.key),
      ),
    ]);
    await world.ready('ApiGateway', 'edge');
  });
  afterAll(() => world?.end());

  const policies = async () => await world.list<Reported>('AuthorizationPolicy');
  const bound = async () => {
    const conditions = (await world.get('Service', 'web'))?.status?.conditions as readonly IstioCondition[] | undefined;
    return conditions?.find(({ type }) => type === 'istio.io/WaypointBound')?.status;
  };

  test('asks Istio for a waypoint, and hands it the Service', async () => {
    await until('the waypoint', () => world.get('Gateway', 'waypoint'));
    await until('WaypointBound', async () => (await bound()) === 'True', { seen: () => world.get('Service', 'web') });
  });

  test('writes nothing that istiod does not take as it is', async () => {
    const reasons = async () =>
      (await policies()).map(({ status }) => status?.conditions?.map(({ reason }) => reason).join());
    await until(
      'all are taken',
      async () => {
        const said = await reasons();
        return said.length > 0 && said.every((reason) => reason === 'Accepted');
      },
      { seen: policies },
    );
  });

  test('is not called enforced where nobody enforces it, and stops no request', async () => {
    const headers = { host, authorization: tokens.bearer.reader };
    await until('a reader is served', () =>
      settled(() => outside.status({ ...edgeService, path: '/orders/1', headers }), '200'),
    );
    expect(await world.condition('AuthPolicy', 'orders', 'EdgeEnforced')).toMatchObject({ status: 'True' });
    expect(await world.condition('AuthPolicy', 'orders', 'MeshEnforced')).toMatchObject({
      status: 'False',
      reason: 'NotEnrolled',
    });
  });
});
