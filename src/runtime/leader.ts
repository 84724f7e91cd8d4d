/**
 * Leader election over a Lease: client-go's algorithm. Time is this process' own, since it saw the lease change; what the
 * lease says of the time is for people. A lease is no mutual exclusion: it keeps two from working against each other, and
 * resourceVersions and field managers keep the rest.
 */
import { ApiError, type Client } from '../kube/client.ts';
import type { KubeObject, ObjectMeta } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import type { Clock } from './clock.ts';
import type { Log } from './logger.ts';
import { pause, within } from './signals.ts';

export interface Election {
  /** To be asked before every act: false from the moment that another may lead, also after this process was stopped. */
  holds(): boolean;
  /**
   * Waits for leadership and calls `lead`; leadership is kept up until that resolves, then given up. When `lead` rejects it
   * is left to lapse, for something may still be going on. `stop` ends the waiting only. Rejects with LeadershipLost after
   * `lost` was aborted, and as `lead` does.
   */
  run(lead: (lost: AbortSignal) => Promise<void>, stop: AbortSignal): Promise<void>;
}

export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/** For one replica without a lease. */
export const alwaysLeader: Election = {
  holds: () => true,
  run: async (lead, stop) => {
    if (!stop.aborted) await lead(new AbortController().signal);
  },
};

export interface ElectOptions {
  readonly client: Client;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Of this process, like no other's: the pod's name with something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Put on the Lease, beside what others put there. */
  readonly metadata?: Pick<ObjectMeta, 'labels' | 'annotations'>;
  /** Told of winning and losing. */
  readonly onChange?: (leads: boolean) => void;
  readonly timing?: LeaseTiming;
}

export interface LeaseTiming {
  /** How long others wait after the last renewal that they saw; in whole seconds. */
  readonly leaseMs: number;
  /** How long the holder acts after its last renewal; less than `leaseMs`. */
  readonly renewMs: number;
  readonly retryMs: number;
}

const defaultTiming: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

/** client-go's: those who wait for a lease try again after up to 2.2 times `retryMs`, so that not all try at once. */
const JITTER = 1.2;

/** coordination.k8s.io/v1 */
interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

export function elect(options: ElectOptions): Election {
  return new LeaseElection(options);
}

class LeaseElection implements Election {
  readonly #options: ElectOptions;
  readonly #timing: LeaseTiming;
  /** The lease as last seen, and when its spec was first seen so. */
  #seen: Lease | undefined;
  #seenAt = 0;
  /** When the last renewal that the server took was sent; undefined while not leading. */
  #renewedAt: number | undefined;
  #trouble = '';

  constructor(options: ElectOptions) {
    this.#options = options;
    this.#timing = options.timing ?? defaultTiming;
  }

  holds(): boolean {
    return this.#leftMs() > 0;
  }

