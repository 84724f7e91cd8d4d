/**
 * Pay only for what changed: a result is reused while the object it is about, and everything that was looked up for it,
 * is the same. Look-ups record themselves, so that from-scratch and incremental agree by construction.
 */

/** Keyed collections of immutable values. A collection that is the same object holds the same values. */
export type World = { readonly [name: string]: ReadonlyMap<string, unknown> };

type ValueIn<M> = M extends ReadonlyMap<string, infer V> ? V : never;

export interface Look<W extends World> {
  get<K extends keyof W & string>(name: K, key: string): ValueIn<W[K]> | undefined;
  all<K extends keyof W & string>(name: K): W[K];
}

/** Reads of one collection: by key, or of all of it. */
interface Read {
  collection: ReadonlyMap<string, unknown>;
  readonly values: Map<string, unknown>;
  whole: boolean;
}

interface Cached<W extends World, O> {
  world: W;
  readonly reads: Map<string, Read>;
  readonly output: O;
}

/** `compute` must be a pure function of its input and of what it looks up. */
export function memoise<I extends object, W extends World, O>(
  compute: (input: I, look: Look<W>) => O,
): (input: I, world: W) => O {
  const cache = new WeakMap<I, Cached<W, O>>();
  return (input, world) => {
    const cached = cache.get(input);
    if (cached !== undefined && (cached.world === world || stillTrue(cached.reads, world))) {
      cached.world = world;
      return cached.output;
    }
    const reads = new Map<string, Read>();
    const output = compute(input, recording(world, reads));
    cache.set(input, { world, reads, output });
    return output;
  };
}

function stillTrue(reads: ReadonlyMap<string, Read>, world: World): boolean {
  for (const [name, read] of reads) {
    const collection = world[name];
    if (collection === undefined || collection === read.collection) continue;
    if (read.whole) return false;
    for (const [key, value] of read.values) {
      if (collection.get(key) !== value) return false;
    }
    read.collection = collection;
  }
  return true;
}

function recording<W extends World>(world: W, reads: Map<string, Read>): Look<W> {
  const readOf = (name: string, collection: ReadonlyMap<string, unknown>): Read => {
    const known = reads.get(name);
    if (known !== undefined) return known;
    const read: Read = { collection, values: new Map(), whole: false };
    reads.set(name, read);
    return read;
  };
  return {
    get<K extends keyof W & string>(name: K, key: string) {
      const collection = world[name] as W[K];
      const value = collection.get(key);
      readOf(name, collection).values.set(key, value);
      return value as ValueIn<W[K]> | undefined;
    },
    all(name) {
      const collection = world[name] as W[typeof name];
      readOf(name, collection).whole = true;
      return collection;
    },
  };
}

/** `next`, with every list, and the map itself, replaced by the previous one where they are equal member by member. */
export function stabilise<T>(
  previous: ReadonlyMap<string, readonly T[]>,
  next: ReadonlyMap<string, readonly T[]>,
): ReadonlyMap<string, readonly T[]> {
  let changed = previous.size !== next.size;
  const stable = new Map<string, readonly T[]>();
  for (const [key, list] of next) {
    const before = previous.get(key);
    const same = before !== undefined && sameMembers(before, list);
    changed ||= !same;
    stable.set(key, same ? before : list);
  }
  return changed ? stable : previous;
}

export function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((member, index) => member === b[index]);
}
