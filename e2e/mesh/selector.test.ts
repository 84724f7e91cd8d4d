/** A Service selects other Pods, as a blue/green switch does: those that it leaves stay closed, and nobody is refused for it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import { until } from '../operator/lib/until.ts';
import { answersOf, type PodAsk, settled } from './lib/callers.ts';
import { meshedBackend, meshedService, podAddress } from './lib/meshed.ts';
import { openShop, type Shop } from './lib/open-shop.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();

/** Another version of `web`, with its service account. */
function green(): KubeObject {
  const { spec, ...rest } = meshedBackend('green') as KubeObject & { spec: { template: { spec: object } } };
  const template = { ...spec.template, spec: { ...spec.template.spec, serviceAccountName: 'web' } };
  return { ...rest, spec: { ...spec, template } } as KubeObject;
}

suite('a Service that selects other Pods', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop('e2e-selector');
    await shop.world.apply(green());
    await until('green is ready', async () => {
      return ((await shop.world.get('Deployment', 'green'))?.status?.['readyReplicas'] ?? 0) === 1;
    });
  });
  afterAll(() => shop?.world.end());

  const formers = async () => {
    const names = await shop.world.kubectl('-n', shop.world.namespace, 'get', 'authorizationpolicies', '-o', 'name');
    return names.split('\n').filter((name) => name.includes('.former-'));
  };

  test('leaves none open, and nobody is refused for it', async () => {
    const { world, outside, stranger, thief, friend, throughGateway, direct, inside } = shop;
    const atGreen: PodAsk = { ...direct(), host: await podAddress(world, 'green') };
    const stops = await Promise.all([
      outside.watch({ reads: throughGateway() }),
      stranger.watch({ left: direct() }),
      friend.watch({ batch: inside('/orders/batch') }),
    ]);
    const service = meshedService('web');
    await world.apply({
      ...service,
      spec: { ...(service['spec'] as object), selector: { app: 'green' } },
    } as KubeObject);
    await until('others are closed', () => settled(() => stranger.status(atGreen), '403'));
    await until('the Service is they', () => answeredBy('green', () => friend.ask(inside('/orders/batch'))));
    await until('the gateway sends to them', () => answeredBy('green', () => outside.ask(throughGateway())));
    // What is still under way to those that it left is admitted.
    expect([await thief.status(direct()), await stranger.status(direct())]).toEqual(['200', '403']);
    expect(await formers()).toEqual([expect.stringMatching(/\.allow$/), expect.stringMatching(/\.deny$/)]);
    const [reads, left, batch] = (await Promise.all(stops.map((stop) => stop()))).map(answersOf);
    expect(left).toEqual({ left: ['403'] });
    // Sidecars whose Service changes have no cluster for its port until istiod's next push, which is a 503 of theirs.
    const answers = new Set([...(reads?.['reads'] ?? []), ...(batch?.['batch'] ?? [])]);
    expect([...answers].filter((answer) => answer !== '503')).toEqual(['200']);

    await world.remove('Deployment', 'web');
    await until('nothing is left of them', async () => (await formers()).length === 0, { timeoutMs: 120_000 });
  });
});

async function answeredBy(backend: string, ask: () => Promise<{ readonly body?: string }>): Promise<boolean> {
  return (await ask()).body?.includes(`"backend":"${backend}"`) === true;
}
