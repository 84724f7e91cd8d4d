import { expect, test } from '@jest/globals';
import { ApiError } from '../kube/client.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { logLines } from '../testing/log-lines.ts';
import { Controller, type ControllerOptions, TerminalError } from './controller.ts';
import { createMetrics } from './metrics.ts';

function newController(options: Partial<ControllerOptions> & Pick<ControllerOptions, 'reconcile'>) {
  const clock = new FakeClock();
  const { log, lines } = logLines(clock);
  const metrics = createMetrics({ process: false });
  const controller = new Controller({ name: 'route', clock, log, metrics, ...options });
  const stop = new AbortController();
  const cut = new AbortController();
  const sample = async (name: string): Promise<number | undefined> => {
    const text = await metrics.registry.metrics();
    const line = text.split('\n').find((one) => one.startsWith(`${name}`));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  return { clock, lines, controller, stop, cut, sample, run: () => controller.run(stop.signal, cut.signal) };
}

test('keys are reconciled, also those that came before it ran', async () => {
  const seen: string[] = [];
  const rig = newController({
    reconcile: async (key, { attempt }) => {
      seen.push(`${key} ${attempt}`);
      return {};
    },
  });
  rig.controller.enqueue('shop/a');
  const running = rig.run();
  rig.controller.enqueue('shop/b');
  rig.controller.enqueueAfter('shop/c', 1000);
  await rig.clock.advance(1000);
  rig.stop.abort();
  await running;
  expect(seen).toEqual(['shop/a 1', 'shop/b 1', 'shop/c 1']);
  expect(await rig.sample('controller_runtime_reconcile_total{controller="route",result="success"}')).toBe(3);
  expect(await rig.sample('workqueue_adds_total{name="route",controller="route"}')).toBe(3);
  expect(rig.clock.sleepers).toBe(0);
});

test('a key comes again when its result says so', async () => {
  const times: number[] = [];
  const rig = newController({
    reconcile: async () => {
      times.push(rig.clock.monotonic());
      return times.length < 3 ? { requeueAfterMs: 60_000 } : {};
    },
  });
  const running = rig.run();
  rig.controller.enqueue('shop/a');
  await rig.clock.advance(600_000);
  rig.stop.abort();
  await running;
  expect(times).toEqual([0, 60_000, 120_000]);
});

test('a failure is logged once with its key, and retried with back-off', async () => {
  const rig = newController({
    reconcile: async (_key, { attempt }) => {
      if (attempt < 4) throw new Error(`no luck ${attempt}`);
      return {};
    },
  });
  const running = rig.run();
  rig.controller.enqueue('shop/a');
  await rig.clock.advance(1000);
  rig.stop.abort();
  await running;
  const line = { level: 'error', logger: 'route', msg: 'reconcile failed', key: 'shop/a' };
  expect(rig.lines).toEqual([
    { ...line, attempt: 1, retryInMs: 5, error: 'no luck 1' },
    { ...line, attempt: 2, retryInMs: 10, error: 'no luck 2' },
    { ...line, attempt: 3, retryInMs: 20, error: 'no luck 3' },
  ]);
  expect(await rig.sample('controller_runtime_reconcile_errors_total')).toBe(3);
  expect(await rig.sample('workqueue_retries_total')).toBe(3);
});

test('after a success attempts are counted anew', async () => {
  const attempts: number[] = [];
  const rig = newController({
    reconcile: async (_key, { attempt }) => {
      attempts.push(attempt);
      if (attempts.length % 2 === 1) throw new Error('no luck');
      return {};
    },
  });
  const running = rig.run();
  for (let round = 0; round < 2; round += 1) {
    rig.controller.enqueue('shop/a');
    await rig.clock.advance(1000);
  }
  rig.stop.abort();
  await running;
  expect(attempts).toEqual([1, 2, 1, 2]);
});

test('Retry-After is honoured', async () => {
  const times: number[] = [];
  const rig = newController({
    reconcile: async (_key, { attempt }) => {
      times.push(rig.clock.monotonic());
      if (attempt === 1) throw new ApiError('slow down', { code: 429, retryAfterMs: 7000 });
      return {};
    },
  });
  const running = rig.run();
  rig.controller.enqueue('shop/a');
  await rig.clock.advance(60_000);
  rig.stop.abort();
  await running;
  expect(times).toEqual([0, 7000]);
});

test('a back-off may be short after some errors, however many there were', async () => {
  const times: number[] = [];
  const rig = newController({
    backOff: { baseMs: 1000, maxMs: 60_000 },
    longestBackOff: (error) => (error instanceof RangeError ? 3000 : undefined),
    reconcile: () => {
      times.push(rig.clock.monotonic());
      return Promise.reject(times.length < 6 ? new RangeError('away') : new Error('no'));
    },
  });
  const running = rig.run();
  rig.controller.enqueue('shop/a');
  await rig.clock.advance(50_000);
  rig.stop.abort();
  await running;
  expect(times).toEqual([0, 1000, 3000, 6000, 9000, 12_000, 44_000]);
});

test('a terminal error is not retried, and the key comes again when it is enqueued', async () => {
  let tries = 0;
  const rig = newController({
    reconcile: () => {
      tries += 1;
      throw new TerminalError('spec.x cannot be');
    },
  });
  const running = rig.run();
  rig.controller.enqueue('shop/a');
  await rig.clock.advance(10_000_000);
  expect(tries).toBe(1);
  rig.controller.enqueue('shop/a');
  await settle();
  rig.stop.abort();
  await running;
  expect(tries).toBe(2);
  expect(rig.lines[0]).toEqual({
    level: 'error',
    logger: 'route',
    msg: 'reconcile failed, and is not retried',
    key: 'shop/a',
    error: 'spec.x cannot be',
  });
  expect(await rig.sample('controller_runtime_terminal_reconcile_errors_total')).toBe(2);
  expect(await rig.sample('controller_runtime_reconcile_total{controller="route",result="error"}')).toBe(2);
});

test('a slow key does not hold up the others, and shows in the metrics', async () => {
  const seen: string[] = [];
  const slow = Promise.withResolvers<void>();
  const rig = newController({
    concurrency: 2,
    reconcile: async (key) => {
      if (key === 'shop/slow') await slow.promise;
      seen.push(key);
      return {};
    },
  });
  const running = rig.run();
  for (const key of ['shop/slow', 'shop/a', 'shop/b', 'shop/slow']) rig.controller.enqueue(key);
  await rig.clock.advance(90_000);
  expect(seen).toEqual(['shop/a', 'shop/b']);
  expect(await rig.sample('workqueue_longest_running_processor_seconds')).toBe(90);
  expect(await rig.sample('controller_runtime_active_workers')).toBe(1);
  slow.resolve();
  await settle();
  rig.stop.abort();
  await running;
  // Once more, for it was enqueued while it was being worked on.
  expect(seen).toEqual(['shop/a', 'shop/b', 'shop/slow', 'shop/slow']);
});

test('on stop: what has begun is finished, what waits is not begun', async () => {
  const seen: string[] = [];
  const rig = newController({
    reconcile: async (key, { signal }) => {
      await rig.clock.sleep(5000, signal);
      seen.push(key);
      return {};
    },
  });
  const running = rig.run();
  for (const key of ['shop/a', 'shop/b']) rig.controller.enqueue(key);
  await rig.clock.advance(1000);
  rig.stop.abort();
  await rig.clock.advance(4000);
  await running;
  expect(seen).toEqual(['shop/a']);
});

test('cut short: the reconcile sees it, and nothing is called a failure', async () => {
  const rig = newController({
    reconcile: async (_key, { signal }) => {
      await rig.clock.sleep(5_000_000, signal);
      return {};
    },
  });
  const running = rig.run();
  rig.controller.enqueue('shop/a');
  await rig.clock.advance(1000);
  rig.stop.abort();
  rig.cut.abort(new Error('took too long'));
  await running;
  expect(rig.lines).toEqual([
    { level: 'info', logger: 'route', key: 'shop/a', msg: 'reconcile was cut short', error: 'took too long' },
  ]);
});
