/** Chance that can be repeated: the seed is in the name of what fails. */
import { randomInt } from 'node:crypto';
import { fuzz } from '../../../src/testing/fuzz.ts';

/** As the generated tests: always the same one, another one each time with EVENGATE_FUZZ_RUNS, or EVENGATE_FUZZ_SEED. */
export function chooseSeed(): number {
  return fuzz(1).seed ?? randomInt(1, 2 ** 31);
}

export interface Random {
  /** From 0 up to, not including, `end`. */
  below(end: number): number;
  pick<T>(from: readonly T[]): T;
  shuffled<T>(from: readonly T[]): T[];
}

/** mulberry32 */
export function seeded(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick: <T>(from: readonly T[]) => from[below(from.length)] as T,
    shuffled: (from) =>
      from
        .map((one) => ({ one, at: next() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ one }) => one),
  };
}