  async run(lead: (lost: AbortSignal) => Promise<void>, stop: AbortSignal): Promise<void> {
    if (!(await this.#acquire(stop))) return;
    const { log, onChange } = this.#options;
    log.info('became the leader', { lease: this.#leaseName() });
    onChange?.(true);
    const lost = new AbortController();
    const done = new AbortController();
    const keeping = this.#keep(done.signal).catch((error: unknown) => {
      this.#renewedAt = undefined;
      onChange?.(false);
      log.error('lost the leadership', { lease: this.#leaseName(), error });
      lost.abort(error);
    });
    try {
      await lead(lost.signal);
    } finally {
      done.abort();
      await keeping;
    }
    lost.signal.throwIfAborted();
    await this.#release();
    onChange?.(false);
  }

  /** Milliseconds for which this process may act. */
  #leftMs(): number {
    if (this.#renewedAt === undefined) return 0;
    return this.#renewedAt + this.#timing.renewMs - this.#options.clock.monotonic();
  }

  /** False when stopped before. */
  async #acquire(stop: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    const { retryMs, renewMs } = this.#timing;
    log.info('waiting for leadership', { lease: this.#leaseName(), identity: this.#options.identity });
    while (!stop.aborted) {
      if (await this.#attempt(renewMs, stop)) return true;
      await pause(clock, retryMs * (1 + clock.random() * JITTER), stop);
    }
    return false;
  }

  /** Renews until done; rejects when the lease is lost. */
  async #keep(done: AbortSignal): Promise<void> {
    const { clock, identity } = this.#options;
    while (!done.aborted) {
      await pause(clock, Math.min(this.#timing.retryMs, this.#leftMs()), done);
      const left = this.#leftMs();
      if (left > 0 && !done.aborted) await this.#attempt(left, done);
      const holder = this.#seen?.spec?.holderIdentity ?? '';
      if (holder !== identity) throw new LeadershipLost(`the lease is held by ${holder || 'nobody'}`);
      if (!this.holds()) throw new LeadershipLost(`not renewed for ${this.#timing.renewMs / 1000} s: ${this.#trouble}`);
    }
  }

  /** One try, in at most so long. */
  async #attempt(limitMs: number, stop: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    try {
      const won = await within({ clock, ms: limitMs, stop }, (signal) => this.#tryAcquireOrRenew(signal));
      this.#trouble = won ? '' : this.#trouble;
      return won;
    } catch (error) {
      if (stop.aborted) return false;
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== this.#trouble) log.warn('cannot take the lease', { lease: this.#leaseName(), error });
      this.#trouble = trouble;
      return false;
    }
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, clock, identity, namespace, name } = this.#options;
    // Taken before the request is sent, and others count from after it was served.
    let sentAt = clock.monotonic();
    if (this.holds() && this.#seen?.spec?.holderIdentity === identity) {
      if (await this.#renew(this.#seen, sentAt, signal)) return true;
    }
    const found = await client.get<Lease>(resources.Lease, { namespace, name }, { signal });
    sentAt = clock.monotonic();
    if (found === undefined) {
      return this.#won(await client.create<Lease>(resources.Lease, this.#newLease(), { signal }), sentAt, signal);
    }
    this.#observe(found);
    if (this.#heldByOther(found)) return false;
    return this.#renew(found, sentAt, signal);
  }

  /** False when somebody else wrote meanwhile. */
  async #renew(lease: Lease, sentAt: number, signal: AbortSignal): Promise<boolean> {
    const next = { ...this.#labelled(lease), spec: { ...lease.spec, ...this.#nextSpec(lease.spec) } };
    try {
      return this.#won(await this.#options.client.replace<Lease>(resources.Lease, next, { signal }), sentAt, signal);
    } catch (error) {
      if (error instanceof ApiError && error.code === 409) return false;
      throw error;
    }
  }

  /** An answer that comes after the attempt was given up counts for nothing. */
  #won(lease: Lease, sentAt: number, signal: AbortSignal): boolean {
    if (signal.aborted) return false;
    this.#observe(lease);
    this.#renewedAt = sentAt;
    return true;
  }

  #observe(lease: Lease): void {
    const { clock, identity, log } = this.#options;
    const [before, now] = [this.#seen?.spec, lease.spec];
    this.#seen = lease;
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    this.#seenAt = clock.monotonic();
    const holder = now?.holderIdentity ?? '';
    if (holder !== before?.holderIdentity && holder !== identity && holder !== '') {
      log.info('another leads', { lease: this.#leaseName(), holder });
    }
  }

  #heldByOther({ spec = {} }: Lease): boolean {
    const { holderIdentity = '', leaseDurationSeconds = this.#timing.leaseMs / 1000 } = spec;
    if (holderIdentity === '' || holderIdentity === this.#options.identity) return false;
    return this.#options.clock.monotonic() < this.#seenAt + leaseDurationSeconds * 1000;
  }

  #newLease(): Lease {
    const { namespace, name } = this.#options;
    const spec = { ...this.#nextSpec(undefined), leaseTransitions: 0 };
    return this.#labelled({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec });
  }

  #labelled(lease: Lease): Lease {
    const { labels, annotations } = this.#options.metadata ?? {};
    const metadata = {
      ...lease.metadata,
      ...(labels && { labels: { ...lease.metadata.labels, ...labels } }),
      ...(annotations && { annotations: { ...lease.metadata.annotations, ...annotations } }),
    };
    return { ...lease, metadata };
  }

  #nextSpec(before: LeaseSpec | undefined): LeaseSpec {
    const { clock, identity } = this.#options;
    const now = microTime(clock.now());
    const kept = before?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#timing.leaseMs / 1000),
      acquireTime: (kept ? before.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (kept ? 0 : 1),
    };
  }

  /** So that the next leader need not wait. */
  async #release(): Promise<void> {
    const { clock, log } = this.#options;
    const ms = this.#leftMs();
    this.#renewedAt = undefined;
    if (ms <= 0) return;
    try {
      await within({ clock, ms }, (signal) => this.#vacate(signal));
      log.info('released the lease', { lease: this.#leaseName() });
    } catch (error) {
      log.warn('could not release the lease; it lapses', { lease: this.#leaseName(), error });
    }
  }

  async #vacate(signal: AbortSignal): Promise<void> {
    const { client, clock, identity, namespace, name } = this.#options;
    // Read anew: the last renewal may have been served without our seeing the answer.
    const lease = await client.get<Lease>(resources.Lease, { namespace, name }, { signal });
    if (lease?.spec?.holderIdentity !== identity) return;
    const now = microTime(clock.now());
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    await client.replace(resources.Lease, { ...lease, spec }, { signal });
  }

  #leaseName(): string {
    return `${this.#options.namespace}/${this.#options.name}`;
  }
}

/** meta/v1 MicroTime. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}
