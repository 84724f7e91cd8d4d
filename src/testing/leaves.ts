/** Reaching into plain values by path, for tests that change one thing at a time. */

export type Path = readonly (string | number)[];

/** Every value inside, containers too, outermost first. */
export function* places(value: unknown, path: Path = []): Generator<{ readonly path: Path; readonly value: unknown }> {
  yield { path, value };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    yield* places(child, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

/** A copy with the value at the path changed; `undefined` removes it. */
export function changed(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (Array.isArray(value)) {
    const index = Number(key);
    const item = changed(value[index], rest, change);
    return item === undefined ? value.toSpliced(index, 1) : value.toSpliced(index, 1, item);
  }
  const { [key]: old, ...others } = { ...(value as Readonly<Record<string, unknown>>) };
  const inner = changed(old, rest, change);
  // The order of fields shows in messages.
  return inner === undefined ? others : { ...(value as object), [key]: inner };
}
