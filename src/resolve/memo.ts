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
  /** `read(text)`, remembered: it depends on nothing else. */
  once<T>(text: string, read: (text: string) => T): T;
}

/** Texts are forgotten, all at once, past this many: keys are rotated. */
const rememberedTexts = 1000;

interface Read {
  readonly collection: string;
  /** Undefined: all of the collection was read, and `value` is the collection. */
  readonly key: string | undefined;
  readonly value: unknown;
}

interface Unit<I, O> {
  readonly input: I;
  readonly reads: readonly Read[];
  readonly output: O;
}

/**
 * A result for each object of a collection, in its order; the same Map when no result changed. `compute` must be a pure
 * function of its input and of what it looks up.
 */
export function memoise<I extends object, W extends World, O>(
  compute: (input: I, look: Look<W>) => O,
): (inputs: ReadonlyMap<string, I>, world: W) => ReadonlyMap<string, O> {
  const units = new Map<string, Unit<I, O>>();
  const readNames = new Set<string>();
  const once = readOnce();
  let last: { readonly inputs: unknown; readonly world: W; readonly outputs: ReadonlyMap<string, O> } | undefined;
  return (inputs, world) => {
    const before = last;
    // Should `compute` throw, nothing is taken for unchanged the next time.
    last = undefined;
    const changed = before === undefined || [...readNames].some((name) => world[name] !== before.world[name]);
    if (!changed && before.inputs === inputs) {
      last = before;
      return before.outputs;
    }
    const outputs = new Map<string, O>();
    for (const [key, input] of inputs) {
      let unit = units.get(key);
      if (unit === undefined || unit.input !== input || (changed && !stillTrue(unit.reads, world))) {
        unit = unitOf(compute, input, { world, once });
        units.set(key, unit);
        for (const { collection } of unit.reads) readNames.add(collection);
      }
      outputs.set(key, unit.output);
    }
    if (units.size > inputs.size) for (const key of units.keys()) if (!inputs.has(key)) units.delete(key);
    const same = before !== undefined && sameEntries(before.outputs, outputs);
    last = { inputs, world, outputs: same ? before.outputs : outputs };
    return last.outputs;
  };
}

function unitOf<I, W extends World, O>(
  compute: (input: I, look: Look<W>) => O,
  input: I,
  { world, once }: { readonly world: W; readonly once: Look<W>['once'] },
): Unit<I, O> {
  const reads: Read[] = [];
  const output = compute(input, {
    get(name, key) {
      const value = world[name]?.get(key);
      reads.push({ collection: name, key, value });
      return value as ValueIn<W[typeof name]> | undefined;
    },
    all(name) {
      const value = world[name];
      reads.push({ collection: name, key: undefined, value });
      return value;
    },
    once,
  });
  // A list that was pushed to keeps room for more.
  return { input, reads: reads.slice(), output };
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

function stillTrue(reads: readonly Read[], world: World): boolean {
  for (const { collection, key, value } of reads) {
    const now = world[collection];
    if ((key === undefined ? now : now?.get(key)) !== value) return false;
  }
  return true;
}

/** In the same order, too: a Map's order is seen by those who walk it. */
function sameEntries(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false;
  const others = b.entries();
  for (const [key, value] of a) {
    const other = others.next().value;
    if (other === undefined || other[0] !== key || other[1] !== value) return false;
  }
  return true;
}

/** The last result, while the arguments are the same objects. */
export function rememberLast<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last === undefined || !sameMembers(last.args, args)) last = { args, result: compute(...args) };
    return last.result;
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
