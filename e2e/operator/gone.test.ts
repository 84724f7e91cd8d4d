/** What goes, and in which order, is the user's: nothing is left behind, nothing waits for an operator that is gone. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import { classLabel } from '../../src/render/names.ts';
import { addNamespace, faultsOfStatuses } from './lib/elsewhere.ts';
import { startOperator, type TestOperator } from './lib/operator.ts';
import { report } from './lib/report.ts';
import { addressOf, authPolicy, backends, gateway, route, rule } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { startTraffic, type Traffic } from './lib/traffic.ts';
import { until } from './lib/until.ts';
import { openWorld, type World } from './lib/world.ts';

const suite = await clusterSuite();
const host = 'www.shop.example.com';
const childKinds = [
  'ServiceAccount',
  'ConfigMap',
  'NetworkPolicy',
  'Service',
  'Deployment',
  'PodDisruptionBudget',
  'Pod',
];

let world: World;
let operator: TestOperator;
let traffic: Traffic | undefined;

const edge = (className = world.namespace) => gateway('edge', { className, replicas: 1, drain: '1s' });

/** Given away at the start: the fleet of a class without an operator is kept for a minute, for one that may come. */
const orphan = (className: string) => gateway('orphan', { className, replicas: 1, drain: '1s' });

/** What there is of gateways named so. */
async function childrenOf(name: string): Promise<readonly string[]> {
  const lists = await Promise.all(childKinds.map((kind) => world.list(kind, `evengate.dev/gateway=${name}`)));
  return lists.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

const goneOf = (name: string) =>
  until(`nothing is left of ${name}`, async () => (await childrenOf(name)).length === 0, {
    seen: () => childrenOf(name),
  });

async function uidOf(kind: string, name: string): Promise<string | undefined> {
  return (await world.get<KubeObject>(kind, name))?.metadata.uid;
}

suite('what goes', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-gone');
    operator = await startOperator(world, { class: world.namespace, where: 'outside' });
    const third = `${world.namespace}-c`;
    await startOperator(world, { class: third, where: 'outside' });
    await world.apply(orphan(third));
    await backends(world, 'a');
    await world.apply(route('a', host, [rule('/', 'a')]), authPolicy('a', 'a'));
    await world.ready('ApiGateway', 'orphan');
    await world.apply(orphan('nobody'));
  }, 120_000);
  beforeEach(async () => {
    await world.apply(edge());
    await world.ready('ApiGateway', 'edge');
    await world.ready('Route', 'a');
  }, 60_000);
  afterEach(() => traffic?.stop());
  afterAll(() => world?.end());

  test('the operator first: the ApiGateway goes at once, and all that was made of it', async () => {
    await operator.stop();
    for (const kind of ['ApiGateway', 'Route', 'AuthPolicy']) {
      for (const { metadata } of await world.list(kind)) expect(metadata).not.toHaveProperty('finalizers');
    }
    expect(await childrenOf('edge')).not.toEqual([]);
    await world.remove('ApiGateway', 'edge');
    expect(await world.get('ApiGateway', 'edge')).toBeUndefined();
    await goneOf('edge');
    await operator.start();
  }, 60_000);

  test('renamed: the old one goes, the new one serves, and what is not ours stays', async () => {
    const others = await Promise.all([uidOf('Service', 'a'), uidOf('Deployment', 'a'), uidOf('Route', 'a')]);
    const { metadata, ...rest } = edge();
    const parents = { ...route('a', host, [rule('/', 'a')]) };
    await world.apply({ ...rest, metadata: { ...metadata, name: 'front' } });
    await world.apply({ ...parents, spec: { ...(parents.spec as object), parentRefs: [{ name: 'front' }] } });
    await world.remove('ApiGateway', 'edge');
    await goneOf('edge');
    await world.ready('ApiGateway', 'front');
    await world.ready('Route', 'a');
    expect(await Promise.all([uidOf('Service', 'a'), uidOf('Deployment', 'a'), uidOf('Route', 'a')])).toEqual(others);
    await world.apply(parents);
    await world.remove('ApiGateway', 'front');
    await goneOf('front');
    expect(await faultsOfStatuses(world)).toEqual([]);
  }, 60_000);

  test('to the class of another operator: it takes the fleet over, and no request fails', async () => {
    const other = `${world.namespace}-b`;
    const second = await startOperator(world, { class: other, where: 'outside' });
    const deployment = await uidOf('Deployment', 'edge-edge');
    traffic = startTraffic({
      at: { http: await addressOf(world, 'edge', 80) },
      targets: [{ name: 'a', host, path: '/', expected: ['200 a'] }],
      pauseMs: 20,
    });
    await traffic.seen('a', '200 a');
    await world.apply(edge(other));
    await until('the fleet is the other’s', async () => {
      const found = await world.get('Deployment', 'edge-edge');
      return found?.metadata.labels?.[classLabel] === other;
    });
    await world.ready('ApiGateway', 'edge');
    await world.ready('Route', 'a');
    await traffic.stop();
    report('handed over', traffic);
    expect(traffic.failures).toEqual([]);
    expect(await uidOf('Deployment', 'edge-edge')).toBe(deployment);
    expect(await faultsOfStatuses(world)).toEqual([]);
    await second.stop();
  }, 60_000);

  test('its namespace, operator and all: nothing holds it back', async () => {
    const name = await addNamespace(world, 'whole');
    const inside = (object: KubeObject) => ({ ...object, metadata: { ...object.metadata, namespace: name } });
    const whole = await startOperator(world, { class: name, where: 'outside', watchNamespaces: [name] });
    await world.apply(...[edge(name), route('a', host, [rule('/', 'a')]), authPolicy('a', 'a')].map(inside));
    await until('it is programmed', async () => {
      const found = await world.get('ApiGateway', 'edge', name);
      return found?.status?.conditions?.some(({ type, status }) => type === 'Programmed' && status === 'True');
    });
    await world.remove('Namespace', name);
    await until('the namespace is gone', async () => (await world.get('Namespace', name)) === undefined);
    expect((await whole.logs()).split('\n').filter((line) => /"level":"(error|warn)"/.test(line))).toEqual([]);
    await whole.stop();
  }, 90_000);

  test('to a class that nobody serves: a minute later the fleet has gone', async () => {
    await until('nothing is left', async () => (await childrenOf('orphan')).length === 0, {
      timeoutMs: 120_000,
      seen: () => childrenOf('orphan'),
    });
    expect(await world.get('ApiGateway', 'orphan')).toBeDefined();
  }, 130_000);
});
