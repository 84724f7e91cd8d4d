/** Statuses to the API server: each once a change, none without one; an Event where an object's state of health changed. */
import { ApiError, type Client } from '../../kube/client.ts';
import { type KubeObject, type ObjectKey, objectKey, refOf } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { type Inputs, statusInputs } from '../../reconcilers/inputs.ts';
import { type ReportedKind, reportedKinds, type Status, statusOf } from '../../reconcilers/statuses.ts';
import type { StatusWorld } from '../../reconcilers/world.ts';
import { sameMembers } from '../../resolve/memo.ts';
import type { Cache } from './collections.ts';
import {
  conditionOf,
  eventOf,
  isNews,
  isPartial,
  isReady,
  isTransition,
  isWaiting,
  isWorse,
  type Reported,
  type StoredStatus,
  sameStatus,
  stamped,
  statusPatch,
} from './transitions.ts';

export interface StatusOptions {
  readonly client: Client;
  readonly caches: Readonly<Record<ReportedKind, Cache<Reported>>>;
  /** Undefined before the first. */
  readonly world: () => StatusWorld | undefined;
  readonly clock: { now(): number; monotonic(): number };
  /** Name of this process, in Events. */
  readonly instance: string;
  readonly log: (level: 'warn' | 'debug', message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** `Route shop/orders` */
export type StatusKey = string;

/** A fleet answers within this, so a status that only waits for it is written once, with the answer. */
const patienceMs = 2000;
/** After a restart all Envoys are asked anew; what they served before, they still do. */
const restartPatienceMs = 30_000;

const gatherMs = 500;
/** Until then the watch has told what the object has become meanwhile. */
const againMs = 1000;

interface Waiting {
  readonly generation: number | undefined;
  readonly since: number;
}

interface Own {
  readonly resourceVersion: string;
  readonly status: StoredStatus;
}

export class Statuses {
  readonly #options: StatusOptions;
  readonly #inputs: Readonly<Record<ReportedKind, Map<ObjectKey, Inputs>>> = {
    ApiGateway: new Map(),
    AuthPolicy: new Map(),
    RateLimitPolicy: new Map(),
    Route: new Map(),
  };
  readonly #waiting = new Map<StatusKey, Waiting>();
  readonly #gatheredSince = new Map<StatusKey, number>();
  /** What we wrote, until the cache has it. */
  readonly #own = new Map<StatusKey, Own>();

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  /** Objects whose status may be another one since the call before. */
  changed(
    world: StatusWorld,
    objects: Readonly<Record<ReportedKind, ReadonlyMap<ObjectKey, KubeObject>>>,
  ): readonly StatusKey[] {
    const changed: StatusKey[] = [];
    for (const kind of reportedKinds) {
      const known = this.#inputs[kind];
      for (const [key, { metadata }] of objects[kind]) {
        const inputs = statusInputs(kind, key, { generation: metadata.generation, world });
        const before = known.get(key);
        if (before !== undefined && sameMembers(before, inputs)) continue;
        known.set(key, inputs);
        changed.push(`${kind} ${key}`);
      }
      if (objects[kind].size < known.size) this.#forget(kind, objects[kind]);
    }
    return changed;
  }

  /** Resolves with the time after which to look again, if any. Throws ApiError where the API server refuses. */
  async reconcile(id: StatusKey): Promise<{ readonly requeueAfterMs?: number }> {
    const [kind, key] = parts(id);
    const world = this.#options.world();
    const object = this.#options.caches[kind].get(key);
    if (world === undefined || object === undefined) return {};
    const wanted = statusOf(kind, object, world);
    if (wanted === undefined) return {};
    const before = this.#stored(id, object);
    const wait = this.#patience(id, wanted, { object, before });
    if (wait > 0) return { requeueAfterMs: wait };
    const now = new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const status = stamped(wanted, before, now);
    if (sameStatus(status, before)) return this.#settled(id);
    const gathering = kind === 'ApiGateway' ? this.#gathering(id, before, status) : 0;
    if (gathering > 0) return { requeueAfterMs: gathering };
    if (!(await this.#write(kind, object, { id, status, before }))) return { requeueAfterMs: againMs };
    return this.#settled(id);
  }

  #settled(id: StatusKey): { readonly requeueAfterMs?: number } {
    this.#gatheredSince.delete(id);
    return {};
  }

  /** Counts and revisions of an ApiGateway change with every Route: many changes are one write. */
  #gathering(id: StatusKey, before: StoredStatus | undefined, status: StoredStatus): number {
    if (before === undefined || isNews(before, status)) return 0;
    const now = this.#options.clock.monotonic();
    const since = this.#gatheredSince.get(id) ?? now;
    this.#gatheredSince.set(id, since);
    return since + gatherMs - now;
  }

  #forget(kind: ReportedKind, there: ReadonlyMap<ObjectKey, unknown>): void {
    for (const key of this.#inputs[kind].keys()) {
      if (there.has(key)) continue;
      this.#inputs[kind].delete(key);
      const id = `${kind} ${key}`;
      this.#waiting.delete(id);
      this.#gatheredSince.delete(id);
      this.#own.delete(id);
    }
  }

