import { expect, test } from '@jest/globals';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { logLines } from '../testing/log-lines.ts';
import { freePort } from '../testing/ports.ts';
import { type Election, LeadershipLost } from './leader.ts';
import { type Component, Manager, type ManagerOptions } from './manager.ts';
import { createMetrics } from './metrics.ts';
import { aborted } from './signals.ts';

function newManager(options: Partial<ManagerOptions> = {}) {
  const clock = new FakeClock();
  const { log, lines } = logLines(clock);
  const events: string[] = [];
  const manager = new Manager({ clock, log, ...options });
  const stop = new AbortController();
  /** Runs until it is stopped, and takes so long to finish. */
  const component = (name: string, more: Partial<Component> & { readonly finishMs?: number } = {}): Component => ({
    name,
    run: async (stopped, cut) => {
      events.push(`${name} starts`);
      await aborted(stopped);
      await clock.sleep(more.finishMs ?? 0, cut).catch(() => events.push(`${name} is cut`));
      events.push(`${name} ended`);
    },
    ...more,
  });
  const messages = () => lines.map(({ msg }) => msg);
  return { clock, lines, messages, events, manager, stop, component, run: () => manager.run(stop.signal) };
}

/** An election that the test decides. */
function fakeElection(events: string[]) {
  const won = new AbortController();
  const lost = new AbortController();
  const election: Election = {
    holds: () => won.signal.aborted && !lost.signal.aborted,
    run: async (lead, stop) => {
      await Promise.race([aborted(won.signal), aborted(stop)]);
      if (stop.aborted) return;
      await lead(lost.signal);
      lost.signal.throwIfAborted();
      events.push('lease released');
    },
  };
  return { election, win: () => won.abort(), lose: () => lost.abort(new LeadershipLost('held by another')) };
}

test('caches first, then the rest, then those that need leadership; the end is in reverse', async () => {
  const events: string[] = [];
  const decided = fakeElection(events);
  const rig = newManager({ election: decided.election });
  const log = (event: string) => rig.events.push(event);
  let synced = false;
  rig.manager
    .add(rig.component('controller', { needsLeadership: true, finishMs: 2000 }))
    .add(rig.component('observer', { finishMs: 500 }))
    .add(rig.component('routes', { unsynced: () => (synced ? undefined : 'listing') }));
  const running = rig.run();
  await rig.clock.advance(5000);
  log('synced');
  synced = true;
  await rig.clock.advance(100);
  log('won');
  decided.win();
  await settle();
  log('stop');
  rig.stop.abort();
  await rig.clock.advance(3000);
  await running;
  expect(rig.events).toEqual([
    'routes starts',
    'synced',
    'observer starts',
    'won',
    'controller starts',
    'stop',
    'controller ended',
    'observer ended',
    'routes ended',
  ]);
  expect(events).toEqual(['lease released']);
  expect(rig.messages()).toEqual(['caches synced', 'stopping', 'stopped']);
  expect(rig.clock.sleepers).toBe(0);
});

test('says every ten seconds which caches are not synced, and why', async () => {
  const rig = newManager();
  rig.manager
    .add(rig.component('routes', { unsynced: () => 'list: 403 forbidden' }))
    .add(rig.component('services', { unsynced: () => undefined }));
  const running = rig.run();
  await rig.clock.advance(21_000);
  rig.stop.abort();
  await rig.clock.advance(10);
  await running;
  const waiting = { level: 'info', msg: 'waiting for caches', caches: { routes: 'list: 403 forbidden' } };
  expect(rig.lines.slice(0, 2)).toEqual([waiting, waiting]);
  expect(rig.messages().slice(2)).toEqual(['stopping', 'stopped']);
});

test('a component that fails ends the run with its error, and the others in order', async () => {
  const rig = newManager();
  const broken = new Error('it broke');
  rig.manager.add(rig.component('routes', { unsynced: () => undefined })).add({
    name: 'controller',
    needsLeadership: true,
    run: () => rig.clock.sleep(1000).then(() => Promise.reject(broken)),
  });
  const running = rig.run();
  const result = expect(running).rejects.toBe(broken);
  await rig.clock.advance(1100);
  await result;
  expect(rig.events).toEqual(['routes starts', 'routes ended']);
  expect(rig.lines.find(({ msg }) => msg === 'ending')).toMatchObject({ component: 'controller', error: 'it broke' });
  expect(rig.clock.sleepers).toBe(0);
});

