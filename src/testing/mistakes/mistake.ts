import type { Path } from '../leaves.ts';

/** The path into the smallest good spec of the kind, the value put there, what is said of it. */
export type Mistake = readonly [Path, unknown, ...string[]];

/** By kind. */
export type Mistakes = Readonly<Record<string, readonly Mistake[]>>;
