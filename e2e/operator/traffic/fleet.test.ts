/** Envoys that come and go under load: no request fails, but those in flight on one that is killed. */
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Pod } from '../../../src/kube/pod.ts';
import { testCertificate } from '../../../src/testing/rig-certificates.ts';
import { envoys, isReady, settled } from '../lib/fleet.ts';
import { startOperator } from '../lib/operator.ts';
import { report, say } from '../lib/report.ts';
import { addressOf, authPolicy, backends, gateway, route, rule, tlsSecret } from '../lib/shop.ts';
import { clusterSuite } from '../lib/suite.ts';
import { startTraffic, type Traffic } from '../lib/traffic.ts';
import { until } from '../lib/until.ts';
import { openWorld, type World } from '../lib/world.ts';

const suite = await clusterSuite();

let world: World;
let traffic: Traffic | undefined;

const edge = (replicas: number, workload: object = {}) =>
  gateway('edge', { className: world.namespace, certificates: ['shop-tls'], replicas, workload });

async function load(): Promise<Traffic> {
  const host = 'www.shop.example.com';
  traffic = startTraffic({
    at: { http: await addressOf(world, 'edge', 80), https: await addressOf(world, 'edge', 443) },
    targets: [{ name: 'a', host, path: '/', expected: ['200 a'] }],
    clients: 3,
    pauseMs: 20,
  });
  return traffic;
}

suite('Envoys under load', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-fleet');
    await startOperator(world, { class: world.namespace, where: 'outside' });
    await backends(world, 'a');
    await world.apply(
      tlsSecret('shop-tls', testCertificate('*.shop.example.com')),
      edge(3),
      route('a', 'www.shop.example.com', [rule('/', 'a')]),
      authPolicy('a', 'a'),
    );
    await settled(world, 3);
    await world.ready('Route', 'a');
  });
  afterEach(() => traffic?.stop());
  afterAll(() => world?.end());

  test('rolled out, then scaled from three to one: no request fails', async () => {
    const running = await load();
    await running.seen('a', '200 a');
    running.doing = 'roll-out';
    const marked = { template: { annotations: { 'example.com/turn': '2' } } };
    await world.apply(edge(3, marked));
    await settled(world, 3, ({ metadata }) => metadata.annotations?.['example.com/turn'] === '2');
    running.doing = 'from three to one';
    await world.apply(edge(1, marked));
    await settled(world, 1);
    await running.stop();
    report('rolled out, scaled 3→1', running);
    expect(running.failures).toEqual([]);
  }, 120_000);

  test('evicted: the budget keeps one, and no request fails', async () => {
    await world.apply(edge(2));
    const [first, second] = await settled(world, 2);
    await until('the budget allows one', async () => {
      return (await world.get('PodDisruptionBudget', 'edge-edge'))?.status?.['disruptionsAllowed'] === 1;
    });
    const running = await load();
    await running.seen('a', '200 a');
    running.doing = 'eviction';
    expect(await world.evict(first?.metadata.name ?? '')).toBe(201);
    expect(await world.evict(second?.metadata.name ?? '')).toBe(429);
    await settled(world, 2, ({ metadata }) => metadata.uid !== first?.metadata.uid);
    await running.stop();
    report('evicted', running);
    expect(running.failures).toEqual([]);
  }, 90_000);

  test.each([
    ['the pod, with grace 0', 'pod'],
    ['the process', 'process'],
  ] as const)(
    'killed outright, %s: its own connections break, and soon nobody notices',
    async (_, what) => {
      if (what === 'process' && world.cluster.kind !== 'local') return;
      await world.apply(edge(2));
      const [first, second] = await settled(world, 2);
      const running = await load();
      await running.seen('a', '200 a');
      await sleep(1000);
      running.doing = `killed ${what}`;
      const begun = performance.now();
      const killedAt = running.ms();
      if (what === 'pod') await world.kill(first?.metadata.name ?? '');
      else process.kill(envoyOf(first?.metadata.name ?? ''), 'SIGKILL');
      const isNew = ({ metadata, status }: Pod) =>
        metadata.uid !== first?.metadata.uid || (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
      await until('two Envoys again', async () => {
        const pods = (await envoys(world)).filter(isReady);
        return pods.length === 2 && pods.some((pod) => pod.metadata.uid !== second?.metadata.uid && isNew(pod));
      });
      const recovered = Math.round(performance.now() - begun);
      const { length } = running.failures;
      await running.seen('a', '200 a');
      await sleep(1000);
      expect(running.failures.slice(length)).toEqual([]);
      await running.stop();
      report(`killed ${what}`, running);
      const last = Math.max(0, ...running.failures.map(({ ms, tookMs }) => ms + tookMs - killedAt));
      say(`killed ${what}: the last failure after ${last} ms, two Ready after ${recovered} ms`);
      // As long as the kubelet and kube-proxy take to notice.
      expect(last).toBeLessThan(10_000);
      // Nobody answered wrongly; who was connected there was cut off.
      for (const { got } of running.failures)
        expect(got).toMatch(/ECONNRESET|ECONNREFUSED|EPIPE|ERR_HTTP2|socket hang up|no answer|closed/);
    },
    90_000,
  );
});

/** Pid, as this machine knows it, of the process whose node is the pod. */
function envoyOf(pod: string): number {
  const found = readdirSync('/proc').find(
    (pid) => /^\d+$/.test(pid) && commandOf(pid).includes(`\0--service-node\0${pod}\0`),
  );
  if (found === undefined) throw new Error(`no Envoy runs for Pod ${pod}`);
  return Number(found);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
