/** Starts what a process consists of, in order, and ends it in the reverse: controller-runtime's Manager. */
import type { Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import { type Component, ComponentGroup } from './component-group.ts';
import { type Check, serveHealth } from './health.ts';
import { alwaysLeader, type Election } from './leader.ts';
import type { Log } from './logger.ts';
import { aborted, onAbort, pause } from './signals.ts';

export type { Component };

export interface ManagerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** `alwaysLeader` when absent. */
  readonly election?: Election;
  /** No server when absent, or with port 0. */
  readonly health?: { readonly port: number; readonly host?: string; readonly registry: Registry };
  /** Nothing starts before it has passed, but what answers /healthz, /readyz and /metrics. */
  readonly preflight?: { pass(stop: AbortSignal): Promise<void>; unready: Check };
  /** How long components may take to finish: 30 s when absent. */
  readonly drainMs?: number;
}

const SYNC_POLL_MS = 50;
const PROGRESS_MS = 10_000;
/** After `cut`. */
const LAST_GRACE_MS = 2_000;

export class Manager {
  readonly #options: ManagerOptions;
  readonly #caches: ComponentGroup;
  readonly #others: ComponentGroup;
  readonly #leaders: ComponentGroup;
  readonly #readyChecks = new Map<string, Check>();
  /** Aborted when the end has begun. */
  readonly #end = new AbortController();
  /** Aborted when the end is taking too long, or must not take long. */
  readonly #cut = new AbortController();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    const fail = (error: unknown, component: string) => this.#fail(error, component);
    this.#caches = new ComponentGroup(fail);
    this.#others = new ComponentGroup(fail);
    this.#leaders = new ComponentGroup(fail);
    const { preflight } = options;
    if (preflight !== undefined) this.#readyChecks.set('preflight', () => preflight.unready());
  }

  /** Before `run`. Those of one kind start in the order in which they were added. */
  add(component: Component): this {
    if (component.unsynced !== undefined) {
      if (component.needsLeadership) throw new Error(`${component.name}: a cache runs with and without leadership`);
      this.#caches.add(component);
      this.#readyChecks.set(`cache-sync/${component.name}`, () => component.unsynced?.());
    } else {
      (component.needsLeadership ? this.#leaders : this.#others).add(component);
    }
    return this;
  }

  /** One more line of /readyz. */
  addReadyCheck(name: string, check: Check): this {
    this.#readyChecks.set(name, check);
    return this;
  }

  /** Once. Resolves after `stop` with everything ended in order; rejects with what went wrong first. */
  async run(stop: AbortSignal): Promise<void> {
    onAbort(stop, () => this.#end.abort());
    const { health } = this.#options;
    const live = () => new Map([['components', () => this.#deadComponents()]]);
    const ready = () => new Map([['shutdown', () => this.#ending()], ...this.#readyChecks]);
    const server =
      health && (await serveHealth({ ...health, live, ready }).catch((error: unknown) => this.#fail(error)));
    const finished = new AbortController();
    const overdue = this.#deadline(finished.signal);
    try {
      await this.#runComponents(overdue);
    } finally {
      finished.abort();
      await server?.close();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #runComponents(overdue: AbortSignal): Promise<void> {
    const { election = alwaysLeader, log, preflight } = this.#options;
    const failed = (error: unknown) => this.#fail(error);
    await preflight?.pass(this.#end.signal).catch(failed);
    if (this.#end.signal.aborted) return;
    this.#caches.start(this.#cut.signal);
    if (await this.#cachesSynced()) {
      this.#others.start(this.#cut.signal);
      await election.run((lost) => this.#lead(lost, overdue), this.#end.signal).catch(failed);
    }
    await this.#others.stop(overdue).catch(failed);
    await this.#caches.stop(overdue).catch(failed);
    log.info('stopped');
  }

  async #lead(lost: AbortSignal, overdue: AbortSignal): Promise<void> {
    onAbort(lost, () => {
      this.#fail(lost.reason);
      this.#cut.abort(lost.reason);
    });
    if (!this.#end.signal.aborted) this.#leaders.start(this.#cut.signal);
    await aborted(this.#end.signal);
    await this.#leaders.stop(overdue);
  }

  /** False when the end came first. */
  async #cachesSynced(): Promise<boolean> {
    const { clock, log } = this.#options;
    const begin = clock.monotonic();
    let nextReport = begin + PROGRESS_MS;
    while (!this.#end.signal.aborted) {
      const waiting = this.#caches.unsynced();
      const now = clock.monotonic();
      if (waiting.length === 0) {
        log.info('caches synced', { ms: Math.round(now - begin) });
        return true;
      }
      if (now >= nextReport) {
        log.info('waiting for caches', { caches: Object.fromEntries(waiting) });
        nextReport = now + PROGRESS_MS;
      }
      await pause(clock, SYNC_POLL_MS, this.#end.signal);
    }
    return false;
  }

  #fail(error: unknown, component?: string): void {
    const { log } = this.#options;
    if (this.#failure === undefined) log.error('ending', { component, error });
    else if (this.#failure.error !== error) log.error('failed while ending', { component, error });
    this.#failure ??= { error };
    this.#end.abort();
  }

  /** Counted from the end's beginning: `cut` after the time to drain, and the signal it gives a little later. */
  #deadline(finished: AbortSignal): AbortSignal {
    const { clock, log, drainMs = 30_000 } = this.#options;
    const overdue = new AbortController();
    onAbort(this.#end.signal, () => {
      if (this.#failure === undefined) log.info('stopping');
      void pause(clock, drainMs, finished).then((passed) => {
        if (passed) this.#cut.abort(new Error(`not finished ${drainMs / 1000} s after the end began`));
      });
    });
    onAbort(this.#cut.signal, () => {
      void pause(clock, LAST_GRACE_MS, finished).then((passed) => {
        if (passed) overdue.abort();
      });
    });
    return overdue.signal;
  }

  #deadComponents(): string | undefined {
    const dead = [this.#caches, this.#others, this.#leaders].flatMap((group) => group.dead());
    return dead.length > 0 ? `ended: ${dead.join(', ')}` : undefined;
  }

  #ending(): string | undefined {
    return this.#end.signal.aborted ? 'the process is ending' : undefined;
  }
}
