/** What a cluster refuses, or what does not fit: a condition says so in its words, and all is well once it is corrected. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Condition, KubeObject } from '../../src/kube/object.ts';
import { kubectl } from '../cluster/use.ts';
import { addNamespace, faultsOfStatuses } from './lib/elsewhere.ts';
import { settled } from './lib/fleet.ts';
import { startOperator } from './lib/operator.ts';
import { report } from './lib/report.ts';
import { addressOf, authPolicy, backends, gateway, route, rule } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { startTraffic, type Traffic } from './lib/traffic.ts';
import { until } from './lib/until.ts';
import { openWorld, type Reported, type World } from './lib/world.ts';

const suite = await clusterSuite();
const host = 'www.shop.example.com';

let world: World;
let traffic: Traffic;
/** Where a ResourceQuota is. */
let poor: string;

const edge = (workload: object = {}, name = 'edge') =>
  gateway(name, { className: world.namespace, replicas: 1, drain: '1s', workload });
const inPoor = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, namespace: poor } });

async function quota(hard: Readonly<Record<string, string>>): Promise<void> {
  const object = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'poor', namespace: poor },
    spec: { hard },
  };
  await kubectl(['apply', '-f', '-'], object);
  await until('the quota counts', async () => {
    const status = await kubectl(['-n', poor, 'get', 'resourcequota', 'poor', '-o', 'jsonpath={.status.hard}']);
    return Object.keys(hard).every((name) => status.includes(name));
  });
}

/** Resolves with the condition once it is as expected. */
function condition(
  of: { name: string; namespace?: string },
  type: string,
  wanted: Partial<Condition>,
): Promise<Condition> {
  const find = async () => {
    const found: Reported | undefined = await world.get('ApiGateway', of.name, of.namespace ?? world.namespace);
    return { found, one: found?.status?.conditions?.find((own) => own.type === type) };
  };
  return until(
    `${type} of ${of.name}`,
    async () => {
      const { found, one } = await find();
      const current = one?.observedGeneration === found?.metadata.generation;
      const same = Object.entries(wanted).every(([field, value]) => one?.[field as keyof Condition] === value);
      return current && same ? one : undefined;
    },
    { seen: find },
  );
}

/** Sixteen headers for each of its rules: some 400 KB. */
function heavy(name: string): KubeObject {
  const rules = Array.from({ length: 8 }, (_, number) => {
    const set = Array.from({ length: 16 }, (__, index) => ({
      name: `x-${index}`,
      value: `${name}-${number}-${index}-`.padEnd(3500, 'x'),
    }));
    return rule(`/${name}/${number}`, 'a', { requestHeaders: { set } });
  });
  return route(name, host, rules);
}

suite('bad input', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-bad');
    poor = await addNamespace(world, 'poor');
    await startOperator(world, { class: world.namespace, where: 'outside', watchNamespaces: [world.namespace, poor] });
    await backends(world, 'a');
    await world.apply(edge(), route('a', host, [rule('/', 'a')]), authPolicy('a', 'a'));
    await settled(world, 1);
    await world.ready('Route', 'a');
    await world.ready('ApiGateway', 'edge');
    traffic = startTraffic({
      at: { http: await addressOf(world, 'edge', 80) },
      targets: [{ name: 'a', host, path: '/', expected: ['200 a'] }],
      pauseMs: 40,
    });
  }, 120_000);
  afterAll(async () => {
    await traffic?.stop();
    await world?.end();
  });

  test('an image that cannot be pulled: it is named, the old Pods serve on, and the right one ends it', async () => {
    const image = 'registry.invalid/envoy:missing';
    await world.apply(edge({ image }));
    const ready = await condition({ name: 'edge' }, 'Ready', { status: 'False', reason: 'PodsNotReady' });
    expect(ready.message).toContain(`the image "${image}" cannot be pulled`);
    expect(await world.condition('ApiGateway', 'edge', 'Programmed')).toMatchObject({ status: 'True' });
    expect(await faultsOfStatuses(world)).toEqual([]);
    await world.apply(edge());
    await world.ready('ApiGateway', 'edge');
    await settled(world, 1);
    expect(traffic.failures).toEqual([]);
  }, 60_000);

  test('a quota without Deployments: its words are in the status, until it allows one', async () => {
    await quota({ 'count/deployments.apps': '0' });
    await world.apply(inPoor(edge()));
    const of = { name: 'edge', namespace: poor };
    const ready = await condition(of, 'Ready', { status: 'False', reason: 'NotApplied' });
    expect(ready.message).toMatch(
      /Deployment .*\/edge-edge.*exceeded quota: poor.*limited: count\/deployments\.apps=0/,
    );
    await quota({ 'count/deployments.apps': '1' });
    await condition(of, 'Ready', { status: 'True' });
    await world.remove('ApiGateway', 'edge', poor);
  }, 60_000);

  test('a quota without Pods: its words are in the status, until it allows one', async () => {
    await until('the quota is free', async () => (await world.get('Deployment', 'edge-two', poor)) === undefined);
    await quota({ pods: '0', 'count/deployments.apps': '5' });
    await world.apply(inPoor(edge({}, 'two')));
    const of = { name: 'two', namespace: poor };
    const ready = await condition(of, 'Ready', { status: 'False', reason: 'PodsNotReady' });
    expect(ready.message).toMatch(/exceeded quota: poor.*limited: pods=0/);
    await quota({ pods: '5', 'count/deployments.apps': '5' });
    await condition(of, 'Ready', { status: 'True' });
    await world.remove('ApiGateway', 'two', poor);
  }, 60_000);

  test('more than ConfigMaps hold: it is said how much, what was served is served on, and less is well again', async () => {
    const many = Array.from({ length: 12 }, (_, index) => heavy(`heavy-${index}`));
    await world.apply(...many);
    const programmed = await condition({ name: 'edge' }, 'Programmed', { status: 'False', reason: 'ConfigTooLarge' });
    expect(programmed.message).toMatch(/takes \d+ bytes, and a ConfigMap holds \d+/);
    expect(programmed.message).toContain('what was served before stays');
    await traffic.seen('a', '200 a');
    for (const { metadata } of many) await world.remove('Route', metadata.name);
    await world.ready('ApiGateway', 'edge');
    await world.apply(route('a', host, [rule('/', 'a'), rule('/more', 'a')]));
    await world.ready('Route', 'a');
    await traffic.stop();
    report('bad input', traffic);
    expect(traffic.failures).toEqual([]);
    expect(await faultsOfStatuses(world)).toEqual([]);
  }, 60_000);
});
