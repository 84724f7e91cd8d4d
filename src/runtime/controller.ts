/** A work queue and those who work on it: controller-runtime's Controller. It knows keys, not objects. */
import { ApiError } from '../kube/client.ts';
import type { Clock } from './clock.ts';
import type { Log } from './logger.ts';
import type { ControllerMetrics, Metrics, ReconcileResult } from './metrics.ts';
import type { BucketOptions } from './token-bucket.ts';
import { noTracer, type Origin, type Tracer } from './tracing.ts';
import { WorkQueue } from './work-queue.ts';

export interface Result {
  /** The key comes again after so long, whatever happens meanwhile; never when absent or 0. */
  readonly requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Aborted when nobody waits for the end any longer: shutdown past its deadline, or leadership lost. */
  readonly signal: AbortSignal;
  /** With the key in every line. */
  readonly log: Log;
  /** 1, and one more with each failure in a row. */
  readonly attempt: number;
}

/** Retrying would not help; the key comes again when something it depends on changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: (key: string, context: ReconcileContext) => Promise<Result>;
  /** How many keys are worked on at a time: 1 when absent. */
  readonly concurrency?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer?: Tracer | undefined;
  /** `ApiGateway`, of a key; for traces. */
  readonly kindOf?: (key: string) => string;
  /** As of WorkQueueOptions. */
  readonly backOff?: { readonly baseMs: number; readonly maxMs: number };
  /** Keeps the back-off after an error shorter than `backOff` does; milliseconds. */
  readonly longestBackOff?: (error: unknown) => number | undefined;
  readonly bucket?: BucketOptions;
}

export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #metrics: ControllerMetrics;
  readonly #log: Log;
  readonly #tracer: Tracer;
  /** Of what made a key dirty last. */
  readonly #origins = new Map<string, Origin>();

  constructor(options: ControllerOptions) {
    const { name, clock, metrics, backOff, bucket } = options;
    this.name = name;
    this.#options = options;
    this.#tracer = options.tracer ?? noTracer;
    this.#log = options.log.child({ logger: name });
    this.#metrics = metrics.controller(name);
    this.#queue = new WorkQueue({
      clock,
      metrics: metrics.queue(name),
      ...(backOff && { backOff }),
      ...(bucket && { bucket }),
    });
  }

  /** At any time; keys wait until `run`. */
  enqueue(key: string): void {
    const origin = this.#tracer.origin();
    if (origin !== undefined) this.#origins.set(key, origin);
    this.#queue.add(key);
  }

  enqueueAfter(key: string, ms: number): void {
    this.#queue.addAfter(key, ms);
  }

  /**
   * Works until `stop`; then begins nothing new, and resolves when what had begun is done. `cut` aborts what is running.
   * What waited is forgotten: the next leader finds it in its own caches.
   */
  async run(stop: AbortSignal, cut: AbortSignal = stop): Promise<void> {
    const { concurrency = 1 } = this.#options;
    this.#metrics.concurrency(concurrency);
    const shutDown = () => void this.#queue.shutDown({ drain: false });
    if (stop.aborted) shutDown();
    stop.addEventListener('abort', shutDown, { once: true });
    try {
      await Promise.all(Array.from({ length: concurrency }, () => this.#work(cut)));
    } finally {
      stop.removeEventListener('abort', shutDown);
    }
  }

  async #work(cut: AbortSignal): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      await this.#reconcile(key, cut);
      this.#queue.done(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const attempt = this.#queue.failures(key) + 1;
    const log = this.#log.child({ key });
    const context = { signal, log, attempt };
    const begin = this.#options.clock.monotonic();
    this.#metrics.started();
    const result = await this.#traced(key, attempt, () =>
      this.#try(key, context).catch((error: unknown) => this.#failed(key, error, context)),
    );
    this.#metrics.ended(result, this.#options.clock.monotonic() - begin);
  }

  async #traced(key: string, attempt: number, work: () => Promise<ReconcileResult>): Promise<ReconcileResult> {
    const { name, kindOf } = this.#options;
    const origin = this.#origins.get(key);
    this.#origins.delete(key);
    const kind = kindOf && { 'evengate.kind': kindOf(key) };
    const attributes = { 'evengate.controller': name, 'evengate.key': key, 'evengate.attempt': attempt, ...kind };
    return await this.#tracer.span(`reconcile ${name}`, { attributes, origin }, async (span) => {
      const result = await work();
      span.set({ 'evengate.result': result });
      if (result === 'error' || result === 'terminal_error') span.fail(result);
      return result;
    });
  }

  async #try(key: string, context: ReconcileContext): Promise<ReconcileResult> {
    const { requeueAfterMs = 0 } = await this.#options.reconcile(key, context);
    this.#queue.forget(key);
    if (requeueAfterMs <= 0) return 'success';
    this.#queue.addAfter(key, requeueAfterMs);
    return 'requeue_after';
  }

  #failed(key: string, error: unknown, { signal, log, attempt }: ReconcileContext): ReconcileResult {
    if (signal.aborted) {
      log.info('reconcile was cut short', { error });
      return 'error';
    }
    if (error instanceof TerminalError) {
      this.#queue.forget(key);
      log.error('reconcile failed, and is not retried', { error });
      return 'terminal_error';
    }
    const atLeastMs = error instanceof ApiError ? error.retryAfterMs : undefined;
    const atMostMs = this.#options.longestBackOff?.(error);
    const retryInMs = Math.round(this.#queue.addRateLimited(key, { atLeastMs, atMostMs }));
    log.error('reconcile failed', { attempt, retryInMs, error });
    return 'error';
  }
}
