/** Writes one operator's objects for Istio, and removes them; of others' it touches none. */
import type { SecurityObject } from '../../../istio/security.ts';
import { ApiError, type Client } from '../../../kube/client.ts';
import { describeRef, type KubeObject, type ObjectKey, refOf } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import type { WorkloadState } from '../../../reconcilers/mesh.ts';
import { workloadLabel } from '../../../render/mesh.ts';
import type { ReconcileContext } from '../../../runtime/controller.ts';
import { Applier } from '../applier.ts';
import { isEnding, isTold } from '../refusals.ts';
import type { MeshSources } from './caches.ts';
import { creationRank, isAsDesired, prepared } from './objects.ts';
import type { SecurityKind, Stored } from './stored.ts';

export interface WriterOptions {
  readonly client: Client;
  readonly clock: { monotonic(): number };
  readonly sources: Pick<MeshSources, SecurityKind>;
  readonly counted: (write: 'apply' | 'delete', kind: SecurityKind) => void;
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export type Trying = Pick<ReconcileContext, 'signal' | 'attempt'>;

/** What came of several objects: the first thing that went wrong, if anything. */
export interface Applied {
  /** Undefined where each is as it should be. */
  readonly state: WorkloadState | undefined;
  /** Worth another try. */
  readonly error: ApiError | undefined;
  readonly againInMs: number | undefined;
  /** Something was. */
  readonly written?: boolean;
}

/** Nobody tells when a name is free that was taken. */
const freeMs = 30_000;
const allApplied: Applied = { state: undefined, error: undefined, againInMs: undefined };

export class Writer {
  readonly #options: WriterOptions;
  readonly #stored: Stored;
  readonly #applier: Applier;

  constructor(options: WriterOptions, stored: Stored) {
    const { client, clock, sources } = options;
    this.#options = options;
    this.#stored = stored;
    this.#applier = new Applier({
      client,
      clock,
      typeOf: (kind) => resources[kind as SecurityKind],
      cacheOf: (kind) => sources[kind as SecurityKind],
    });
  }

  /** @param whole nothing more is written after one that cannot be; else all are that can be */
  async apply(objects: readonly SecurityObject[], whole: boolean, { signal, attempt }: Trying): Promise<Applied> {
    let applied = allApplied;
    for (const object of objects) {
      signal.throwIfAborted();
      const failed = await this.#applyOne(object, { signal, attempt });
      applied = {
        state: applied.state ?? failed.state,
        error: applied.error ?? failed.error,
        againInMs: applied.againInMs ?? failed.againInMs,
        written: applied.written === true || failed.written === true,
      };
      if (failed.state !== undefined && whole) break;
    }
    return applied;
  }

  /** Deletes what of the workload is not wanted, last created first; each only while it is the one that was seen, and ours. */
  async prune(workload: ObjectKey, wanted: readonly KubeObject[], signal: AbortSignal): Promise<void> {
    const names = new Set(wanted.map((object) => `${object.kind} ${object.metadata.name}`));
    const unwanted = this.#stored.of(workload).filter(({ kind, metadata }) => !names.has(`${kind} ${metadata.name}`));
    for (const object of unwanted.toSorted((a, b) => creationRank(b) - creationRank(a))) {
      signal.throwIfAborted();
      const name = object.metadata.labels?.[workloadLabel];
      const isMeant = (live: KubeObject) => this.#stored.isOurs(live) && live.metadata.labels?.[workloadLabel] === name;
      if (!(await this.#applier.remove(object, isMeant, signal))) continue;
      this.#options.counted('delete', object.kind as SecurityKind);
      this.#options.log('info', `deleted ${describeRef(refOf(object))}, which nothing needs any more`, { workload });
    }
  }

  /** Each as it was last seen, or written. */
  latest(objects: readonly SecurityObject[]): readonly SecurityObject[] {
    return objects.map((object) => (this.#applier.live(object) as SecurityObject | undefined) ?? object);
  }

  /** The watch tells that it is gone. */
  forget(object: KubeObject): void {
    this.#applier.forget(object);
  }

  async #applyOne(object: SecurityObject, { signal, attempt }: Trying): Promise<Applied> {
    const isOurs = (live: KubeObject) => this.#stored.isOurs(live);
    const name = describeRef(refOf(object));
    try {
      const desired = prepared(object, this.#applier.live(object));
      const outcome = await this.#applier.apply(desired, { isOurs, isSame: isAsDesired, signal });
      if (outcome.kind === 'written') this.#options.counted('apply', object.kind as SecurityKind);
      if (outcome.kind === 'written') return { ...allApplied, written: true };
      if (outcome.kind === 'same') return allApplied;
      if (outcome.kind === 'held') {
        const message = `${name} is changed by somebody else again and again`;
        return { state: { kind: 'taken', message }, error: undefined, againInMs: outcome.againInMs };
      }
      const message = `${name} exists and is not this operator's, so it is left alone`;
      return { state: { kind: 'taken', message }, error: undefined, againInMs: freeMs };
    } catch (error) {
      if (!(error instanceof ApiError) || signal.aborted) throw error;
      return refused(name, error, attempt);
    }
  }
}

function refused(name: string, error: ApiError, attempt: number): Applied {
  // There is nothing to protect in a namespace that ends.
  if (isEnding(error)) return { ...allApplied, state: { kind: 'waiting', message: 'its namespace is being deleted' } };
  const message = `${name} could not be applied: ${error.message.replace(/\.$/, '')}`;
  const kind = isTold(error, attempt) ? 'refused' : 'waiting';
  return { state: { kind, message }, error, againInMs: undefined };
}
