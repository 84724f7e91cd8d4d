import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { WorkQueue } from './work-queue.ts';

function newQueue(options: Partial<ConstructorParameters<typeof WorkQueue>[0]> = {}) {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ clock, ...options }) };
}

/** All that waits, worked on and done at once. */
async function takeAll(queue: WorkQueue): Promise<readonly string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) {
    const key = await queue.get();
    if (key === undefined) break;
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

test('a key that is added twice comes once, in the order of the first', async () => {
  const { queue } = newQueue();
  for (const key of ['b', 'a', 'b']) queue.add(key);
  expect(queue.depth).toBe(2);
  expect(await takeAll(queue)).toEqual(['b', 'a']);
});

test('a key that is added while it is worked on comes once more, afterwards', async () => {
  const { queue } = newQueue();
  queue.add('a');
  await queue.get();
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await takeAll(queue)).toEqual(['a']);
});

test('those who wait get a key each, and the one who left gets none', async () => {
  const { queue } = newQueue();
  const leaving = new AbortController();
  const left = queue.get(leaving.signal);
  const [first, second] = [queue.get(), queue.get()];
  leaving.abort();
  queue.add('a');
  queue.add('b');
  expect(await Promise.all([left, first, second])).toEqual([undefined, 'a', 'b']);
});

test('of several delays of a key the earliest counts', async () => {
  const { clock, queue } = newQueue();
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  queue.addAfter('a', 300);
  queue.addAfter('b', 50);
  await clock.advance(99);
  expect(await takeAll(queue)).toEqual(['b']);
  await clock.advance(1);
  expect(await takeAll(queue)).toEqual(['a']);
  await clock.advance(1000);
  expect(await takeAll(queue)).toEqual([]);
});

test('an add does not cancel a delayed one, and a delay of nothing is none', async () => {
  const { clock, queue } = newQueue();
  queue.addAfter('a', 100);
  queue.add('a');
  queue.addAfter('b', 0);
  expect(await takeAll(queue)).toEqual(['a', 'b']);
  await clock.advance(100);
  expect(await takeAll(queue)).toEqual(['a']);
});

test('a delay beyond what a timer can hold', async () => {
  const { clock, queue } = newQueue();
  const days = 60 * 24 * 3_600_000;
  queue.addAfter('a', days);
  await clock.advance(days - 1);
  expect(queue.depth).toBe(0);
  await clock.advance(1);
  expect(queue.depth).toBe(1);
});

test('back-off doubles per key up to its limit, and begins anew after forget', () => {
  const { queue } = newQueue({ bucket: { perSecond: 1000, burst: 1000 } });
  const delays = Array.from({ length: 20 }, () => queue.addRateLimited('a'));
  expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
  expect(delays.slice(-3)).toEqual([655_360, 1_000_000, 1_000_000]);
  expect(queue.failures('a')).toBe(20);
  expect(queue.addRateLimited('b')).toBe(5);
  queue.forget('a');
  expect(queue.addRateLimited('a')).toBe(5);
  expect(queue.addRateLimited('a', { atLeastMs: 30_000 })).toBe(30_000);
});

test('retries of many keys share a bucket', async () => {
  const { clock, queue } = newQueue({ bucket: { perSecond: 10, burst: 3 } });
  const delays = () => ['a', 'b', 'c', 'd', 'e'].map((key) => queue.addRateLimited(key));
  expect(delays()).toEqual([5, 5, 5, 100, 200]);
  for (const key of 'abcde') queue.forget(key);
  await clock.advance(10_000);
  expect(delays()).toEqual([5, 5, 5, 100, 200]);
});

test('shut down with drain: what waits is still handed out, nothing new is taken', async () => {
  const { clock, queue } = newQueue();
  for (const key of ['a', 'b']) queue.add(key);
  await queue.get();
  queue.add('a');
  queue.addAfter('later', 10);
  let drained = false;
  const down = queue.shutDown({ drain: true }).then(() => {
    drained = true;
  });
  queue.add('c');
  await clock.advance(10);
  queue.done('a');
  await settle();
  expect(drained).toBe(false);
  expect(await takeAll(queue)).toEqual(['b', 'a']);
  await down;
  expect(await queue.get()).toBeUndefined();
  expect(clock.sleepers).toBe(0);
});

test('shut down without: what waits is forgotten, what is worked on is awaited', async () => {
  const { queue } = newQueue();
  for (const key of ['a', 'b']) queue.add(key);
  await queue.get();
  queue.add('a');
  const down = queue.shutDown({ drain: false });
  expect(await queue.get()).toBeUndefined();
  queue.done('a');
  await down;
  expect(queue.depth).toBe(0);
});

