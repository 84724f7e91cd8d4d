/** Who read what: the way back from what changed to the results that may change with it. */

export interface Read {
  readonly collection: string;
  /** `whole` for all of the collection. */
  readonly key: string;
}

/** No object's key. */
export const whole = '';

/** Readers by key. Most keys have one, which needs no Set. */
type Index = Map<string, string | Set<string>>;

export class Readers {
  readonly #reads = new Map<string, readonly Read[]>();
  readonly #collections = new Set<string>();
  /** Of collections that have changed: a first start need not pay for those that never will. */
  readonly #indexes = new Map<string, Index>();

  /** In place of what the reader read before; undefined where it is gone. */
  set(reader: string, reads: readonly Read[] | undefined): void {
    for (const { collection, key } of this.#reads.get(reader) ?? []) {
      const index = this.#indexes.get(collection);
      if (index !== undefined) remove(index, key, reader);
    }
    if (reads === undefined) this.#reads.delete(reader);
    else this.#reads.set(reader, reads);
    for (const { collection, key } of reads ?? []) {
      this.#collections.add(collection);
      const index = this.#indexes.get(collection);
      if (index !== undefined) add(index, key, reader);
    }
  }

  /** Those that were read. */
  get collections(): Iterable<string> {
    return this.#collections;
  }

  of(collection: string, key: string): Iterable<string> {
    const known = this.#indexOf(collection).get(key) ?? [];
    return typeof known === 'string' ? [known] : known;
  }

  /** Keys of the collection that one reader has read. */
  by(reader: string, collection: string): readonly string[] {
    return (this.#reads.get(reader) ?? []).flatMap((read) => (read.collection === collection ? [read.key] : []));
  }

  /** Every key of the collection that is read now, with its readers. */
  keysOf(collection: string): ReadonlyMap<string, ReadonlySet<string>> {
    const keys = [...this.#indexOf(collection).keys()];
    return new Map(
      keys.map((key) => [key, new Set(this.of(collection, key))] as const).filter(([, { size }]) => size > 0),
    );
  }

  #indexOf(collection: string): Index {
    const known = this.#indexes.get(collection);
    if (known !== undefined) return known;
    const index: Index = new Map();
    for (const [reader, reads] of this.#reads) {
      for (const read of reads) if (read.collection === collection) add(index, read.key, reader);
    }
    this.#indexes.set(collection, index);
    return index;
  }
}

function add(index: Index, key: string, reader: string): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, reader);
  else if (typeof known === 'object') known.add(reader);
  else if (known !== reader) index.set(key, new Set([known, reader]));
}

function remove(index: Index, key: string, reader: string): void {
  const known = index.get(key);
  if (typeof known === 'object') known.delete(reader);
  else if (known === reader) index.delete(key);
}
