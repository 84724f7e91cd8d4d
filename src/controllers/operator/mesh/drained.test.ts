/** Pods of the edge that were asked to end are told nothing any more, and send by what they had. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy } from '../../../istio/security.ts';
import type { KubeObject } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import { resources } from '../../../kube/resources.ts';
import { backendRef, route } from '../../../testing/build.ts';
import {
  billingPolicy,
  meshedShop,
  meshGateway,
  ordersPolicy,
  ordersRoute,
} from '../../../testing/operator/meshed-shop.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';

const graceMs = 35_000;
const pool = rigPool({ graceMs });
afterEach(pool.stop);

const rolledOut = meshGateway({}, { workload: { template: { annotations: { 'example.com/rollout': '1' } } } });

/** The Route is at another path, or nowhere. */
const moved = route({
  rules: [{ name: 'all', matches: [{ path: { type: 'PathPrefix', value: '/menu' } }], backendRefs: [backendRef()] }],
});

/** Its first Pods are drained, and others are Ready. */
async function draining(before: (rig: OperatorRig) => void = () => undefined): Promise<OperatorRig> {
  const rig = await pool.open();
  createAll(rig.api, meshedShop());
  rig.start();
  await rig.quiet();
  before(rig);
  rig.api.put(rolledOut);
  await rig.clock.sleep(1000);
  expect(drainedPods(rig)).toHaveLength(2);
  return rig;
}

const drainedPods = ({ api }: OperatorRig) =>
  api.list<Pod>(resources.Pod).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);

/** `GET /menu`, of what orders admits; undefined where it is open. */
function admitted({ api }: OperatorRig): readonly string[] | undefined {
  const policy = api.get<KubeObject & AuthorizationPolicy>(
    resources.AuthorizationPolicy,
    'shop',
    'evengate-orders.allow',
  );
  const operations = policy?.spec?.rules?.flatMap(({ to = [] }) => to.map(({ operation }) => operation));
  return operations?.flatMap(({ methods = [], paths = [] }) => {
    return methods.flatMap((method) => (paths[0] === undefined ? [] : [`${method} ${paths[0]}`]));
  });
}

const ended = graceMs + 5000;

describe('what drained Envoys send is admitted', () => {
  test('until they have ended, when their Route moves; and what is told of the edge does not wait for them', async () => {
    const rig = await draining();
    rig.api.put(moved);
    await rig.clock.sleep(5000);
    expect(admitted(rig)?.toSorted()).toEqual(['GET /menu', 'GET /orders']);
    const gateway = rig.api.get(resources.ApiGateway, 'shop', 'edge');
    expect([
      conditionOf(gateway, 'Ready'),
      conditionOf(rig.api.get(resources.Route, 'shop', 'orders'), 'Ready'),
    ]).toEqual(['True Ready', 'True Ready']);
    await rig.clock.sleep(ended);
    expect(drainedPods(rig)).toEqual([]);
    expect(admitted(rig)).toEqual(['GET /menu']);
  });

  test('also where the Route is gone, with its policy or without', async () => {
    const rig = await draining();
    rig.api.delete(ordersRoute());
    await rig.clock.sleep(5000);
    expect(admitted(rig)).toEqual(['GET /orders']);
    rig.api.delete(ordersPolicy());
    await rig.clock.sleep(5000);
    expect(admitted(rig)).toEqual(['GET /orders']);
    await rig.clock.sleep(ended);
    expect(admitted(rig)).toEqual([]);
  });

  test('after several changes, each of them', async () => {
    const rig = await draining();
    rig.api.put(moved);
    await rig.clock.sleep(1000);
    rig.api.put(meshGateway());
    await rig.clock.sleep(1000);
    expect(drainedPods(rig)).toHaveLength(4);
    rig.api.delete(ordersRoute());
    await rig.clock.sleep(1000);
    expect(admitted(rig)?.toSorted()).toEqual(['GET /menu', 'GET /orders']);
    await rig.clock.sleep(ended);
    expect(admitted(rig)).toEqual([]);
  });

  test('until their time is over, where nobody tells that they have ended', async () => {
    const rig = await draining(({ api }) => {
      const pods = api.list<Pod>(resources.Pod).filter(({ metadata }) => metadata.name.startsWith('edge-'));
      for (const pod of pods) api.patch(pod, { metadata: { finalizers: ['example.com/lost'] } });
    });
    rig.api.put(moved);
    await rig.clock.sleep(graceMs);
    expect(admitted(rig)?.toSorted()).toEqual(['GET /menu', 'GET /orders']);
    await rig.clock.sleep(10_000);
    expect(drainedPods(rig)).toHaveLength(2);
    expect(admitted(rig)).toEqual(['GET /menu']);
  });

  test('for ten seconds at most by an operator that did not tell them', async () => {
    const rig = await draining();
    await rig.kill();
    rig.api.put(moved);
    rig.start();
    await rig.clock.sleep(12_000);
    expect(drainedPods(rig)).toHaveLength(2);
    expect(admitted(rig)).toEqual(['GET /menu']);
  });
});

describe('what somebody refuses since is refused, whoever sends it', () => {
  test.each([
    ['by the policy of the Route', ordersPolicy('PUT'), ['PUT /menu']],
    ['by one more on the ApiGateway', onGateway(), ['GET /menu']],
  ])('%s', async (_, policy, expected) => {
    const rig = await draining();
    rig.api.put(moved);
    await rig.clock.sleep(5000);
    rig.api.put(policy);
    await rig.clock.sleep(5000);
    expect(drainedPods(rig)).toHaveLength(2);
    expect(admitted(rig)).toEqual(expected);
  });

  test('also where the Route has another name, and who knows what policies', async () => {
    const rig = await draining();
    rig.api.delete(ordersRoute());
    rig.api.put({ ...moved, metadata: { name: 'menu', namespace: 'shop' } });
    const targetRefs = [{ kind: 'Route', name: 'menu' }];
    const allow = [{ name: 'writers', to: [{ methods: ['PUT'] }] }];
    rig.api.put({ ...ordersPolicy(), spec: { targetRefs, authorize: { allow } } });
    await rig.clock.sleep(5000);
    expect(drainedPods(rig)).toHaveLength(2);
    expect(admitted(rig)).toEqual(['PUT /menu']);
  });

  test('and a word about another workload changes nothing', async () => {
    const rig = await draining();
    rig.api.put(moved);
    await rig.clock.sleep(5000);
    rig.api.put(billingPolicy('shop/audit'));
    await rig.clock.sleep(5000);
    expect(admitted(rig)?.toSorted()).toEqual(['GET /menu', 'GET /orders']);
  });
});

/** Refuses what is written otherwise by nobody. */
function onGateway(): KubeObject {
  const targetRefs = [{ kind: 'ApiGateway', name: 'edge' }];
  const deny = [{ name: 'nobody', to: [{ methods: ['TRACE'] }] }];
  return {
    ...ordersPolicy('GET'),
    metadata: { name: 'all', namespace: 'shop' },
    spec: { targetRefs, authorize: { deny } },
  };
}
