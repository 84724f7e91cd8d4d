/** Objects that an ApiGateway becomes, applied: no write without a difference, and nothing of anybody else's touched. */
import { ApiError, type Client, type ResourceType } from '../../kube/client.ts';
import { describeRef, type KubeObject, type ObjectKey, objectKey, refOf } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { contentAnnotation, isApplied, marked } from '../../reconcilers/drift.ts';
import { classLabel } from '../../render/names.ts';
import { heldScale, scaleManager } from '../../render/workload/scaling.ts';
import type { Finding } from '../../status/finding.ts';
import type { Cache } from './collections.ts';
import { isEnding, notApplied } from './refusals.ts';

/** Kinds that an ApiGateway becomes, in the order in which they are applied: what a Pod needs comes before it. */
export const childKinds = [
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'NetworkPolicy',
  'Service',
  'Deployment',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
] as const;
export type ChildKind = (typeof childKinds)[number];

export interface ChildrenOptions {
  readonly client: Client;
  /** Of our children only. */
  readonly caches: Readonly<Partial<Record<ChildKind, Cache>>>;
  /** ConfigMaps that Envoys are told by: the deliveries apply them, but they go with the others. */
  readonly told: Cache;
  readonly clock: { monotonic(): number };
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** An object that was not applied. */
export interface Failure {
  /** Undefined where it only has to wait. */
  readonly finding: Finding | undefined;
  readonly error: ApiError | undefined;
  readonly againInMs?: number;
}

/** How often an object was applied as it is now. */
interface Applied {
  readonly content: string;
  readonly count: number;
  readonly at: number;
}

/** Nobody tells when a name is free that was taken. */
const freeMs = 30_000;
/** The garbage collector is at it. */
const collectedMs = 1000;
/** What is changed by others more often than so is restored ever more seldom. */
const promptly = 3;
const longestPauseMs = 300_000;

export class Children {
  readonly #options: ChildrenOptions;
  /** What we applied, until the caches have it: resource version and content, by kind and key. */
  readonly #applied = new Map<string, KubeObject>();
  readonly #history = new Map<string, Applied>();

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** Those in the caches that belong to the ApiGateway with this uid. */
  of(uid: string, namespace: string): readonly KubeObject[] {
    const { caches, told } = this.#options;
    return [...childKinds.map((kind) => caches[kind]), told].flatMap((cache) =>
      [...(cache?.snapshot().values() ?? [])].filter(
        ({ metadata }) => metadata.namespace === namespace && isOwnedBy(metadata, uid),
      ),
    );
  }

  /** One of them, as it is now. */
  get(kind: ChildKind, key: ObjectKey): KubeObject | undefined {
    return this.#options.caches[kind]?.get(key);
  }

  /** Applies what differs; one that fails keeps no other from being applied. */
  async apply(gateway: KubeObject, desired: readonly KubeObject[], signal: AbortSignal): Promise<readonly Failure[]> {
    const failures: Failure[] = [];
    for (const object of desired) {
      signal.throwIfAborted();
      const failure = await this.#applyOne(gateway, marked(object), signal);
      if (failure !== undefined) failures.push(failure);
    }
    return failures;
  }

  /** Deletes those that are wanted no more: each only while it is the one that was seen, the gateway's, and ours. */
  async prune(gateway: KubeObject, unwanted: readonly KubeObject[], signal: AbortSignal): Promise<void> {
    for (const object of unwanted) {
      signal.throwIfAborted();
      const { uid = '', resourceVersion, namespace = '', name } = object.metadata;
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const type = typeOf(object);
      const live = await this.#options.client.get(type, { namespace, name }, { signal });
      const same =
        live?.metadata.uid === uid &&
        isOwnedBy(live.metadata, gateway.metadata.uid ?? '') &&
        live.metadata.labels?.[classLabel] === object.metadata.labels?.[classLabel];
      if (live === undefined || !same || live.metadata.deletionTimestamp !== undefined) continue;
      const version = live.metadata.resourceVersion ?? resourceVersion;
      const preconditions = { uid, ...(version === undefined ? {} : { resourceVersion: version }), signal };
      await this.#options.client.delete(type, { namespace, name }, preconditions);
      this.#options.log(
        'info',
        `deleted ${describeRef(refOf(object))}, which ${describeRef(refOf(gateway))} needs no more`,
        {},
      );
    }
  }

