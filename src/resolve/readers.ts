/** Who read what: the way back from what changed to the results that may change with it. */

export interface Read {
  readonly collection: string;
  /** `whole` for all of the collection. */
  readonly key: string;
}

/** No object's key. */
export const whole = '';

export class Readers {
  /** By collection and key. Most keys have one reader, which needs no Set. */
  readonly #readers = new Map<string, Map<string, string | Set<string>>>();

  add(reader: string, { collection, key }: Read): void {
    const keys = this.#readers.get(collection) ?? new Map<string, string | Set<string>>();
    this.#readers.set(collection, keys);
    const known = keys.get(key);
    if (known === undefined) keys.set(key, reader);
    else if (typeof known === 'object') known.add(reader);
    else if (known !== reader) keys.set(key, new Set([known, reader]));
  }

  remove(reader: string, { collection, key }: Read): void {
    const keys = this.#readers.get(collection);
    const known = keys?.get(key);
    if (typeof known === 'object') known.delete(reader);
    else if (known === reader) keys?.delete(key);
  }

  get collections(): Iterable<string> {
    return this.#readers.keys();
  }

  of(collection: string, key: string): Iterable<string> {
    const known = this.#readers.get(collection)?.get(key) ?? [];
    return typeof known === 'string' ? [known] : known;
  }
}
