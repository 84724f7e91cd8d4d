/** golang.org/x/time/rate's Limiter, as far as a queue needs it. */
import type { Clock } from './clock.ts';

export interface BucketOptions {
  readonly perSecond: number;
  readonly burst: number;
}

export class TokenBucket {
  readonly #clock: Clock;
  readonly #options: BucketOptions;
  #tokens: number;
  #filledAt: number;

  constructor(clock: Clock, options: BucketOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#tokens = options.burst;
    this.#filledAt = clock.monotonic();
  }

  /** Takes a token, of the future if need be; milliseconds until it is there. */
  reserve(): number {
    const { perSecond, burst } = this.#options;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1000) - 1;
    this.#filledAt = now;
    return Math.max(0, (-this.#tokens * 1000) / perSecond);
  }
}
