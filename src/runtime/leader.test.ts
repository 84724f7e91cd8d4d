import { afterEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ApiError, type Client, type ObjectName, type ResourceType } from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { logLines } from '../testing/log-lines.ts';
import { type Election, elect, LeadershipLost } from './leader.ts';
import { leadingClient } from './leading-client.ts';
import { aborted } from './signals.ts';

interface LeaseObject extends KubeObject {
  readonly spec: {
    readonly holderIdentity: string;
    readonly leaseDurationSeconds: number;
    readonly acquireTime: string;
    readonly renewTime: string;
    readonly leaseTransitions: number;
  };
}

/** One Lease as the API server keeps it: a PUT of an old resourceVersion is a conflict. */
class LeaseServer {
  lease: LeaseObject | undefined;
  writes = 0;
  #version = 0;

  /** A connection of its own; `fault` decides about each request of it. */
  client(fault: { now: Fault } = { now: 'none' }): Client {
    const call = async <T>(signal: AbortSignal | undefined, serve: () => T): Promise<T> => {
      if (fault.now === 'refuses') throw new ApiError('leases.coordination.k8s.io is forbidden', { code: 403 });
      if (fault.now === 'hangs') {
        await aborted(signal ?? new AbortController().signal);
        throw signal?.reason;
      }
      const result = serve();
      if (fault.now === 'loses answers') throw new ApiError('connection reset');
      await Promise.resolve();
      return result;
    };
    return {
      get: (_type: ResourceType, _name: ObjectName, options?: { signal?: AbortSignal }) =>
        call(options?.signal, () => this.lease),
      create: (_type: ResourceType, object: KubeObject, options?: { signal?: AbortSignal }) =>
        call(options?.signal, () => {
          if (this.lease !== undefined) throw new ApiError('already exists', { code: 409, reason: 'AlreadyExists' });
          return this.store(object);
        }),
      replace: (_type: ResourceType, object: KubeObject, options?: { signal?: AbortSignal }) =>
        call(options?.signal, () => {
          if (object.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
            throw new ApiError('the object has been modified', { code: 409, reason: 'Conflict' });
          }
          return this.store(object);
        }),
    } as unknown as Client;
  }

  store(object: KubeObject): LeaseObject {
    this.writes += 1;
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.lease = { ...object, metadata } as LeaseObject;
    return this.lease;
  }

  get holder(): string | undefined {
    return this.lease?.spec.holderIdentity;
  }
}

type Fault = 'none' | 'refuses' | 'hangs' | 'loses answers';

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

interface Candidate {
  readonly election: Election;
  readonly fault: { now: Fault };
  readonly stop: AbortController;
  readonly events: string[];
  readonly running: Promise<string>;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

function candidate(server: LeaseServer, clock: FakeClock, identity: string): Candidate {
  const fault: { now: Fault } = { now: 'none' };
  const { log, lines } = logLines(clock);
  const events: string[] = [];
  const stop = new AbortController();
  stops.push(stop);
  const election = elect({
    client: server.client(fault),
    namespace: 'evengate',
    name: 'evengate-operator',
    identity,
    clock,
    log,
    onChange: (leads) => events.push(leads ? 'leads' : 'leads no more'),
  });
  const lead = async (lost: AbortSignal) => {
    await Promise.race([aborted(lost), aborted(stop.signal)]);
    events.push(lost.aborted ? 'lost' : 'stopped');
  };
  const running = election.run(lead, stop.signal).then(
    () => 'ended',
    (error: unknown) => (error instanceof LeadershipLost ? `lost: ${error.message}` : `failed: ${String(error)}`),
  );
  return { election, fault, stop, events, running, lines };
}

test('takes a lease that is not there, renews it, and vacates it when stopped', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock({ epoch: Date.UTC(2026, 0, 1, 12) })];
  const a = candidate(server, clock, 'a');
  await settle();
  expect(server.lease?.spec).toEqual({
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-01T12:00:00.000000Z',
    renewTime: '2026-01-01T12:00:00.000000Z',
    leaseTransitions: 0,
  });
  await clock.advance(20_000);
  expect(server.lease?.spec).toMatchObject({
    acquireTime: '2026-01-01T12:00:00.000000Z',
    renewTime: '2026-01-01T12:00:20.000000Z',
  });
  expect(a.election.holds()).toBe(true);
  a.stop.abort();
  expect(await a.running).toBe('ended');
  expect(a.election.holds()).toBe(false);
  expect(server.lease?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 });
  expect(a.events).toEqual(['leads', 'stopped', 'leads no more']);
  expect(clock.sleepers).toBe(0);
});

