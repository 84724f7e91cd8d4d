/** What the caches hold, as the collections of a Snapshot: an object is another one only when what we read of it changed. */
import { type KubeObject, type ObjectKey, objectKey } from '../../kube/object.ts';
import type { Collection } from '../../kube/snapshot.ts';
import { replaced } from '../../resolve/patched.ts';

/** One change of a cache. */
export interface CacheChange<T extends KubeObject = KubeObject> {
  readonly kind: 'added' | 'updated' | 'deleted';
  readonly key: ObjectKey;
  readonly object: T;
}

/** A cache of one resource type, as `runtime` has it. */
export interface Cache<T extends KubeObject = KubeObject> {
  get(key: ObjectKey): T | undefined;
  /** Immutable. */
  snapshot(): ReadonlyMap<ObjectKey, T>;
  /** Newer than the object's own where nothing that is kept of it changed. */
  resourceVersionOf(key: ObjectKey): string | undefined;
  onChange(listener: (changes: readonly CacheChange<T>[]) => void): () => void;
}

/** A Collection that follows a cache through `read`, which tells what of an object is looked at. */
export class Following<T extends KubeObject> {
  #all: Collection<T>;
  #pending = new Map<ObjectKey, T | undefined>();
  readonly #read: (object: T) => T;
  readonly #same: (before: T, after: T) => boolean;

  constructor(cache: Cache<T>, read: (object: T) => T, same: (before: T, after: T) => boolean) {
    this.#read = read;
    this.#same = same;
    this.#all = new Map([...cache.snapshot().values()].map((object) => [objectKey(object), read(object)]));
    cache.onChange((changes) => {
      for (const change of changes) this.#take(change);
    });
  }

  /** The same object while nothing changed. */
  get all(): Collection<T> {
    if (this.#pending.size > 0) this.#all = replaced(this.#all, this.#pending);
    this.#pending = new Map();
    return this.#all;
  }

  #take({ kind, key, object }: CacheChange<T>): void {
    if (kind === 'deleted') {
      this.#pending.set(key, undefined);
      return;
    }
    const before = this.#pending.has(key) ? this.#pending.get(key) : this.#all.get(key);
    if (before !== undefined && this.#same(before, object)) return;
    this.#pending.set(key, this.#read(object));
  }
}

/** Of an object of ours: what its author wrote. Its status is another matter. */
export function written(object: KubeObject): KubeObject {
  const { name, namespace, uid, generation, deletionTimestamp } = object.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
  return { apiVersion: object.apiVersion, kind: object.kind, metadata, spec: object.spec };
}

/** A generation is one spec. */
export function sameWritten({ metadata: before }: KubeObject, { metadata: after }: KubeObject): boolean {
  return (
    before.uid === after.uid &&
    before.generation === after.generation &&
    before.deletionTimestamp === after.deletionTimestamp
  );
}
