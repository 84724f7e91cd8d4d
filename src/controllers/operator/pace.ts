/** Runs a piece of work after changes: at once after a quiet time, and never for more than half of the time. */
import type { Clock } from '../../runtime/clock.ts';

export interface Timers {
  monotonic(): number;
  /** Calls back once; returns how to prevent it. */
  after(ms: number, run: () => void): () => void;
}

/** Longer than this, no burst of changes holds the work back. */
const longestMs = 100;
const shortestMs = 5;

export class Pace {
  readonly #timers: Timers;
  readonly #work: () => void;
  #cancel: (() => void) | undefined;
  /** Not before. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(timers: Timers, work: () => void) {
    this.#timers = timers;
    this.#work = work;
  }

  /** Something changed; what changes in the same turn of the event loop is one. */
  poke(): void {
    if (this.#cancel !== undefined) return;
    this.#cancel = this.#timers.after(Math.max(0, this.#next - this.#timers.monotonic()), () => this.#run());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #run(): void {
    this.#cancel = undefined;
    const begin = this.#timers.monotonic();
    try {
      this.#work();
    } finally {
      const end = this.#timers.monotonic();
      this.#next = end + Math.min(longestMs, Math.max(shortestMs, end - begin));
    }
  }
}

export function timersOf(clock: Clock): Timers {
  return {
    monotonic: () => clock.monotonic(),
    after(ms, run) {
      if (ms <= 0) {
        const soon = setImmediate(run);
        return () => clearImmediate(soon);
      }
      const off = new AbortController();
      clock.sleep(ms, off.signal).then(
        () => {
          if (!off.signal.aborted) run();
        },
        () => undefined,
      );
      return () => off.abort();
    },
  };
}