test('a vacated lease is taken without waiting for it to lapse', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await settle();
  const b = candidate(server, clock, 'b');
  await clock.advance(10_000);
  a.stop.abort();
  await a.running;
  await clock.advance(5_000);
  expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  expect(b.events).toEqual(['leads']);
});

test('a lease whose holder died is taken 15 s after its last renewal was seen, and not before', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await settle();
  const b = candidate(server, clock, 'b');
  await clock.advance(5_000);
  a.fault.now = 'hangs';
  await clock.advance(14_000);
  expect(server.holder).toBe('a');
  await clock.advance(8_000);
  expect(server.holder).toBe('b');
  expect(await a.running).toMatch(/^lost: not renewed for 10 s/);
  expect(b.election.holds()).toBe(true);
});

test('what the clocks on the wall say does not matter', async () => {
  const server = new LeaseServer();
  const [clock, early] = [new FakeClock(), new FakeClock({ epoch: Date.UTC(1999, 0, 1) })];
  const a = candidate(server, clock, 'a');
  await settle();
  const b = candidate(server, early, 'b');
  for (const jump of [3_600_000, -7_200_000, 0, 0, 0, 0, 0, 0, 0, 0]) {
    clock.jump(jump);
    early.jump(-jump);
    await Promise.all([clock.advance(4000), early.advance(4000)]);
    expect([a.election.holds(), b.election.holds()]).toEqual([true, false]);
  }
  expect(server.lease?.spec.leaseTransitions).toBe(0);
});

test('a process that was paused knows that it lost before it acts', async () => {
  const server = new LeaseServer();
  const [clock, other] = [new FakeClock(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await settle();
  const b = candidate(server, other, 'b');
  await settle();
  const written: string[] = [];
  const raw = { apply: async () => void written.push('applied') } as unknown as Client;
  const client = leadingClient(raw, a.election);
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'edge' } };
  const type = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
  await client.apply(type, object);
  // Twenty seconds for everybody else, in which not one timer of `a` fires.
  clock.freeze(20_000);
  await other.advance(20_000);
  expect([server.holder, b.election.holds(), a.election.holds()]).toEqual(['b', true, false]);
  await expect(client.apply(type, object)).rejects.toMatchObject({ reason: 'NotLeader' });
  expect(written).toEqual(['applied']);
  const writes = server.writes;
  await clock.advance(10);
  expect(await a.running).toMatch(/^lost: /);
  expect(a.events).toEqual(['leads', 'leads no more', 'lost']);
  expect(server.writes).toBe(writes);
});

test('steps down when it cannot renew for ten seconds, whatever the API server does', async () => {
  for (const fault of ['refuses', 'hangs'] as const) {
    const [server, clock] = [new LeaseServer(), new FakeClock()];
    const a = candidate(server, clock, 'a');
    await clock.advance(4_000);
    a.fault.now = fault;
    await clock.advance(9_900);
    expect(a.events).toEqual(['leads']);
    await clock.advance(200);
    expect(a.events).toEqual(['leads', 'leads no more', 'lost']);
    expect(await a.running).toMatch(/^lost: not renewed for 10 s: (leases.* is forbidden|no answer in \d+ ms)$/);
    expect(clock.sleepers).toBe(0);
  }
});

test('a renewal that was served without an answer is no conflict', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await clock.advance(3_000);
  a.fault.now = 'loses answers';
  await clock.advance(5_000);
  a.fault.now = 'none';
  await clock.advance(60_000);
  expect(a.election.holds()).toBe(true);
  expect(server.lease?.spec.leaseTransitions).toBe(0);
});

test('yields at once to another whose lease it is', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await clock.advance(3_000);
  const lease = server.lease;
  if (lease === undefined) throw new Error('no lease');
  server.store({ ...lease, spec: { ...lease.spec, holderIdentity: 'b' } });
  await clock.advance(2_000);
  expect(await a.running).toBe('lost: the lease is held by b');
  expect(server.holder).toBe('b');
});

