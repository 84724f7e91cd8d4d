/**
 * Pay only for what changed: a result is made again when the object it is about, or anything that was looked up for it,
 * is another one. Look-ups record themselves, so that from-scratch and incremental agree by construction.
 */
import { patchedKeys, replaced } from './patched.ts';
import { type Read, Readers, whole } from './readers.ts';

/** Keyed collections of immutable values. A collection that is the same object holds the same values. */
export type World = { readonly [name: string]: Entries<unknown> };

type Entries<T> = ReadonlyMap<string, T>;

type ValueIn<M> = M extends ReadonlyMap<string, infer V> ? V : never;

export interface Look<W extends World> {
  get<K extends keyof W & string>(name: K, key: string): ValueIn<W[K]> | undefined;
  all<K extends keyof W & string>(name: K): W[K];
  /** `read(text)`, remembered: it depends on nothing else. */
  once<T>(text: string, read: (text: string) => T): T;
}

/** Texts are forgotten, all at once, past this many: keys are rotated. */
const rememberedTexts = 1000;

export interface Results<O> {
  /** The same object when nothing changed. */
  readonly all: ReadonlyMap<string, O>;
  /** Since the call before. */
  readonly changes: readonly Change<O>[];
  /** Keys of a collection that the results looked up, there or not, with the keys of the results. */
  readonly reads: (collection: string) => ReadonlyMap<string, ReadonlySet<string>>;
  /** Keys of a collection that the result with this key looked up, there or not. */
  readonly readsOf: (key: string, collection: string) => readonly string[];
}

export interface Change<O> {
  readonly key: string;
  readonly before: O | undefined;
  readonly after: O | undefined;
}

type Compute<I, W extends World, O> = (input: I, look: Look<W>) => O;

/**
 * A result for each object of a collection, in its order. `compute` must be a pure function of its input and of what it
 * looks up. Once it throws, this is of no use any more.
 */
export function memoise<I extends object, W extends World, O extends object>(
  compute: Compute<I, W, O>,
): (inputs: Entries<I>, world: W) => Results<O> {
  const units = new Units(compute);
  let inputs: Entries<I> = new Map();
  let world: World = {};
  let all: Entries<O> = new Map();
  return (nextInputs, nextWorld) => {
    const { changed, sameOrder } = compare(inputs, nextInputs);
    const stale = new Set([...changed, ...units.touched(world, nextWorld)]);
    const changes = [...stale].map((key): Change<O> => {
      const input = nextInputs.get(key);
      const after = input === undefined ? units.forget(key) : units.compute(key, input, nextWorld);
      return { key, before: all.get(key), after };
    });
    const fresh = new Map(changes.map(({ key, after }) => [key, after]));
    if (!sameOrder) all = reordered(all, fresh, nextInputs.keys());
    else if (fresh.size > 0) all = replaced(all, fresh);
    inputs = nextInputs;
    world = nextWorld;
    return {
      all,
      changes,
      reads: (collection) => units.reads(collection),
      readsOf: (key, collection) => units.readsOf(key, collection),
    };
  };
}

function reordered<O>(all: Entries<O>, fresh: Entries<O | undefined>, keys: Iterable<string>): Entries<O> {
  const next = new Map<string, O>();
  for (const key of keys) {
    const output = fresh.get(key) ?? all.get(key);
    if (output !== undefined) next.set(key, output);
  }
  return next;
}

/** Runs `compute`, and remembers what it looked at. */
class Units<I, W extends World, O> {
  readonly #compute: Compute<I, W, O>;
  readonly #once = readOnce();
  readonly #readers = new Readers();

  constructor(compute: Compute<I, W, O>) {
    this.#compute = compute;
  }

  compute(key: string, input: I, world: W): O {
    const reads: Read[] = [];
    const output = this.#compute(input, {
      get(collection, name) {
        reads.push({ collection, key: name });
        return world[collection]?.get(name) as ValueIn<W[typeof collection]> | undefined;
      },
      all(collection) {
        reads.push({ collection, key: whole });
        return world[collection];
      },
      once: this.#once,
    });
    // A list that was pushed to keeps room for more.
    this.#readers.set(key, reads.slice());
    return output;
  }

  reads(collection: string): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#readers.keysOf(collection);
  }

  readsOf(key: string, collection: string): readonly string[] {
    return this.#readers.by(key, collection);
  }

  forget(key: string): undefined {
    this.#readers.set(key, undefined);
  }

  /** Those that read something that is not the same in the other world. */
  *touched(before: World, after: World): Generator<string> {
    for (const collection of this.#readers.collections) {
      const [old, now] = [before[collection] ?? nothing, after[collection] ?? nothing];
      if (old === now) continue;
      yield* this.#readers.of(collection, whole);
      for (const key of compare(old, now).changed) yield* this.#readers.of(collection, key);
    }
  }
}

const nothing: Entries<never> = new Map<string, never>();

interface Comparison {
  /** Keys that came, went or hold another value. */
  readonly changed: readonly string[];
  /** What both hold is in the same order, and what came is behind it. */
  readonly sameOrder: boolean;
}

/** Keys that came, went or hold another value. */
export function changedKeys(before: Entries<unknown>, after: Entries<unknown>): readonly string[] {
  return compare(before, after).changed;
}

function compare(before: Entries<unknown>, after: Entries<unknown>): Comparison {
  if (before === after) return { changed: [], sameOrder: true };
  const patched = patchedKeys(before, after)?.filter((key) => before.get(key) !== after.get(key));
  const changed = patched ?? compareSideBySide(before, after);
  return changed === undefined
    ? { changed: compareKeyByKey(before, after), sameOrder: false }
    : { changed, sameOrder: true };
}

/** Undefined where the order differs. A look-up in a large Map costs several times as much as a step over it. */
function compareSideBySide(before: Entries<unknown>, after: Entries<unknown>): readonly string[] | undefined {
  const changed: string[] = [];
  const others = before.entries();
  const next = (): readonly [string, unknown] | undefined => others.next().value;
  let other = next();
  for (const [key, value] of after) {
    for (; other !== undefined && other[0] !== key && !after.has(other[0]); other = next()) changed.push(other[0]);
    if (other !== undefined && other[0] !== key) return undefined;
    if (other === undefined || other[1] !== value) changed.push(key);
    other = other && next();
  }
  for (; other !== undefined; other = next()) changed.push(other[0]);
  return changed;
}

function compareKeyByKey(before: Entries<unknown>, after: Entries<unknown>): readonly string[] {
  const changed: string[] = [];
  for (const [key, value] of after) if (before.get(key) !== value) changed.push(key);
  for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  return changed;
}

function readOnce(): Look<World>['once'] {
  const readings = new Map<unknown, Map<string, unknown>>();
  return (text, read) => {
    const known = readings.get(read) ?? new Map<string, unknown>();
    readings.set(read, known);
    if (!known.has(text)) {
      if (known.size >= rememberedTexts) known.clear();
      known.set(text, read(text));
    }
    return known.get(text) as ReturnType<typeof read>;
  };
}

/** The last result, while the arguments are the same objects. */
export function rememberLast<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last === undefined || !sameMembers(last.args, args)) last = { args, result: compute(...args) };
    return last.result;
  };
}

export function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((member, index) => member === b[index]);
}
