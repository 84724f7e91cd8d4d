/** Objects come in every order, as from GitOps: they end alike, and nothing is open in between. */
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { configMap, corpJwks, service } from '../../testing/build.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import { endOf, reportFaults } from '../../testing/operator/oracles.ts';
import { conditionOf, rigPool } from '../../testing/operator/rig.ts';
import { certificateSecret, guarded, guardFor, pathRoute, shop, shopGateway } from '../../testing/operator/shop.ts';
import { trafficFaults } from '../../testing/operator/traffic.ts';
import { permutations } from '../../testing/permutations.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

const six: readonly KubeObject[] = [
  shopGateway({ workload: { replicas: 1 } }, false),
  certificateSecret('own-tls'),
  service(),
  pathRoute('orders'),
  guardFor('orders'),
  configMap({ 'jwks.json': corpJwks }),
];

function within(namespace: string, object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

/** The end of each namespace, its name and what is made of it taken out. */
function endsOf(end: Readonly<Record<string, unknown>>, namespaces: readonly string[]): readonly unknown[] {
  return namespaces.map((namespace) => {
    const own = Object.entries(end).filter(([id]) => id.includes(` ${namespace}/`));
    const text = JSON.stringify(own).replaceAll(namespace, 'shop');
    return JSON.parse(text.replaceAll(/\b[0-9a-f]{8,64}\b/g, 'hash')) as unknown;
  });
}

/** All of them in long runs. */
function some<T>(all: readonly T[], usual: number): readonly T[] {
  const count = Math.min(all.length, fuzz(usual).numRuns);
  return all.filter(
    (_, index) => Math.floor((index * count) / all.length) !== Math.floor(((index - 1) * count) / all.length),
  );
}

describe('the operator', () => {
  test('ends alike in every order of six objects, each looked at before the next comes', async () => {
    const orders = some(permutations(six), 16);
    const { api, start, quiet, pods, writes } = await pool.open();
    start();
    const names = orders.map((_, index) => `ns-${String(index).padStart(3, '0')}`);
    for (const step of six.keys()) {
      for (const [index, order] of orders.entries()) api.create(within(names[index] ?? '', order[step] as KubeObject));
      await quiet(5000);
    }
    const ends = endsOf(endOf({ api }), names);
    expect(names.length).toBeGreaterThan(12);
    for (const end of ends) expect(end).toEqual(ends[0]);
    expect(conditionOf(api.get(resources.Route, 'ns-000', 'orders'), 'Ready')).toBe('True Ready');
    expect(reportFaults(writes())).toEqual([]);
    const shut = names.map((name) => `${name}/orders`);
    expect(trafficFaults(pods.everyEnvoy(), { guarded: shut })).toEqual([]);
  }, 60_000);

  test('ends alike in any order of a whole shop, whatever comes together', async () => {
    const all = shop();
    let usual: ReturnType<typeof endOf> | undefined;
    const order = fc.tuple(
      fc.shuffledSubarray([...all], { minLength: all.length }),
      fc.array(fc.nat(all.length), { maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(order, async ([objects, pauses]) => {
        const rig = await pool.open();
        rig.start({ readSecrets: true });
        for (const [index, object] of objects.entries()) {
          rig.api.create(object);
          if (pauses.includes(index)) await rig.quiet(5000);
        }
        await rig.quiet();
        expect(trafficFaults(rig.pods.everyEnvoy(), { guarded, lasting: ['shop/menu'] })).toEqual([]);
        expect(reportFaults(rig.writes())).toEqual([]);
        usual ??= endOf(rig);
        expect(endOf(rig)).toEqual(usual);
        await rig.stop();
      }),
      fuzz(5),
    );
  }, 60_000);
});
