/**
 * A Clock for programs that talk over real sockets: it stands still while anything happens, and leaps to the next sleeper
 * when nothing does. Hours of back-off pass in milliseconds, and always in the same order.
 */
import type { Clock } from '../runtime/clock.ts';

export interface LeapingOptions {
  /** Grows whenever something happens. */
  readonly happened: () => number;
  /** Something is under way: only silence of `stuckMs` of real time says that nothing will come of it. */
  readonly isBusy: () => boolean;
}

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** What was sent is received within fewer turns of the event loop. */
const quietTurns = 8;
const stuckMs = 40;
/** So that what arrived while this process computed is read before it is given up. */
const stuckTurns = 64;
/** Who sleeps this long wants to be woken by something else: `advance` does. */
const longMs = 120_000;
const epoch = Date.UTC(2026, 0, 1);

export class LeapingClock implements Clock {
  readonly #options: LeapingOptions;
  readonly #sleepers = new Set<Sleeper>();
  #time = 0;
  #leaping = false;
  #seed = 1;

  constructor(options: LeapingOptions) {
    this.#options = options;
  }

  now(): number {
    return epoch + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  /** The same numbers in every run (Park and Miller). */
  random(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647;
    return this.#seed / 2_147_483_647;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const stop = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const sleeper: Sleeper = { due: this.#time + Math.max(ms, 0), wake };
      if (ms < longMs) {
        this.#sleepers.add(sleeper);
        this.#watch();
      }
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  #watch(): void {
    if (this.#leaping) return;
    this.#leaping = true;
    setImmediate(() => this.#turn({ happened: this.#options.happened(), turns: 0, since: performance.now() }));
  }

  #turn({ happened, turns, since }: Quiet): void {
    const next = this.#next();
    if (next === undefined) {
      this.#leaping = false;
      return;
    }
    const now = this.#options.happened();
    const quiet = now === happened ? { happened, turns: turns + 1, since } : newQuiet(now);
    const isStuck = quiet.turns > stuckTurns && performance.now() - quiet.since > stuckMs;
    const isQuiet = this.#options.isBusy() ? isStuck : quiet.turns > quietTurns;
    if (isQuiet) {
      this.#time = Math.max(this.#time, next.due);
      next.wake();
    }
    setImmediate(() => this.#turn(isQuiet ? newQuiet(now) : quiet));
  }

  /** Of those due at the same time the first to sleep. */
  #next(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) if (next === undefined || sleeper.due < next.due) next = sleeper;
    return next;
  }
}

interface Quiet {
  readonly happened: number;
  readonly turns: number;
  /** In real time. */
  readonly since: number;
}

function newQuiet(happened: number): Quiet {
  return { happened, turns: 0, since: performance.now() };
}
