/** A large Map with a few values replaced, so that a change among 10,000 does not copy them all. */

/** Past this many, replacements are written into a Map of their own again. */
const mostPatches = 64;

class Patched<V> implements ReadonlyMap<string, V> {
  readonly base: ReadonlyMap<string, V>;
  /** Keys of `base` only. */
  readonly patch: ReadonlyMap<string, V>;

  constructor(base: ReadonlyMap<string, V>, patch: ReadonlyMap<string, V>) {
    this.base = base;
    this.patch = patch;
  }

  get size(): number {
    return this.base.size;
  }

  has(key: string): boolean {
    return this.base.has(key);
  }

  get(key: string): V | undefined {
    return this.patch.get(key) ?? this.base.get(key);
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  *entries(): Generator<[string, V], undefined> {
    for (const [key, value] of this.base) yield [key, this.patch.get(key) ?? value];
  }

  keys(): MapIterator<string> {
    return this.base.keys();
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }
}

/** `map` with other values, in the same order; undefined removes, and new keys come last. */
export function replaced<V extends object>(
  map: ReadonlyMap<string, V>,
  changes: ReadonlyMap<string, V | undefined>,
): ReadonlyMap<string, V> {
  const [base, patch] = map instanceof Patched ? [map.base, new Map(map.patch)] : [map, new Map<string, V>()];
  for (const [key, value] of changes) {
    if (value === undefined || !base.has(key)) return rewritten(map, changes);
    patch.set(key, value);
  }
  return patch.size > mostPatches ? rewritten(map, changes) : new Patched(base, patch);
}

function rewritten<V>(
  map: ReadonlyMap<string, V>,
  changes: ReadonlyMap<string, V | undefined>,
): ReadonlyMap<string, V> {
  const next = new Map(map);
  for (const [key, value] of changes) {
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  }
  return next;
}

/** All keys whose values may differ, where that is known without a walk over both. */
export function patchedKeys(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): readonly string[] | undefined {
  const [old, now] = [before, after].map((map) => (map instanceof Patched ? map : { base: map, patch: new Map() }));
  return old?.base === now?.base
    ? [...new Set([...(old?.patch.keys() ?? []), ...(now?.patch.keys() ?? [])])]
    : undefined;
}
