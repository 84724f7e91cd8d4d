/** Edge and mesh decide alike: generated policies, real istiod's filters, real Envoys, and the very requests that the edge forwards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { type EnvoyVersion, envoyBinary, envoyVersions } from '../src/testing/envoy-versions.ts';
import type { Judges } from '../src/testing/mesh/arena.ts';
import { istioOracle } from '../src/testing/mesh/oracle.ts';
import { caseText, type Difference, play, shrink, type Tally } from '../src/testing/mesh/play.ts';
import { testTokens } from '../src/testing/mesh/tokens.ts';
import { type World, worlds } from '../src/testing/mesh/worlds.ts';
import { goProgram, judges as programs } from './tools/go-program.ts';

const nightly = process.env['EVENGATE_NIGHTLY'] === '1';
const sets = Number(process.env['EVENGATE_SETS'] ?? (nightly ? 2000 : 200));
const seed = Number(process.env['EVENGATE_FUZZ_SEED'] ?? (nightly ? Date.now() % 2 ** 31 : 20_261_121));
const size = { outside: 50, inside: 10 };
const batch = 25;
const timeout = 300_000 + sets * 2000;

const program = await goProgram(programs.istio);
const found = await Promise.all(envoyVersions.map(async (version) => [version, await envoyBinary(version)] as const));
const binaries = found.flatMap(([version, one]) => ('skip' in one ? [] : [[version, one.binary] as const]));
const edgeBinary = binaries.find(([version]) => version === '1.40.0')?.[1];
const tokens = await testTokens();
const oracle = 'skip' in program ? undefined : istioOracle(program.binary);
const suite = oracle === undefined || edgeBinary === undefined ? describe.skip : describe;

suite('edge and mesh decide alike', () => {
  afterAll(() => oracle?.stop());

  test.each(cases())(
    '%s',
    async (_name, { declared, world }) => {
      const played = await play([world], judgesFor(0));
      expect(played.differences.map(({ sentence }) => sentence)).toEqual([]);
      // A reason that no longer stands has to go.
      expect(played.declared).toEqual(declared === undefined ? [] : [declared]);
    },
    60_000,
  );

  test(
    `${sets} sets of policies, seed ${seed}`,
    async () => {
      const all = fc.sample(worlds(size), { seed, numRuns: sets });
      const tally: Record<string, number> = {};
      for (let from = 0, turn = 0; from < all.length; from += batch, turn += 1) {
        const some = all.slice(from, from + batch);
        const judges = judgesFor(turn);
        const { differences, tally: seen } = await play(some, judges);
        add(tally, seen);
        const [first] = differences;
        if (first !== undefined) throw new Error(await told(some, first, judges));
      }
      process.stderr.write(`edge and mesh: ${JSON.stringify(tally)}\n`);
      // Comparing refusals alone would prove little.
      expect(tally['admitted 200'] ?? 0).toBeGreaterThan(sets);
    },
    timeout,
  );
});

/** Every second batch meets the newest Envoy, the others take turns. */
function judgesFor(turn: number): Judges {
  const others = binaries.filter(([version]) => version !== '1.40.0');
  const older = turn % 2 === 0 ? undefined : others[((turn - 1) / 2) % Math.max(1, others.length)];
  const [version, meshBinary] = older ?? (['1.40.0', edgeBinary ?? ''] as readonly [EnvoyVersion, string]);
  if (oracle === undefined || edgeBinary === undefined) throw new Error('there is nobody to judge');
  return { oracle, edgeBinary, meshBinary, version, tokens };
}

interface Case {
  /** The reason why edge and mesh may differ here, as long as they do (compare.ts). */
  readonly declared?: string;
  readonly world: World;
}

function cases(): readonly (readonly [string, Case])[] {
  const folder = join(import.meta.dirname, '../src/testing/mesh/cases');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => [name, parse(readFileSync(join(folder, name), 'utf8')) as Case]);
}

function add(tally: Record<string, number>, more: Tally): void {
  for (const [key, count] of Object.entries(more)) tally[key] = (tally[key] ?? 0) + count;
}

async function told(some: readonly World[], first: Difference, judges: Judges): Promise<string> {
  const world = some[first.world];
  if (world === undefined) return first.sentence;
  const small = await shrink(world, first, judges);
  const { differences } = await play([small], judges);
  const [again = first] = differences;
  return [
    `seed ${seed}, Envoy ${judges.version}: ${again.sentence}`,
    JSON.stringify(again.seen),
    'As src/testing/mesh/cases/NAME.yaml:',
    caseText(small, again.sentence),
  ].join('\n');
}
