/** What Istio's own tests ask and answer (re-typed in src/testing/mesh/tables) holds at the edge and behind it: real istiod, real Envoys. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type EnvoyVersion, envoyBinary } from '../src/testing/envoy-versions.ts';
import { type Arena, type Judges, startArena } from '../src/testing/mesh/arena.ts';
import { istioOracle } from '../src/testing/mesh/oracle.ts';
import { decisionTables, notOurTests } from '../src/testing/mesh/tables/decisions.ts';
import { rowsByName, rowsByPlace } from '../src/testing/mesh/tables/istio-source.ts';
import { differences } from '../src/testing/mesh/tables/play-table.ts';
import { type Table, worldOf } from '../src/testing/mesh/tables/table.ts';
import { istioTokens } from '../src/testing/mesh/tables/tokens.ts';
import { testTokens } from '../src/testing/mesh/tokens.ts';
import { goProgram, moduleFolder, judges as programs } from './tools/go-program.ts';

const program = await goProgram(programs.istio);
const edge = await envoyBinary('1.40.0');
const oracle = 'skip' in program ? undefined : istioOracle(program.binary);
const tokens = await istioTokens();

afterAll(() => oracle?.stop());

const folder = 'skip' in program ? undefined : await moduleFolder(programs.istio, 'istio.io/istio');

(folder === undefined ? describe.skip : describe)('every case of Istio is played, or listed with its reason', () => {
  const source = (name: string) => readFileSync(join(folder ?? '', 'tests/integration/security', name), 'utf8');
  const known = (of: string) => [
    ...decisionTables.filter((table) => table.of === of).flatMap(casesOf),
    ...notOurTests.filter((one) => one.of === of).flatMap(({ at }) => at),
  ];

  test.each([...rowsByPlace(source('authz_test.go'))])('%s', (name, rows) => {
    expect(new Set(known(name))).toEqual(new Set(rows));
  });

  test.each([...rowsByName(source('jwt_test.go'))])('%s', (name, rows) => {
    expect(new Set(known(name))).toEqual(new Set(rows));
  });
});

function casesOf({ rows, notOurs = [] }: Table): readonly (number | string)[] {
  return [...rows.flatMap(({ at }) => (at === undefined ? [] : [at])), ...notOurs.flatMap(({ at }) => at)];
}

/** Each in both layers; without mutual TLS there is nothing to a waypoint. */
const played = decisionTables.flatMap((table) =>
  (['Sidecar', 'Waypoint'] as const)
    .filter((mode) => mode === 'Sidecar' || !isAboutPlaintext(table))
    .map((mode) => ({ table, mode, world: worldOf(table, mode) })),
);

function isAboutPlaintext({ rows }: Table): boolean {
  return rows.some(({ answers }) => answers.plaintext !== undefined);
}

for (const version of ['1.40.0', '1.39.3'] as const) {
  const mesh = await envoyBinary(version);
  if (oracle === undefined || 'skip' in edge || 'skip' in mesh)
    describe.skip(`Envoy ${version}`, () => test.todo('decisions'));
  else decisions(version, { oracle, edgeBinary: edge.binary, meshBinary: mesh.binary });
}

function decisions(version: EnvoyVersion, judges: Omit<Judges, 'version' | 'tokens'>): void {
  describe(`Envoy ${version}`, () => {
    let arena: Arena | undefined;
    beforeAll(async () => {
      const ours = await testTokens();
      const known = { ...ours, jwks: { ...ours.jwks, a: tokens.jwks } };
      arena = await startArena(
        played.map(({ world }) => world),
        { ...judges, version, tokens: known },
      );
    }, 120_000);
    afterAll(() => arena?.stop());

    test.each(played.map(({ table, mode }, index) => [`${table.of}, ${mode} ${index}`, table, index] as const))(
      '%s',
      async (_name, table, world) => {
        if (arena === undefined) throw new Error('there is no arena');
        expect(await differences(arena, { world, table, tokens })).toEqual([]);
      },
      60_000,
    );
  });
}