test('a component that ends though nobody stopped it is broken', async () => {
  const rig = newManager();
  rig.manager.add({ name: 'watcher', run: async () => {} });
  const result = expect(rig.run()).rejects.toThrow('watcher ended, though nobody stopped it');
  await rig.clock.advance(10);
  await result;
});

test('one that throws at once is broken too', async () => {
  const rig = newManager();
  rig.manager.add({
    name: 'watcher',
    run: () => {
      throw new Error('no');
    },
  });
  const result = expect(rig.run()).rejects.toThrow('no');
  await rig.clock.advance(10);
  await result;
});

test('losing leadership ends the run at once, with what runs cut short', async () => {
  const decided = fakeElection([]);
  const rig = newManager({ election: decided.election });
  rig.manager.add(rig.component('controller', { needsLeadership: true, finishMs: 20_000 }));
  const running = rig.run();
  const result = expect(running).rejects.toThrow(LeadershipLost);
  decided.win();
  await rig.clock.advance(100);
  decided.lose();
  await rig.clock.advance(1);
  await result;
  expect(rig.events).toEqual(['controller starts', 'controller is cut', 'controller ended']);
});

test('one that takes too long to finish is cut short', async () => {
  const rig = newManager({ drainMs: 10_000 });
  rig.manager.add(rig.component('controller', { needsLeadership: true, finishMs: 60_000 }));
  const running = rig.run();
  await rig.clock.advance(100);
  rig.stop.abort();
  await rig.clock.advance(9_999);
  expect(rig.events).toEqual(['controller starts']);
  await rig.clock.advance(1);
  await running;
  expect(rig.events).toEqual(['controller starts', 'controller is cut', 'controller ended']);
});

test('one that does not end at all is named, its lease is not released, and the rest still ends', async () => {
  const events: string[] = [];
  const decided = fakeElection(events);
  const rig = newManager({ drainMs: 10_000, election: decided.election });
  rig.manager
    .add(rig.component('routes', { unsynced: () => undefined }))
    .add({ name: 'controller', needsLeadership: true, run: () => new Promise(() => {}) });
  const result = expect(rig.run()).rejects.toThrow('did not end in time: controller');
  decided.win();
  await rig.clock.advance(100);
  rig.stop.abort();
  await rig.clock.advance(12_000);
  await result;
  expect(events).toEqual([]);
  expect(rig.events).toEqual(['routes starts', 'routes is cut', 'routes ended']);
  expect(rig.messages()).toEqual(['caches synced', 'stopping', 'ending', 'stopped']);
});

test('stopped before it began, or while it waits for leadership', async () => {
  const decided = fakeElection([]);
  const rig = newManager({ election: decided.election });
  rig.manager.add(rig.component('controller', { needsLeadership: true }));
  const running = rig.run();
  await rig.clock.advance(100);
  rig.stop.abort();
  await rig.clock.advance(1);
  await running;
  const early = newManager();
  early.manager.add(early.component('controller', { needsLeadership: true }));
  early.stop.abort();
  await early.run();
  expect([...rig.events, ...early.events]).toEqual([]);
});

test('is ready with its caches synced, and not while it ends', async () => {
  const port = await freePort();
  const { registry } = createMetrics({ process: false });
  const rig = newManager({ health: { port, host: '127.0.0.1', registry } });
  let synced = false;
  rig.manager.add(rig.component('routes', { unsynced: () => (synced ? undefined : 'listing'), finishMs: 5000 }));
  const running = rig.run();
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  expect(await ask('/readyz')).toBe(
    '503 [+]ping ok\n[+]shutdown ok\n[-]cache-sync/routes failed: listing\nreadyz check failed\n',
  );
  synced = true;
  expect(await ask('/readyz')).toBe('200 ok');
  expect(await ask('/healthz?verbose')).toBe('200 [+]ping ok\n[+]components ok\nhealthz check passed\n');
  rig.stop.abort();
  expect(await ask('/readyz')).toContain('[-]shutdown failed: the process is ending');
  expect(await ask('/healthz')).toBe('200 ok');
  await rig.clock.advance(5000);
  await running;
  await expect(ask('/healthz')).rejects.toThrow();
});

test('a port that cannot be had ends the run before anything starts', async () => {
  const { registry } = createMetrics({ process: false });
  const rig = newManager({ health: { port: 1, host: '256.0.0.1', registry } });
  rig.manager.add(rig.component('routes', { unsynced: () => undefined }));
  await expect(rig.run()).rejects.toThrow('cannot serve health and metrics on port 1');
  expect(rig.events).toEqual([]);
  expect(rig.lines).toEqual([expect.objectContaining({ level: 'error', msg: 'ending' })]);
});
