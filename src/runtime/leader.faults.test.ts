/** Elections over real HTTP, with faults between. */
import { afterEach, expect, test } from '@jest/globals';
import type { Client } from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { type KubeApi, startKubeApi } from '../testing/kube-api/index.ts';
import { logLines } from '../testing/log-lines.ts';
import { kubeClient } from './client.ts';
import { type Connection, connectTo } from './connection.ts';
import { type Election, elect } from './leader.ts';
import { leadingClient } from './leading-client.ts';
import { aborted } from './signals.ts';

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function newApi(): Promise<KubeApi> {
  const api = await startKubeApi();
  endings.push(() => api.stop());
  return api;
}

interface Replica {
  readonly clock: FakeClock;
  readonly election: Election;
  readonly connection: Connection;
  readonly client: Client;
  readonly stop: AbortController;
  readonly running: Promise<string>;
}

function replica(api: KubeApi, identity: string): Replica {
  const clock = new FakeClock();
  const connection = connectTo({ server: api.url, userAgent: identity });
  const raw = kubeClient(connection, { clock, fieldManager: 'evengate' });
  const { log } = logLines(clock);
  const stop = new AbortController();
  const election = elect({ client: raw, namespace: 'evengate', name: 'operator', identity, clock, log });
  const lead = async (lost: AbortSignal) => await Promise.race([aborted(lost), aborted(stop.signal)]);
  const running = election.run(lead, stop.signal).then(
    () => 'ended',
    (error: unknown) => String(error),
  );
  endings.push(async () => {
    stop.abort();
    await Promise.all([running, clock.advance(60_000)]);
    await connection.close();
  });
  return { clock, election, connection, client: leadingClient(raw, election), stop, running };
}

/** Time passes for all of them, slowly enough for requests to be answered. */
async function pass(api: KubeApi, ms: number, ...replicas: readonly Replica[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    for (const { clock } of replicas) await clock.advance(500);
    for (let turn = 0; turn < 3; turn += 1) await (await fetch(`${api.url}/version`)).text();
  }
}

interface Lease extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

function leaseOf(api: KubeApi): Lease {
  const lease = api.get<Lease>(resources.Lease, 'evengate', 'operator');
  if (lease === undefined) throw new Error('no lease');
  return lease;
}

test('one leads, survives a conflict and what others note on the lease, and hands over', async () => {
  const api = await newApi();
  const a = replica(api, 'a');
  await api.until('a leads', () => a.election.holds());
  const b = replica(api, 'b');
  await pass(api, 4000, a, b);
  api.patch(leaseOf(api), { metadata: { annotations: { note: 'mine' } } });
  await pass(api, 20_000, a, b);
  expect([a.election.holds(), b.election.holds()]).toEqual([true, false]);
  expect(leaseOf(api)).toMatchObject({
    metadata: { annotations: { note: 'mine' } },
    spec: { holderIdentity: 'a', leaseTransitions: 0 },
  });
  a.stop.abort();
  expect(await a.running).toBe('ended');
  expect(leaseOf(api).spec).toMatchObject({ holderIdentity: '' });
  await pass(api, 5000, b);
  expect(b.election.holds()).toBe(true);
  expect(leaseOf(api).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('an API server that is gone for longer than ten seconds ends the leadership, for a shorter time it does not', async () => {
  const api = await newApi();
  const a = replica(api, 'a');
  await api.until('a leads', () => a.election.holds());
  const refuse = { kind: 'refuse', code: 503 } as const;
  const short = api.faults.add({ match: ({ resource }) => resource === 'leases', fault: refuse });
  await pass(api, 6000, a);
  short.release();
  await pass(api, 6000, a);
  expect(a.election.holds()).toBe(true);
  const lost = api.faults.add({ match: ({ verb }) => verb === 'update', fault: { kind: 'hang' } });
  await pass(api, 12_500, a);
  expect(a.election.holds()).toBe(false);
  expect(await a.running).toContain('not renewed for 10 s');
  lost.release();
});

test('answers that are lost cost nothing', async () => {
  const api = await newApi();
  const a = replica(api, 'a');
  await api.until('a leads', () => a.election.holds());
  const fault = api.faults.add({ match: ({ verb }) => verb === 'update', times: 2, fault: { kind: 'lose-answer' } });
  await pass(api, 15_000, a);
  expect([fault.hits, a.election.holds(), leaseOf(api).spec['leaseTransitions']]).toEqual([2, true, 0]);
});

test('a leader that was paused writes nothing after another took over', async () => {
  const api = await newApi();
  const a = replica(api, 'a');
  await api.until('a leads', () => a.election.holds());
  const configMap = (by: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'x', name: by } });
  await a.client.apply(resources.ConfigMap, configMap('before'));
  const b = replica(api, 'b');
  await pass(api, 20_000, b);
  expect(b.election.holds()).toBe(true);
  a.clock.freeze(20_000);
  await expect(a.client.apply(resources.ConfigMap, configMap('after'))).rejects.toMatchObject({ reason: 'NotLeader' });
  await pass(api, 1000, a);
  expect(await a.running).toContain('LeadershipLost');
  expect(api.list(resources.ConfigMap).map(({ metadata }) => metadata.name)).toEqual(['before']);
  expect(leaseOf(api).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});
