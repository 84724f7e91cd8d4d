/** How much the generated tests generate. */
import process from 'node:process';

const USUAL = 1500;
const SEED = 20_261_121;

/** What fast-check is told about one property. Without a seed it rolls one, and names it when it fails. */
export interface FuzzSize {
  readonly numRuns: number;
  readonly seed?: number;
}

/**
 * The usual number of runs, always the same ones: a commit that passes here passes everywhere.
 * EVENGATE_FUZZ_RUNS=15000 (a night's size) makes it ten times as many of new ones, as 1,500 is the usual size;
 * EVENGATE_FUZZ_SEED repeats those of a failure.
 */
export function fuzz(usual: number, environment: NodeJS.ProcessEnv = process.env): FuzzSize {
  const wanted = whole('EVENGATE_FUZZ_RUNS', environment);
  const seed = whole('EVENGATE_FUZZ_SEED', environment) ?? (wanted === undefined ? SEED : undefined);
  const numRuns = Math.max(1, Math.round((usual * (wanted ?? USUAL)) / USUAL));
  return { numRuns, ...(seed === undefined ? {} : { seed }) };
}

/** The same for `fc.sample`, which names no seed: where there is none, the usual one. */
export function sampling(usual: number): Required<FuzzSize> {
  return { seed: SEED, ...fuzz(usual) };
}

function whole(name: string, environment: NodeJS.ProcessEnv): number | undefined {
  const text = environment[name] ?? '';
  if (text === '') return undefined;
  if (!/^-?\d{1,10}$/.test(text))
    throw new Error(`${name} is ${JSON.stringify(text)}; write a whole number, such as 15000.`);
  return Number(text);
}
