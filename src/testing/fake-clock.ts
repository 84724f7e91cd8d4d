/** A Clock that stands still until a test moves it. */
import type { Clock } from '../runtime/clock.ts';

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  /** Wall clock minus monotonic. */
  #offset: number;
  #time = 0;
  #random: () => number;
  readonly #sleepers = new Set<Sleeper>();

  /** 2026-01-01 and 0.5 unless told. */
  constructor(options: { readonly epoch?: number; readonly random?: () => number } = {}) {
    this.#offset = options.epoch ?? Date.UTC(2026, 0, 1);
    this.#random = options.random ?? (() => 0.5);
  }

  now(): number {
    return this.#offset + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  random(): number {
    return this.#random();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const sleeper: Sleeper = { due: this.#time + Math.max(ms, 0), wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** How many sleep. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Wakes whoever is due, in order, and lets each act before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const end = this.#time + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#time = Math.max(this.#time, next.due);
      next.wake();
      await settle();
    }
    this.#time = end;
  }

  /** Time passes and nobody runs: a stopped process. Those who are due wake with the next `advance`. */
  freeze(ms: number): void {
    this.#time += ms;
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  #next(end: number): Sleeper | undefined {
    const due = [...this.#sleepers].filter((sleeper) => sleeper.due <= end);
    return due.toSorted((a, b) => a.due - b.due)[0];
  }
}

/** What was set off and needs neither time nor a network has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
