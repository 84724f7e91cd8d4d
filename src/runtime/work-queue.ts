/**
 * client-go's rate-limited work queue over string keys. A key waits at most once and is never handed out twice at a time;
 * added while it is being worked on, it comes once more afterwards.
 */
import type { Clock } from './clock.ts';
import { type BucketOptions, TokenBucket } from './token-bucket.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Per key, doubled with every failure: 5 ms to 1000 s. */
  readonly backOff?: { readonly baseMs: number; readonly maxMs: number };
  /** Over all keys that are retried: 10 a second after the first 100. */
  readonly bucket?: BucketOptions;
  readonly metrics?: QueueMetrics;
}

/** What a queue reports; durations in milliseconds. */
export interface QueueMetrics {
  added(): void;
  retried(): void;
  depth(keys: number): void;
  waited(ms: number): void;
  worked(ms: number): void;
  /** Hands over what is asked at each scrape. */
  watch(running: () => Running): void;
}

/** Keys being worked on now: the sum of their times, and the longest. */
export interface Running {
  readonly unfinishedMs: number;
  readonly longestMs: number;
}

export interface Limits {
  readonly atLeastMs?: number | undefined;
  readonly atMostMs?: number | undefined;
}

type Taker = (key: string | undefined) => void;

/** setTimeout's limit; what is due later is looked at again by then. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

export class WorkQueue {
  readonly #clock: Clock;
  readonly #backOff: { readonly baseMs: number; readonly maxMs: number };
  readonly #bucket: TokenBucket;
  readonly #metrics: QueueMetrics | undefined;
  /** Waiting to be handed out -> since when. In order. */
  readonly #queued = new Map<string, number>();
  /** Handed out and not done -> since when. */
  readonly #processing = new Map<string, number>();
  /** Added while being worked on -> since when. */
  readonly #again = new Map<string, number>();
  /** To be added -> when. */
  readonly #delayed = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #takers = new Set<Taker>();
  readonly #idlers = new Set<() => void>();
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;
  #down = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#backOff = options.backOff ?? { baseMs: 5, maxMs: 1_000_000 };
    this.#bucket = new TokenBucket(options.clock, options.bucket ?? { perSecond: 10, burst: 100 });
    this.#metrics = options.metrics;
    this.#metrics?.watch(() => this.running());
  }

  /** Keys that wait to be handed out. */
  get depth(): number {
    return this.#queued.size;
  }

  /** How often in a row the key was given to `addRateLimited`. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  running(): Running {
    const now = this.#clock.monotonic();
    const times = [...this.#processing.values()].map((since) => now - since);
    return { unfinishedMs: times.reduce((sum, ms) => sum + ms, 0), longestMs: Math.max(0, ...times) };
  }

  /** Ignored after `shutDown`. */
  add(key: string): void {
    if (this.#down || this.#queued.has(key) || this.#again.has(key)) return;
    this.#metrics?.added();
    const now = this.#clock.monotonic();
    if (this.#processing.has(key)) this.#again.set(key, now);
    else this.#enqueue(key, now);
  }

  /** Of several for one key the earliest counts; an `add` before then does not cancel it. */
  addAfter(key: string, ms: number): void {
    if (this.#down) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    if (at >= (this.#delayed.get(key) ?? Number.POSITIVE_INFINITY)) return;
    this.#delayed.delete(key); // so that of two due at once the one told last comes last
    this.#delayed.set(key, at);
    this.#setAlarm(at);
  }

  /** Once the key's back-off, of `atMostMs` here, the bucket and `atLeastMs` allow it; milliseconds until then. */
  addRateLimited(key: string, { atLeastMs = 0, atMostMs = this.#backOff.maxMs }: Limits = {}): number {
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    const backOff = Math.min(this.#backOff.baseMs * 2 ** failures, this.#backOff.maxMs, atMostMs);
    const delay = Math.max(backOff, this.#bucket.reserve(), atLeastMs);
    this.#metrics?.retried();
    this.addAfter(key, delay);
    return delay;
  }

  /** The key did well: its back-off begins anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which is the caller's until `done`; undefined once shut down and empty, or when the signal is aborted. */
  async get(signal?: AbortSignal): Promise<string | undefined> {
    if (signal?.aborted) return undefined;
    if (this.#queued.size > 0) return this.#take();
    if (this.#down) return undefined;
    return new Promise((resolve) => {
      const taker: Taker = (key) => {
        signal?.removeEventListener('abort', leave);
        this.#takers.delete(taker);
        resolve(key);
      };
      const leave = () => taker(undefined);
      signal?.addEventListener('abort', leave, { once: true });
      this.#takers.add(taker);
    });
  }

  done(key: string): void {
    const since = this.#processing.get(key);
    if (since === undefined) throw new Error(`work queue: ${JSON.stringify(key)} is done, but was not handed out`);
    this.#processing.delete(key);
    this.#metrics?.worked(this.#clock.monotonic() - since);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined) this.#enqueue(key, again);
    this.#wakeIdlers();
  }

  /**
   * Takes nothing more, and forgets what was to come later. What waits is still handed out with `drain`, else forgotten too.
   * Resolves when nothing waits and nothing is worked on.
   */
  shutDown({ drain }: { readonly drain: boolean }): Promise<void> {
    this.#down = true;
    this.#delayed.clear();
    this.#alarm?.off.abort();
    if (!drain) {
      this.#queued.clear();
      this.#again.clear();
      this.#metrics?.depth(0);
    }
    for (const taker of this.#takers) taker(undefined);
    return new Promise((resolve) => {
      this.#idlers.add(resolve);
      this.#wakeIdlers();
    });
  }

  #enqueue(key: string, since: number): void {
    this.#queued.set(key, since);
    const [taker] = this.#takers;
    if (taker !== undefined) taker(this.#take());
    else this.#metrics?.depth(this.#queued.size);
  }

  #take(): string | undefined {
    const [first] = this.#queued;
    if (first === undefined) return undefined;
    const [key, since] = first;
    const now = this.#clock.monotonic();
    this.#queued.delete(key);
    this.#processing.set(key, now);
    this.#metrics?.waited(now - since);
    this.#metrics?.depth(this.#queued.size);
    return key;
  }

  #wakeIdlers(): void {
    if (this.#queued.size + this.#processing.size > 0) return;
    for (const idler of this.#idlers) idler();
    this.#idlers.clear();
  }

  /** One timer for all, set to the earliest. */
  #setAlarm(at: number): void {
    if (this.#alarm !== undefined && this.#alarm.at <= at) return;
    this.#alarm?.off.abort();
    const off = new AbortController();
    this.#alarm = { at, off };
    const ms = Math.min(Math.max(at - this.#clock.monotonic(), 0), LONGEST_SLEEP_MS);
    this.#clock.sleep(ms, off.signal).then(
      () => {
        if (!off.signal.aborted) this.#ring();
      },
      (error: unknown) => {
        if (!off.signal.aborted) throw error;
      },
    );
  }

  #ring(): void {
    this.#alarm = undefined;
    const now = this.#clock.monotonic();
    const due = [...this.#delayed].filter(([, at]) => at <= now).toSorted(([, a], [, b]) => a - b);
    for (const [key] of due) {
      this.#delayed.delete(key);
      this.add(key);
    }
    const next = Math.min(...this.#delayed.values());
    if (Number.isFinite(next)) this.#setAlarm(next);
  }
}
