/** Objects of one resource type as a server last said them, by key. */
import { type KubeObject, type ObjectKey, objectKey } from '../kube/object.ts';
import { sayTheSame } from './project.ts';

export type Change<T extends KubeObject> =
  | { readonly kind: 'added'; readonly key: ObjectKey; readonly object: T }
  | { readonly kind: 'updated'; readonly key: ObjectKey; readonly object: T; readonly previous: T }
  /** `object` is as it was last stored. */
  | { readonly kind: 'deleted'; readonly key: ObjectKey; readonly object: T };

/** An object as it is to be stored, and what identifies it whatever of it is kept. */
export interface Arrival<T extends KubeObject> {
  readonly object: T;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

interface Entry<T extends KubeObject> {
  readonly object: T;
  readonly uid: string | undefined;
  resourceVersion: string | undefined;
}

/**
 * What says the same as before, apart from its resourceVersion, is no change: the object stored before stays (so that what was
 * computed from it stays valid), and only `resourceVersionOf` moves on.
 */
export class Store<T extends KubeObject> {
  readonly #entries = new Map<ObjectKey, Entry<T>>();
  #snapshot: ReadonlyMap<ObjectKey, T> | undefined;

  get size(): number {
    return this.#entries.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#entries.get(key)?.object;
  }

  /** The newest seen, also where it changed nothing that is kept. */
  resourceVersionOf(key: ObjectKey): string | undefined {
    return this.#entries.get(key)?.resourceVersion;
  }

  /** Never changes; made once per change, and the same one until the next. */
  snapshot(): ReadonlyMap<ObjectKey, T> {
    this.#snapshot ??= new Map([...this.#entries].map(([key, { object }]) => [key, object]));
    return this.#snapshot;
  }

  /** Another uid under the same name is another object: the old one is deleted, the new one added. */
  put(arrival: Arrival<T>): readonly Change<T>[] {
    const { object, uid, resourceVersion } = arrival;
    const key = objectKey(object);
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#set(key, arrival);
      return [{ kind: 'added', key, object }];
    }
    const previous = known.object;
    if (known.uid !== uid) {
      this.#set(key, arrival);
      return [
        { kind: 'deleted', key, object: previous },
        { kind: 'added', key, object },
      ];
    }
    if (known.resourceVersion === resourceVersion || sayTheSame(previous, object)) {
      known.resourceVersion = resourceVersion;
      return [];
    }
    this.#set(key, arrival);
    return [{ kind: 'updated', key, object, previous }];
  }

  /** Nothing where another object has taken the name meanwhile. */
  remove(key: ObjectKey, uid: string | undefined): readonly Change<T>[] {
    const known = this.#entries.get(key);
    if (known === undefined || known.uid !== uid) return [];
    this.#entries.delete(key);
    this.#snapshot = undefined;
    return [{ kind: 'deleted', key, object: known.object }];
  }

  /** How many a whole list would take away. */
  lossWith(arrivals: readonly Arrival<T>[]): number {
    const present = new Set(arrivals.map(({ object }) => objectKey(object)));
    return [...this.#entries.keys()].filter((key) => !present.has(key)).length;
  }

  /** A whole list: what is not in it was deleted while nobody watched. */
  replace(arrivals: readonly Arrival<T>[]): readonly Change<T>[] {
    const present = new Set(arrivals.map(({ object }) => objectKey(object)));
    const gone = [...this.#entries].filter(([key]) => !present.has(key));
    return [
      ...gone.flatMap(([key, { uid }]) => this.remove(key, uid)),
      ...arrivals.flatMap((arrival) => this.put(arrival)),
    ];
  }

  #set(key: ObjectKey, { object, uid, resourceVersion }: Arrival<T>): void {
    this.#entries.set(key, { object, uid, resourceVersion });
    this.#snapshot = undefined;
  }
}
