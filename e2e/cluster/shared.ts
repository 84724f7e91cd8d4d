/**
 * One value for all test files of a jest process and for its global teardown. Each test file has globals and modules of
 * its own, and only Node's modules are the same objects in all of them.
 */
import events from 'node:events';

const key = Symbol.for('evengate.cluster');
const holder = events as unknown as { [key]?: unknown };

/** Made by the first who asks. */
export function shared<T>(make: () => T): T {
  holder[key] ??= make();
  return holder[key] as T;
}

/** Undefined when nobody has asked. */
export function taken<T>(): T | undefined {
  return holder[key] as T | undefined;
}

const endsKey = Symbol.for('evengate.cluster.ends');
const ends = events as unknown as { [endsKey]?: (() => Promise<unknown>)[] };

/** Runs before the cluster ends, last one first: for what a run adds to a cluster that may go on without it. */
export function atEnd(act: () => Promise<unknown>): void {
  ends[endsKey] = [act, ...(ends[endsKey] ?? [])];
}

/** What was to run at the end; each once. */
export function takeEnds(): readonly (() => Promise<unknown>)[] {
  const all = ends[endsKey] ?? [];
  ends[endsKey] = [];
  return all;
}