test('those who wait are let go', async () => {
  const { queue } = newQueue();
  const waiting = queue.get();
  await queue.shutDown({ drain: true });
  expect(await waiting).toBeUndefined();
});

test('the age of what is being worked on shows', async () => {
  const { clock, queue } = newQueue();
  queue.add('a');
  queue.add('b');
  await queue.get();
  await clock.advance(1000);
  await queue.get();
  await clock.advance(500);
  expect(queue.running()).toEqual({ unfinishedMs: 2000, longestMs: 1500 });
});

test('done without get is a mistake', () => {
  expect(() => newQueue().queue.done('a')).toThrow('"a" is done, but was not handed out');
});

/** The semantics in as few words as possible: one list, searched. */
class NaiveQueue {
  time = 0;
  waiting: string[] = [];
  working: { readonly key: string; again: boolean }[] = [];
  later: { readonly key: string; readonly at: number }[] = [];

  add(key: string): void {
    const work = this.working.find((item) => item.key === key);
    if (work !== undefined) work.again = true;
    else if (!this.waiting.includes(key)) this.waiting.push(key);
  }
  addAfter(key: string, ms: number): void {
    if (ms === 0) this.add(key);
    else this.later.push({ key, at: this.time + ms });
  }
  get(): string | undefined {
    const key = this.waiting.shift();
    if (key !== undefined) this.working.push({ key, again: false });
    return key;
  }
  done(turn: number): string | undefined {
    const work = this.working.splice(turn % Math.max(this.working.length, 1), 1)[0];
    if (work?.again) this.waiting.push(work.key);
    return work?.key;
  }
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1) {
      this.time += 1;
      const due = this.later.filter(({ at }) => at === this.time);
      for (const { key } of due) this.add(key);
      this.later = this.later.filter(({ at }) => at !== this.time);
    }
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key }),
  fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.nat(5) }),
  fc.record({ do: fc.constant('get' as const) }),
  fc.record({ do: fc.constant('done' as const), turn: fc.nat(3) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(6) }),
);

test('it hands out what a naive model hands out', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const { clock, queue } = newQueue();
      const model = new NaiveQueue();
      for (const one of steps) {
        if (one.do === 'add') {
          queue.add(one.key);
          model.add(one.key);
        } else if (one.do === 'addAfter') {
          // The model keeps every delay, so it is told only of those that count.
          const at = model.time + one.ms;
          const counts = model.later.every((item) => item.key !== one.key || item.at > at);
          queue.addAfter(one.key, one.ms);
          if (one.ms === 0) model.add(one.key);
          else if (counts) {
            model.later = model.later.filter((item) => item.key !== one.key);
            model.addAfter(one.key, one.ms);
          }
        } else if (one.do === 'get') {
          expect(queue.depth > 0 ? await queue.get() : undefined).toBe(model.get());
        } else if (one.do === 'done') {
          const finished = model.done(one.turn);
          if (finished !== undefined) queue.done(finished);
        } else {
          await clock.advance(one.ms);
          model.advance(one.ms);
        }
        expect(queue.depth).toBe(model.waiting.length);
      }
    }),
    { numRuns: 200 },
  );
});

test('no key is worked on twice at once, and none that was added is lost', async () => {
  const plan = fc.array(fc.record({ key, afterMs: fc.nat(20), workMs: fc.nat(9) }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(plan, fc.integer({ min: 1, max: 4 }), async (adds, workers) => {
      const { clock, queue } = newQueue();
      const lastAdded = new Map<string, number>();
      const lastBegun = new Map<string, number>();
      const active = new Set<string>();
      const work = async () => {
        for (let turn = 0; ; turn += 1) {
          const now = await queue.get();
          if (now === undefined) return;
          expect(active.has(now)).toBe(false);
          active.add(now);
          lastBegun.set(now, clock.monotonic());
          await clock.sleep(adds[turn % adds.length]?.workMs ?? 1);
          active.delete(now);
          queue.done(now);
        }
      };
      const working = Array.from({ length: workers }, work);
      for (const add of adds) {
        await clock.advance(add.afterMs);
        queue.add(add.key);
        lastAdded.set(add.key, clock.monotonic());
      }
      await clock.advance(1000);
      for (const [added, at] of lastAdded) expect(lastBegun.get(added)).toBeGreaterThanOrEqual(at);
      await queue.shutDown({ drain: true });
      await Promise.all(working);
    }),
    { numRuns: 60 },
  );
});
