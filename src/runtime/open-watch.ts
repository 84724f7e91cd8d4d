/** One watch from before it is opened until it is over, and how well it went. */
import { ApiError } from '../kube/client.ts';
import type { Clock } from './clock.ts';

/** A watch that ends sooner, without an event, is no good watch. */
export const briefMs = 1000;

export class OpenWatch {
  readonly ending = new AbortController();
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #relay = () => this.ending.abort(this.#signal.reason);
  readonly #closed = new AbortController();
  #openedAt: number | undefined;
  #heardAt = 0;
  #events = 0;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    if (signal.aborted) this.#relay();
    signal.addEventListener('abort', this.#relay, { once: true });
  }

  /** From now on silence of `longestSilenceMs` ends it. */
  opened(longestSilenceMs: number): void {
    this.#openedAt = this.#clock.monotonic();
    this.#heardAt = this.#openedAt;
    // Rejects only when closed.
    this.#endSilence(longestSilenceMs).catch(() => undefined);
  }

  heard(events: number): void {
    this.#heardAt = this.#clock.monotonic();
    this.#events += events;
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#relay);
    this.#closed.abort();
  }

  /** Milliseconds since it was opened. */
  get lasted(): number {
    return this.#openedAt === undefined ? 0 : this.#clock.monotonic() - this.#openedAt;
  }

  /** Never opened, or over at once without a word. */
  get wasBrief(): boolean {
    return this.#events === 0 && this.lasted < briefMs;
  }

  async #endSilence(longest: number): Promise<void> {
    for (;;) {
      const silent = this.#clock.monotonic() - this.#heardAt;
      if (silent >= longest) break;
      await this.#clock.sleep(longest - silent, this.#closed.signal);
    }
    this.ending.abort(new ApiError(`the watch was silent for ${Math.round(longest / 1000)} s`, { reason: 'Timeout' }));
  }
}
