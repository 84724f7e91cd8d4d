import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import type { Deployment } from '../../kube/workloads.ts';
import { children } from '../../render/workload.ts';
import { resolver } from '../../resolve/resolve.ts';
import { kubeClient } from '../../runtime/client.ts';
import { systemClock } from '../../runtime/clock.ts';
import { connectTo } from '../../runtime/connection.ts';
import { gateway, snapshotOf } from '../../testing/build.ts';
import { type KubeApi, startKubeApi } from '../../testing/kube-api/index.ts';
import { Children } from './children.ts';

/** A cache of nothing. */
const nothing = {
  get: () => undefined,
  snapshot: () => new Map(),
  resourceVersionOf: () => undefined,
  onChange: () => () => undefined,
};

let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi();
});
afterEach(() => api.stop());

function wanted(workload: object, uid: string) {
  const [found] = resolver()(snapshotOf([gateway({ workload })])).gateways.values();
  if (found === undefined) throw new Error('no gateway');
  return children(found, { owner: { uid }, className: 'evengate', image: 'envoy:test' });
}

test('the number of Envoys stays as it is while an autoscaler takes over, and comes back', async () => {
  const connection = connectTo({ server: api.url });
  const client = kubeClient(connection, { fieldManager: 'evengate', clock: systemClock });
  const all = new Children({ client, caches: {}, told: nothing, clock: systemClock, log: () => undefined });
  const owner = await client.create(resources.ApiGateway, gateway());
  const replicas = async () => {
    const name = { namespace: 'shop', name: 'edge-edge' };
    return (await client.get<Deployment>(resources.Deployment, name))?.spec.replicas;
  };
  const autoscaling = { maxReplicas: 10 };
  const found: unknown[] = [];
  for (const workload of [{ replicas: 4 }, { autoscaling }, { autoscaling, image: 'envoy:next' }, { replicas: 3 }]) {
    const failures = await all.apply(owner, wanted(workload, owner.metadata.uid ?? ''), AbortSignal.timeout(10_000));
    found.push([failures.length, await replicas()]);
  }
  expect(found).toEqual([4, 4, 4, 3].map((count) => [0, count]));
  await connection.close();
});