test('of two that try at once one leads', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const [a, b] = [candidate(server, clock, 'a'), candidate(server, clock, 'b')];
  await clock.advance(60_000);
  expect([a, b].filter(({ election }) => election.holds())).toHaveLength(1);
});

test('stopped while it waits, it never leads; what keeps it waiting is said once', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await settle();
  const b = candidate(server, clock, 'b');
  b.fault.now = 'refuses';
  await clock.advance(60_000);
  b.stop.abort();
  expect(await b.running).toBe('ended');
  expect(b.events).toEqual([]);
  expect(a.events).toEqual(['leads']);
  expect(b.lines.filter(({ level }) => level === 'warn')).toEqual([
    expect.objectContaining({ msg: 'cannot take the lease', error: 'leases.coordination.k8s.io is forbidden' }),
  ]);
});

test('a lease that somebody deletes is made again', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const a = candidate(server, clock, 'a');
  await clock.advance(3_000);
  server.lease = undefined;
  await clock.advance(5_000);
  expect([server.holder, a.election.holds()]).toEqual(['a', true]);
});

test('an answer that comes after the leadership was given up does not bring it back', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const late = Promise.withResolvers<void>();
  let isLate = false;
  const client = server.client();
  // One that does not heed its signal.
  const replace = async (...values: Parameters<Client['replace']>) => {
    const answer = await client.replace(...values);
    if (isLate) await late.promise;
    return answer;
  };
  const { log } = logLines(clock);
  const slow = { ...client, replace } as Client;
  const stop = new AbortController();
  const election = elect({ client: slow, namespace: 'x', name: 'y', identity: 'a', clock, log });
  const running = election.run(() => aborted(stop.signal), stop.signal);
  await clock.advance(3_000);
  isLate = true;
  await clock.advance(1_000);
  isLate = false;
  stop.abort();
  await running;
  late.resolve();
  await settle();
  expect(election.holds()).toBe(false);
});

test('left to lapse when what was led did not end well', async () => {
  const [server, clock] = [new LeaseServer(), new FakeClock()];
  const { log } = logLines(clock);
  const election = elect({ client: server.client(), namespace: 'x', name: 'y', identity: 'a', clock, log });
  const running = election.run(() => Promise.reject(new Error('hangs')), new AbortController().signal);
  await expect(running).rejects.toThrow('hangs');
  expect(server.holder).toBe('a');
});

const moment = fc.record({
  who: fc.nat(2),
  what: fc.constantFrom<Fault | 'pauses'>('none', 'none', 'refuses', 'hangs', 'loses answers', 'pauses'),
  halfSeconds: fc.nat(60),
});

test('whoever pauses or loses the API server, never do two act, and in the end one does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { maxLength: 12 }), async (moments) => {
      const server = new LeaseServer();
      const clocks = [0.1, 0.5, 0.9].map((chance) => new FakeClock({ random: () => chance }));
      const all = clocks.map((clock, turn) => ({ clock, ...candidate(server, clock, `replica-${turn}`) }));
      const pass = async (halfSeconds: number, paused?: number) => {
        for (let turn = 0; turn < halfSeconds; turn += 1) {
          for (const [index, { clock }] of all.entries()) {
            if (index === paused) clock.freeze(500);
            else await clock.advance(500);
          }
          expect(all.filter(({ election }) => election.holds()).length).toBeLessThanOrEqual(1);
        }
      };
      for (const { who, what, halfSeconds } of moments) {
        const struck = all[who];
        if (struck !== undefined && what !== 'pauses') struck.fault.now = what;
        await pass(halfSeconds, what === 'pauses' ? who : undefined);
      }
      for (const { fault } of all) fault.now = 'none';
      await pass(60);
      const ended = all.filter(({ events }) => events.includes('lost')).length;
      expect(all.filter(({ election }) => election.holds())).toHaveLength(ended === all.length ? 0 : 1);
      for (const { stop } of all) stop.abort();
      await Promise.all(all.map(({ running }) => running));
    }),
    { numRuns: 25 },
  );
});
