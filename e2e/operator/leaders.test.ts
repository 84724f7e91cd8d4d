/** Two replicas of the operator, and an API server that goes away: somebody always works, nobody works twice. */
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import type { Pod } from '../../src/kube/pod.ts';
import { resources } from '../../src/kube/resources.ts';
import { faultsOfStatuses } from './lib/elsewhere.ts';
import { settled } from './lib/fleet.ts';
import { startOperator, type TestOperator } from './lib/operator.ts';
import { report, say } from './lib/report.ts';
import { addressOf, authPolicy, backends, gateway, route, rule } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { startTraffic, type Traffic } from './lib/traffic.ts';
import { until } from './lib/until.ts';
import { openWorld, type World } from './lib/world.ts';

const suite = await clusterSuite();
const host = 'www.shop.example.com';

let world: World;
let operator: TestOperator;
let traffic: Traffic | undefined;

interface Lease extends KubeObject {
  readonly spec?: { readonly holderIdentity?: string; readonly leaseTransitions?: number };
}

async function lease(): Promise<NonNullable<Lease['spec']>> {
  const place = { namespace: operator.namespace, name: `evengate-${world.namespace}` };
  return (await world.client.get<Lease>(resources.Lease, place))?.spec ?? {};
}

/** The pod's name with something random. */
const podOf = (holder: string) => holder.replace(/-[0-9a-f]{6}$/, '');
const to = (backend: string) => route('a', host, [rule('/', backend)]);

async function load(): Promise<Traffic> {
  traffic = startTraffic({
    at: { http: await addressOf(world, 'edge', 80) },
    targets: [{ name: 'a', host, path: '/', expected: ['200 a', '200 b'] }],
    pauseMs: 40,
  });
  const running = traffic;
  await until('answers', async () => running.counts.size > 0);
  return running;
}

/** Resource versions of all that the operator writes. */
async function written(): Promise<readonly (readonly [string, string | undefined])[]> {
  const kinds = ['ApiGateway', 'Route', 'AuthPolicy', 'ConfigMap', 'Deployment', 'Service', 'ServiceAccount'];
  const lists = await Promise.all(
    [...kinds, 'NetworkPolicy', 'PodDisruptionBudget', 'Pod'].map((kind) => world.list(kind)),
  );
  const ours = lists.flat().filter(({ metadata }) => !/^(kube-root|istio)-ca-/.test(metadata.name));
  return ours.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]);
}

type Written = Awaited<ReturnType<typeof written>>;

/** What is another than before, but for what a change of the Route changes. */
async function changedSince(before: Written): Promise<readonly string[]> {
  const known = new Map(before);
  const changed = (await written()).filter(([name, version]) => known.get(name) !== version).map(([name]) => name);
  return changed.filter((name) => !/^(ApiGateway edge|Route a|(ConfigMap|Pod) edge-edge-.*)$/.test(name));
}

/** As a node does that fails: the process has no time to say goodbye. */
async function killOutright(pod: string): Promise<void> {
  if (world.cluster.kind === 'local') process.kill(processOf(pod), 'SIGKILL');
  await world.kill(pod, operator.namespace);
}

suite('operators that come and go', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-leaders');
    operator = await startOperator(world, { class: world.namespace, where: 'pod', replicas: 2 });
    await backends(world, 'a', 'b');
    await world.apply(gateway('edge', { className: world.namespace, drain: '1s' }), to('a'), authPolicy('a', 'a'));
    await settled(world, 2);
    await world.ready('Route', 'a');
    await world.ready('ApiGateway', 'edge');
  }, 120_000);
  afterEach(() => traffic?.stop());
  afterAll(() => world?.end());

  test('the leader is ended politely: another works at once, and has nothing to write', async () => {
    const { holderIdentity: old = '' } = await lease();
    const before = await written();
    const begun = performance.now();
    await world.remove('Pod', podOf(old), operator.namespace);
    await until('another leads', async () => ![old, ''].includes((await lease()).holderIdentity ?? ''));
    const handedOver = Math.round(performance.now() - begun);
    say(`lease handed over after ${handedOver} ms`);
    expect(handedOver).toBeLessThan(10_000);
    const running = await load();
    expect(await written()).toEqual(before);
    await world.apply(to('b'));
    await running.seen('a', '200 b');
    await world.ready('Route', 'a');
    expect(await changedSince(before)).toEqual([]);
    expect(running.failures).toEqual([]);
  }, 60_000);

  test('the leader dies: the standby takes over when the lease has run out, with a change made meanwhile', async () => {
    const { holderIdentity: old = '', leaseTransitions: transitions = 0 } = await lease();
    const running = await load();
    await killOutright(podOf(old));
    const begun = performance.now();
    await world.apply(to('a'));
    running.expect('a', '200 b', '200 a');
    await running.seen('a', '200 a');
    const taken = Math.round(performance.now() - begun);
    say(`taken over, and the change served, after ${taken} ms`);
    expect(taken).toBeLessThan(25_000);
    await world.ready('Route', 'a');
    expect((await lease()).leaseTransitions).toBe(transitions + 1);
    await until('two replicas again', async () => {
      const pods = await world.client.list<Pod>(resources.Pod, { namespace: operator.namespace });
      return pods.filter(isReady).length === 2;
    });
    const after = await written();
    await running.seen('a', '200 a');
    expect(await written()).toEqual(after);
    expect(running.failures).toEqual([]);
    expect(await faultsOfStatuses(world)).toEqual([]);
  }, 60_000);

  test('the API server restarts: traffic is unharmed, and the next change is served', async () => {
    if (world.cluster.restartApiServer === undefined) return;
    const running = await load();
    const before = await written();
    running.doing = 'API server restarts';
    await world.cluster.restartApiServer();
    await world.apply(to('b'));
    const begun = performance.now();
    const soFar = () => Math.round(performance.now() - begun);
    const table = new Map(before).get('ConfigMap edge-edge-config-0');
    await until(
      'the operator writes',
      async () => new Map(await written()).get('ConfigMap edge-edge-config-0') !== table,
    );
    const wrote = soFar();
    // A kubelet whose watches were refused meanwhile, as RBAC has to start as well, looks again after up to a minute.
    await running.seen('a', '200 b', 120_000);
    say(`the change after the restart was written after ${wrote} ms and served after ${soFar()} ms`);
    expect(wrote).toBeLessThan(20_000);
    await world.ready('Route', 'a');
    await running.stop();
    report('API server restarted', running);
    expect(running.failures).toEqual([]);
    const pods = await world.client.list<Pod>(resources.Pod, { namespace: operator.namespace });
    for (const { status } of pods) expect(status?.containerStatuses?.[0]?.restartCount ?? 0).toBeLessThanOrEqual(1);
    expect(await changedSince(before)).toEqual([]);
  }, 180_000);
});

function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return metadata.deletionTimestamp === undefined && ready === true;
}

/** Pid, as this machine knows it, of the operator in the pod. */
function processOf(pod: string): number {
  const found = readdirSync('/proc').find(
    (pid) => /^\d+$/.test(pid) && environmentOf(pid).includes(`\0POD_NAME=${pod}\0`),
  );
  if (found === undefined) throw new Error(`no operator runs for Pod ${pod}`);
  return Number(found);
}

function environmentOf(pid: string): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
  } catch {
    return '';
  }
}
