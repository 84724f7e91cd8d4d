/** A FakeClock on which short sleeps end at once, as if their time had passed: for retries over a real network. */
import { FakeClock, settle } from './fake-clock.ts';

export class SkippingClock extends FakeClock {
  /** Milliseconds of each sleep that was skipped. */
  readonly skipped: number[] = [];
  readonly #longMs: number;

  /** Sleeps of `longMs` (30 s) and more wait for `advance`. */
  constructor({ longMs = 30_000, ...options }: { readonly longMs?: number; readonly random?: () => number } = {}) {
    super(options);
    this.#longMs = longMs;
  }

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms >= this.#longMs) return await super.sleep(ms, signal);
    signal?.throwIfAborted();
    this.skipped.push(ms);
    this.freeze(ms);
    await settle();
    signal?.throwIfAborted();
  }
}