  async #applyOne(gateway: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Failure | undefined> {
    const { client } = this.#options;
    const id = `${object.kind} ${objectKey(object)}`;
    const isOurs = ({ metadata }: KubeObject) => isOwnedBy(metadata, gateway.metadata.uid ?? '');
    const known = this.#live(id, object);
    const live = known !== undefined && isOurs(known) ? known : undefined;
    if (live !== undefined && isApplied(object, live)) return undefined;
    try {
      const { namespace = '', name } = object.metadata;
      const type = typeOf(object);
      const there = live ?? (await client.get(type, { namespace, name }, { signal }));
      if (there !== undefined && !isOurs(there)) return notOurs(gateway, object, there);
      if (there !== undefined && isApplied(object, there)) {
        this.#applied.set(id, there);
        return undefined;
      }
      const againInMs = this.#restraint(id, object);
      if (againInMs > 0) return { finding: undefined, error: undefined, againInMs };
      // Ours, or nobody's: where it is there, it is only changed while it is the same.
      const uid = there?.metadata.uid;
      const metadata = { ...object.metadata, ...(uid === undefined ? {} : { uid }) };
      const held = heldScale(object, there);
      if (held !== undefined) await client.apply(type, held, { force: true, fieldManager: scaleManager, signal });
      const applied = await client.apply(type, { ...object, metadata }, { force: true, signal });
      this.#applied.set(id, applied);
      this.#remember(id, object);
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isEnding(error)) return undefined;
      return { finding: notApplied(refOf(gateway), describeRef(refOf(object)), error), error };
    }
  }

  /** Milliseconds for which it stays as others made it: with who changes it again and again nobody fights. */
  #restraint(id: string, object: KubeObject): number {
    const { count, at } = this.#past(id, object);
    const pause = count < promptly ? 0 : Math.min(1000 * 2 ** (count - promptly), longestPauseMs);
    return at + pause - this.#options.clock.monotonic();
  }

  #remember(id: string, object: KubeObject): void {
    const { content, count } = this.#past(id, object);
    this.#history.set(id, { content, count: count + 1, at: this.#options.clock.monotonic() });
  }

  #past(id: string, { metadata }: KubeObject): Applied {
    const content = metadata.annotations?.[contentAnnotation] ?? '';
    const now = this.#options.clock.monotonic();
    const known = this.#history.get(id);
    const counts = known?.content === content && now <= known.at + 2 * longestPauseMs;
    return counts ? known : { content, count: 0, at: now };
  }

  /** The newer of the cache's and what we applied. */
  #live(id: string, object: KubeObject): KubeObject | undefined {
    const cached = this.#cached(object);
    const own = this.#applied.get(id);
    if (own === undefined) return cached?.object;
    const version = Number(cached?.version ?? 0);
    if (version >= Number(own.metadata.resourceVersion)) {
      this.#applied.delete(id);
      return cached?.object;
    }
    return own;
  }

  #cached(object: KubeObject): { readonly object: KubeObject; readonly version: string | undefined } | undefined {
    const key = objectKey(object);
    const cache = this.#options.caches[object.kind as ChildKind];
    const found = cache?.get(key);
    return found && { object: found, version: cache?.resourceVersionOf(key) };
  }

  /** The watch tells that it is gone, and then what we applied is, too. */
  forget(object: KubeObject): void {
    this.#applied.delete(`${object.kind} ${objectKey(object)}`);
  }
}

export function isOwnedBy({ ownerReferences = [] }: KubeObject['metadata'], uid: string): boolean {
  return ownerReferences.some((owner) => owner.uid === uid);
}

function typeOf({ kind }: KubeObject): ResourceType {
  return resources[kind as ChildKind];
}

function notOurs(gateway: KubeObject, object: KubeObject, { metadata }: KubeObject): Failure {
  const { name } = gateway.metadata;
  const isLeft = (metadata.ownerReferences ?? []).some((owner) => owner.kind === gateway.kind && owner.name === name);
  // Of an ApiGateway that had this name before.
  if (isLeft) return { finding: undefined, error: undefined, againInMs: collectedMs };
  const finding: Finding = {
    about: refOf(gateway),
    severity: 'error',
    reason: 'NameTaken',
    at: '',
    message: `${describeRef(refOf(object))} exists and does not belong to this ApiGateway, so it is left alone`,
    remedy: 'Delete or rename that object, or rename the ApiGateway',
  };
  return { finding, error: undefined, againInMs: freeMs };
}