  /** The newer of the cache's and ours. */
  #stored(id: StatusKey, object: Reported): StoredStatus | undefined {
    const own = this.#own.get(id);
    if (own === undefined) return object.status;
    const [kind, key] = parts(id);
    if (isOlder(this.#options.caches[kind].resourceVersionOf(key), own.resourceVersion)) return own.status;
    this.#own.delete(id);
    return object.status;
  }

  /** Milliseconds for which there may be better news. */
  #patience(
    id: StatusKey,
    wanted: Status,
    { object, before }: { readonly object: Reported; readonly before: StoredStatus | undefined },
  ): number {
    const { generation } = object.metadata;
    const current = before?.observedGeneration === generation;
    const settled = current && isReady(before);
    const fresh = { ...wanted } as StoredStatus;
    // What Ready does not wait for holds up no first word of it; one that was said is not taken back for a moment.
    const waits = isWaiting(fresh)
      ? !isReady(fresh) || settled
      : current && isPartial(fresh) && !isWorse(before, fresh);
    if (!waits) {
      this.#waiting.delete(id);
      return 0;
    }
    // What was wrong is not: whoever waits for the object would still read that it has failed.
    if (current && isStalled(before) && !isStalled(fresh)) return 0;
    const now = this.#options.clock.monotonic();
    const known = this.#waiting.get(id);
    const since = known?.generation === generation ? (known?.since ?? now) : now;
    this.#waiting.set(id, { generation, since });
    return since + (settled && !isWorse(before, fresh) ? restartPatienceMs : patienceMs) - now;
  }

  /** False where the object is not the one that was looked at, or is not as it was: an old status would cover a newer one. */
  async #write(
    kind: ReportedKind,
    object: Reported,
    {
      id,
      status,
      before,
    }: { readonly id: StatusKey; readonly status: StoredStatus; readonly before: StoredStatus | undefined },
  ): Promise<boolean> {
    const { client, caches } = this.#options;
    const { name, namespace = '', uid } = object.metadata;
    const resourceVersion = this.#own.get(id)?.resourceVersion ?? caches[kind].resourceVersionOf(objectKey(object));
    const body = { metadata: { uid, resourceVersion }, status: statusPatch(status, before) };
    try {
      const answer = await client.patch(resources[kind], { namespace, name }, body, { subresource: 'status' });
      this.#own.set(id, { resourceVersion: answer.metadata.resourceVersion ?? '', status });
    } catch (error) {
      if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return false;
      throw error;
    }
    if (isTransition(before, status)) await this.#tell(object, status);
    return true;
  }

  /** An Event is a courtesy: without it nothing is lost. */
  async #tell(object: Reported, status: StoredStatus): Promise<void> {
    const { client, clock, instance, log } = this.#options;
    const ready = conditionOf(status, 'Ready');
    if (ready === undefined) return;
    try {
      await client.create(resources.Event, eventOf(object, ready, new Date(clock.now()).toISOString(), instance));
    } catch (error) {
      const { kind, namespace, name } = refOf(object);
      log('debug', `no Event: ${String(error)}`, { kind, namespace, name });
    }
  }
}

function isStalled(status: StoredStatus | undefined): boolean {
  return conditionOf(status, 'Stalled')?.status === 'True';
}

function parts(id: StatusKey): readonly [ReportedKind, ObjectKey] {
  const [kind = '', key = ''] = id.split(' ');
  return [kind as ReportedKind, key];
}

/** Resource versions are opaque, but those of one type can be told apart by age (KEP-5504). */
function isOlder(version: string | undefined, than: string): boolean {
  if (version === undefined || !/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
