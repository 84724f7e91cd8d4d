/** Growing, jittered delays. */
import type { Clock } from './clock.ts';

export interface BackOffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Doubles from the first to the longest; each is random between half of that and all of it. */
export class BackOff {
  readonly #clock: Clock;
  readonly #options: BackOffOptions;
  #failures = 0;

  constructor(clock: Clock, options: BackOffOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Milliseconds to wait now. */
  next(longestMs = this.#options.longestMs): number {
    const full = Math.min(longestMs, this.#options.firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return full * (0.5 + this.#clock.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
