/** The operator dies, again and again: traffic does not notice, and the end is the same as without. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/object.ts';
import { testCertificate } from '../../../src/testing/rig-certificates.ts';
import { dump } from '../lib/dump.ts';
import { envoys, settled } from '../lib/fleet.ts';
import { startOperator, type TestOperator } from '../lib/operator.ts';
import { chooseSeed, seeded } from '../lib/random.ts';
import { report, say } from '../lib/report.ts';
import {
  addressOf,
  authPolicy,
  backends,
  gateway,
  rateLimitPolicy,
  route,
  rule,
  service,
  tlsSecret,
} from '../lib/shop.ts';
import { clusterSuite } from '../lib/suite.ts';
import { startTraffic, type Target, type Traffic } from '../lib/traffic.ts';
import { openWorld, type World } from '../lib/world.ts';

const suite = await clusterSuite();
const kills = 20;
const names = ['swap', 'stable', 'guarded', 'limited', 'fresh'];
const hostOf = (name: string) => `${name}.shop.example.com`;
const letters = ['a', 'b'] as const;

let world: World;
let operator: TestOperator;
let traffic: Traffic | undefined;

const edge = () => gateway('edge', { className: world.namespace, certificates: ['shop-tls'] });
const start = (): readonly KubeObject[] => [
  edge(),
  ...names.map((name) => route(name, hostOf(name), [rule('/', 'a')])),
  ...names.map((name) => authPolicy(name, name)),
];

/** The `turn`th of a series; after the last of them the world is another one than at its start. */
async function change(turn: number): Promise<void> {
  const letter = letters[turn % 2] ?? 'a';
  const limits = [{ name: 'many', requests: 1_000_000 + turn, per: 'Minute' }];
  const to = [{ methods: ['GET', turn % 2 === 0 ? 'PUT' : 'POST'] }];
  const acts: readonly (() => Promise<unknown>)[] = [
    () => world.apply(route('swap', hostOf('swap'), [rule('/', letter)])),
    () => world.apply(service(`fresh-${turn}`, letter), route('fresh', hostOf('fresh'), [rule('/', `fresh-${turn}`)])),
    () => world.apply(authPolicy('guarded', 'guarded', { authorize: { allow: [{ name: 'some', to }] } })),
    () =>
      turn % 2 === 0
        ? world.apply(rateLimitPolicy('limited', 'limited', limits))
        : world.remove('RateLimitPolicy', 'limited'),
    () => world.apply(route('stable', hostOf('stable'), [rule(`/${turn}`, 'b'), rule('/', 'a')])),
  ];
  await acts[turn % acts.length]?.();
}

const changes = 40;

/** All changes from the start on, and then until everything is served. */
async function series(between: (turn: number) => Promise<void>): Promise<void> {
  await world.apply(...start());
  for (let turn = 1; turn <= changes; turn += 1) {
    await change(turn);
    await between(turn);
  }
  for (const name of names) await world.ready('Route', name);
  await world.ready('ApiGateway', 'edge');
}

const targets = names.map((name): Target => {
  const moving = name === 'swap' || name === 'fresh';
  return { name, host: hostOf(name), path: '/', expected: moving ? ['200 a', '200 b'] : ['200 a'] };
});

async function load(): Promise<Traffic> {
  traffic = startTraffic({
    at: { http: await addressOf(world, 'edge', 80), https: await addressOf(world, 'edge', 443) },
    targets,
  });
  await traffic.seen('stable', '200 a');
  return traffic;
}

suite('an operator that dies', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-kills');
    operator = await startOperator(world, { class: world.namespace, where: 'outside' });
    await backends(world, ...letters);
    await world.apply(tlsSecret('shop-tls', testCertificate('*.shop.example.com')), ...start());
    await settled(world, 2);
    for (const name of names) await world.ready('Route', name);
  });
  afterEach(() => traffic?.stop());
  afterAll(() => world?.end());

  test(`${kills} times during a series of changes: nobody notices, and the end is the same`, async () => {
    await series(() => sleep(50));
    const undisturbed = await dump(world);
    const seed = chooseSeed();
    const random = seeded(seed);
    const running = await load();
    const killing = (async () => {
      for (let count = 1; count <= kills; count += 1) {
        await sleep(random.below(3000));
        running.doing = `kill ${count}, seed ${seed}`;
        await operator.kill();
        await operator.start({ wait: count === kills });
      }
    })();
    await world.apply(...start());
    for (let turn = 1; turn <= changes; turn += 1) {
      await change(turn);
      await sleep(random.below(1000));
    }
    await killing;
    for (const name of names) await world.ready('Route', name);
    await world.ready('ApiGateway', 'edge');
    await running.stop();
    report(`${kills} kills, seed ${seed}`, running);
    expect(running.failures).toEqual([]);
    expect(await dump(world)).toEqual(undisturbed);
  }, 180_000);

  test('in pods, deleted with grace 0, and down while all Envoys are replaced: they start with what was served last', async () => {
    await operator.stop();
    operator = await startOperator(world, { class: world.namespace, where: 'pod' });
    const running = await load();
    for (let turn = 1; turn <= 3; turn += 1) {
      running.doing = `pod of the operator deleted, ${turn}`;
      const begun = performance.now();
      await operator.kill();
      await change(turn * 5 + 1);
      await world.ready('Route', 'fresh');
      say(`deleted with grace 0: the next change was served after ${Math.round(performance.now() - begun)} ms`);
    }
    const before = await dump(world);
    running.doing = 'operator down';
    await operator.stop();
    const begun = performance.now();
    for (const { metadata } of await envoys(world)) {
      await world.kubectl('--namespace', world.namespace, 'delete', 'pod', metadata.name, '--wait=false');
      await settled(world, 2, (pod) => pod.metadata.uid !== metadata.uid);
    }
    say(`Envoys were replaced without an operator within ${Math.round(performance.now() - begun)} ms`);
    await operator.start();
    expect(await dump(world)).toEqual(before);
    await change(1);
    await world.ready('Route', 'fresh');
    await running.stop();
    report('operator down', running);
    expect(running.failures).toEqual([]);
  }, 150_000);
});
