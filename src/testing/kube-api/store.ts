/** etcd: objects, one growing revision, and the changes since the last compaction. */
import { type Stored, storageKey, storageKeyOf, withMetadata } from './stored.ts';
import { type ServedType, typeId } from './types.ts';

/** At least one of the two is there. */
export interface Change {
  readonly revision: number;
  readonly type: ServedType;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
}

export type StoreListener = (change: Change) => void;

export class Store {
  /** Soon gains a digit, which finds code that compares resourceVersions as text. */
  #revision = 9_990;
  #compacted = this.#revision;
  #log: Change[] = [];
  readonly #objects = new Map<string, Map<string, Stored>>();
  /** `all` by type, until the type changes. */
  readonly #sorted = new Map<string, readonly Stored[]>();
  readonly #listeners = new Set<StoreListener>();

  get revision(): number {
    return this.#revision;
  }

  /** Changes up to this revision are forgotten. */
  get compacted(): number {
    return this.#compacted;
  }

  get(type: ServedType, namespace: string, name: string): Stored | undefined {
    return this.#ofType(type).get(storageKey(namespace, name));
  }

  /** In the order of keys. */
  all(type: ServedType): readonly Stored[] {
    const known = this.#sorted.get(typeId(type)) ?? sorted(this.#ofType(type));
    this.#sorted.set(typeId(type), known);
    return known;
  }

  everything(types: readonly ServedType[]): readonly Stored[] {
    return types.flatMap((type) => this.all(type));
  }

  /** The objects as they were; the revision is not compacted. */
  at(type: ServedType, revision: number): readonly Stored[] {
    if (revision >= this.#revision) return this.all(type);
    const objects = new Map(this.#ofType(type));
    for (const change of this.#log.toReversed()) {
      if (change.revision <= revision) break;
      if (typeId(change.type) !== typeId(type)) continue;
      const { before, after } = change;
      if (before !== undefined) objects.set(storageKeyOf(before), before);
      else if (after !== undefined) objects.delete(storageKeyOf(after));
    }
    return sorted(objects);
  }

  changesSince(type: ServedType, revision: number): readonly Change[] {
    return this.#log.filter((change) => change.revision > revision && typeId(change.type) === typeId(type));
  }

  put(type: ServedType, object: Stored): Stored {
    const before = this.#ofType(type).get(storageKeyOf(object));
    const after = withMetadata(object, { resourceVersion: `${++this.#revision}` });
    this.#ofType(type).set(storageKeyOf(after), after);
    this.#changed({ revision: this.#revision, type, before, after });
    return after;
  }

  /** The last state with the revision of its deletion. */
  remove(type: ServedType, object: Stored): Stored {
    this.#ofType(type).delete(storageKeyOf(object));
    const before = withMetadata(object, { resourceVersion: `${++this.#revision}` });
    this.#changed({ revision: this.#revision, type, before: object, after: undefined });
    return before;
  }

  /** As time does: revisions are used up by writes that nobody here sees. */
  skip(revisions: number): void {
    this.#revision += revisions;
  }

  compact(): void {
    this.#compacted = this.#revision;
    this.#log = [];
  }

  subscribe(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(change: Change): void {
    this.#log.push(change);
    this.#sorted.delete(typeId(change.type));
    for (const listener of this.#listeners) listener(change);
  }

  #ofType(type: ServedType): Map<string, Stored> {
    const id = typeId(type);
    const objects = this.#objects.get(id) ?? new Map<string, Stored>();
    this.#objects.set(id, objects);
    return objects;
  }
}

function sorted(objects: ReadonlyMap<string, Stored>): readonly Stored[] {
  return [...objects].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, object]) => object);
}
