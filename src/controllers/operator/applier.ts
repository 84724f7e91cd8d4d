/** Applies objects: no write without a difference, nothing of anybody else's touched, and no fight with who changes ours again and again. */
import type { Client, ResourceType } from '../../kube/client.ts';
import { type KubeObject, type ObjectKey, objectKey } from '../../kube/object.ts';
import { contentAnnotation } from '../../reconcilers/drift.ts';
import type { Cache } from './collections.ts';

export interface ApplierOptions {
  readonly client: Client;
  readonly clock: { monotonic(): number };
  readonly typeOf: (kind: string) => ResourceType;
  readonly cacheOf: (kind: string) => Pick<Cache, 'get' | 'resourceVersionOf'> | undefined;
}

export interface Applying {
  /** Whether what is there is ours to change. */
  readonly isOurs: (live: KubeObject) => boolean;
  /** Whether it is as it was applied. */
  readonly isSame: (desired: KubeObject, live: KubeObject) => boolean;
  /** Before it is written; `there` is undefined where it is created. */
  readonly before?: (there: KubeObject | undefined) => Promise<void>;
  readonly signal: AbortSignal;
}

export type Outcome =
  | { readonly kind: 'same' | 'written' }
  /** Somebody else's object has the name. */
  | { readonly kind: 'taken'; readonly by: KubeObject }
  /** Others changed it so often that it stays theirs for a while. */
  | { readonly kind: 'held'; readonly againInMs: number };

/** How often an object was applied as it is now. */
interface Applied {
  readonly content: string;
  readonly count: number;
  readonly at: number;
}

/** What is changed by others more often than so is restored ever more seldom. */
const promptly = 3;
const longestPauseMs = 300_000;

export class Applier {
  readonly #options: ApplierOptions;
  /** What we applied, until the caches have it: resource version and content, by kind and key. */
  readonly #applied = new Map<string, KubeObject>();
  readonly #history = new Map<string, Applied>();

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** `object` is marked (`reconcilers/drift.ts`). Throws ApiError. */
  async apply(object: KubeObject, { isOurs, isSame, before, signal }: Applying): Promise<Outcome> {
    const { client, typeOf } = this.#options;
    const id = idOf(object);
    const known = this.live(object);
    const live = known !== undefined && isOurs(known) ? known : undefined;
    if (live !== undefined && isSame(object, live)) return { kind: 'same' };
    const { namespace, name } = object.metadata;
    const type = typeOf(object.kind);
    const there = live ?? (await client.get(type, { ...(namespace && { namespace }), name }, { signal }));
    if (there !== undefined && !isOurs(there)) return { kind: 'taken', by: there };
    if (there !== undefined && isSame(object, there)) {
      this.#applied.set(id, there);
      return { kind: 'same' };
    }
    const againInMs = this.#restraint(id, object);
    if (againInMs > 0) return { kind: 'held', againInMs };
    // Ours, or nobody's: where it is there, it is only changed while it is the same.
    const uid = there?.metadata.uid;
    const metadata = { ...object.metadata, ...(uid === undefined ? {} : { uid }) };
    await before?.(there);
    this.#applied.set(id, await client.apply(type, { ...object, metadata }, { force: true, signal }));
    this.#remember(id, object);
    return { kind: 'written' };
  }

  /** Deletes it only while it is the one that was seen, and `isMeant` still. Resolves with whether it did. Throws ApiError. */
  async remove(object: KubeObject, isMeant: (live: KubeObject) => boolean, signal: AbortSignal): Promise<boolean> {
    const { client, typeOf } = this.#options;
    const { uid = '', resourceVersion, namespace, name, deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) return false;
    const type = typeOf(object.kind);
    const where = { ...(namespace && { namespace }), name };
    const live = await client.get(type, where, { signal });
    const same = live?.metadata.uid === uid && isMeant(live);
    if (live === undefined || !same || live.metadata.deletionTimestamp !== undefined) return false;
    const version = live.metadata.resourceVersion ?? resourceVersion;
    const preconditions = { uid, ...(version === undefined ? {} : { resourceVersion: version }), signal };
    return await client.delete(type, where, preconditions);
  }

  /** The newer of the cache's and what we applied. */
  live(object: KubeObject): KubeObject | undefined {
    const key = objectKey(object);
    const cache = this.#options.cacheOf(object.kind);
    const cached = cache?.get(key);
    const own = this.#applied.get(idOf(object));
    if (own === undefined) return cached;
    const version = cached === undefined ? 0 : Number(cache?.resourceVersionOf(key) ?? 0);
    if (version < Number(own.metadata.resourceVersion)) return own;
    this.#applied.delete(idOf(object));
    return cached;
  }

  /** The watch tells that it is gone, and then what we applied is, too. */
  forget(object: KubeObject): void {
    this.#applied.delete(idOf(object));
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
}

/** `Service shop/edge-edge` */
function idOf(object: KubeObject): `${string} ${ObjectKey}` {
  return `${object.kind} ${objectKey(object)}`;
}
