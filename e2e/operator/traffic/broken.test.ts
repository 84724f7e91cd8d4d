/** One broken object of each kind among fifty good Routes: it stops its own routes, and no other at any moment. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/object.ts';
import { settled } from '../lib/fleet.ts';
import { startOperator } from '../lib/operator.ts';
import { report } from '../lib/report.ts';
import { addressOf, authPolicy, backends, gateway, rateLimitPolicy, route, rule } from '../lib/shop.ts';
import { clusterSuite } from '../lib/suite.ts';
import { startTraffic, type Target, type Traffic } from '../lib/traffic.ts';
import { until } from '../lib/until.ts';
import { openWorld, type World } from '../lib/world.ts';

const suite = await clusterSuite();
const hostOf = (name: string) => `${name}.shop.example.com`;
const good = Array.from({ length: 50 }, (_, index) => `good-${index}`);

interface Breakage {
  /** Of the Route that it is about. */
  readonly name: string;
  readonly broken: readonly KubeObject[];
  /** What the Route answers meanwhile. */
  readonly answer: string;
  /** Puts the Route right again; a policy that is not named is deleted. */
  readonly mended: readonly KubeObject[];
}

const sound = (name: string) => route(name, hostOf(name), [rule('/', 'a')]);
const routeThat = (name: string, rules: readonly object[]): Breakage => ({
  name,
  broken: [route(name, hostOf(name), rules)],
  answer: '500',
  mended: [sound(name)],
});
const policyThat = (name: string, answer: string, broken: KubeObject, mended: KubeObject[] = []): Breakage => ({
  name,
  broken: [broken],
  answer,
  mended,
});

const breakages: readonly Breakage[] = [
  routeThat('broken-regex', [
    { ...rule('/', 'a'), matches: [{ path: { type: 'RegularExpression', value: '/(a' } }] },
    rule('/', 'a'),
  ]),
  routeThat('missing-service', [rule('/', 'nobody')]),
  policyThat(
    'missing-keys',
    '500',
    authPolicy('missing-keys', 'missing-keys', {
      authenticate: {
        jwt: [{ name: 'login', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'no-keys' } } }],
      },
    }),
    [authPolicy('missing-keys', 'missing-keys')],
  ),
  policyThat(
    'unknown-rule',
    '500',
    authPolicy('unknown-rule-2', { kind: 'Route', name: 'unknown-rule', sectionName: 'no-such-rule' }),
  ),
  policyThat('dangling', '403', authPolicy('dangling', 'no-such-route'), [authPolicy('dangling', 'dangling')]),
  policyThat(
    'broken-limit',
    '500',
    rateLimitPolicy('broken-limit', { kind: 'Route', name: 'broken-limit', sectionName: 'no-such-rule' }, [
      { name: 'all', requests: 10, per: 'Minute' },
    ]),
  ),
];

let world: World;
let traffic: Traffic | undefined;

const target = (name: string): Target => ({ name, host: hostOf(name), path: '/', expected: ['200 a'] });

/** Applies it, until its route answers as it should, and is the same for every Envoy. */
async function bring(running: Traffic, { name, answer }: Breakage, act: () => Promise<unknown>): Promise<void> {
  running.allow(name, answer);
  await act();
  await running.seen(name, answer);
}

suite('broken objects', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-broken');
    await startOperator(world, { class: world.namespace, where: 'outside' });
    await backends(world, 'a');
    const names = [...good, ...breakages.map(({ name }) => name)];
    await world.apply(
      gateway('edge', { className: world.namespace }),
      ...names.map(sound),
      ...names.map((name) => authPolicy(name, name)),
    );
    for (const name of names) await world.ready('Route', name);
    await settled(world, 2);
  });
  afterAll(async () => {
    await traffic?.stop();
    await world?.end();
  });

  test('each stops its own routes, and no other at any moment', async () => {
    const running = startTraffic({
      at: { http: await addressOf(world, 'edge', 80) },
      targets: [...good, ...breakages.map(({ name }) => name)].map(target),
      clients: 4,
      pauseMs: 10,
    });
    traffic = running;
    for (const breakage of breakages) {
      running.doing = `breaking ${breakage.name}`;
      await bring(running, breakage, () => world.apply(...breakage.broken));
    }
    running.doing = 'all broken';
    // What leads to no gateway is reported by the operator of the default class alone (ADR 10), and this is another.
    for (const { kind, metadata } of breakages.flatMap(({ name, broken }) => (name === 'dangling' ? [] : broken))) {
      const look = () => world.condition(kind, metadata.name, 'Ready');
      await until(`${kind} ${metadata.name} says so`, async () => (await look())?.status === 'False', { seen: look });
    }
    for (const { name, answer } of breakages) running.expect(name, answer);
    const before = running.counts.get('good-0: 200 a') ?? 0;
    await until('more traffic', async () => (running.counts.get('good-0: 200 a') ?? 0) > before + 3);
    for (const breakage of breakages) {
      running.doing = `mending ${breakage.name}`;
      await bring(running, { ...breakage, answer: '200 a' }, async () => {
        const kept = breakage.mended.map(({ metadata }) => metadata.name);
        await world.apply(...breakage.mended);
        for (const { kind, metadata } of breakage.broken) {
          if (!kept.includes(metadata.name)) await world.remove(kind, metadata.name);
        }
      });
    }
    for (const { name } of breakages) await world.ready('Route', name);
    await running.stop();
    report('broken objects', running);
    expect(running.failures).toEqual([]);
  }, 120_000);
});
