/** What Istio's own tests ask and answer (re-typed in src/testing/mesh/tables) holds at the edge and behind it: real istiod, real Envoys. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isProblem, readPath } from '../src/features/authorize/patterns.ts';
import { operationSchema } from '../src/features/authorize/schema.ts';
import { isTemplate } from '../src/policy/template.ts';
import { type EnvoyVersion, envoyBinary } from '../src/testing/envoy-versions.ts';
import { type Arena, type Judges, startArena } from '../src/testing/mesh/arena.ts';
import { istioOracle } from '../src/testing/mesh/oracle.ts';
import { decisionTables, notOurTests } from '../src/testing/mesh/tables/decisions.ts';
import { namesIn, rowsByName, rowsByPlace } from '../src/testing/mesh/tables/istio-source.ts';
import { differences } from '../src/testing/mesh/tables/play-table.ts';
import { type Table, worldOf } from '../src/testing/mesh/tables/table.ts';
import { areTemplates, literals, pathTemplates } from '../src/testing/mesh/tables/templates.ts';
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
  const source = (path: string) => readFileSync(join(folder ?? '', path), 'utf8');
  const known = (of: string) => [
    ...decisionTables.filter((table) => table.of === of).flatMap(casesOf),
    ...notOurTests.filter((one) => one.of === of).flatMap(({ at }) => at),
  ];

  test.each([...rowsByPlace(source('tests/integration/security/authz_test.go'))])('%s', (name, rows) => {
    expect(new Set(known(name))).toEqual(new Set(rows));
  });

  test.each([...rowsByName(source('tests/integration/security/jwt_test.go'))])('%s', (name, rows) => {
    expect(new Set(known(name))).toEqual(new Set(rows));
  });

  test.each(['TestGenerator_GenerateHTTP', 'TestGenerator_GenerateTCP'])('%s', (name) => {
    const text = source('pilot/pkg/security/authz/builder/builder_test.go');
    expect(new Set(known(name))).toEqual(new Set(namesIn(text, name)));
  });

  test.each([
    ['TestCheckValidPathTemplate', pathTemplates],
    ['TestIsValidLiteral', literals],
    ['TestContainsPathTemplate', areTemplates],
  ])('%s', (name, ours) => {
    expect(ours.map(([one]) => one)).toEqual(namesIn(source('pkg/config/security/security_test.go'), name));
  });
});

describe('path templates', () => {
  test.each(pathTemplates)('%s: %s', (_name, text, valid) => expect(isPath(text)).toBe(valid));
  test.each(literals)('%s: %s', (_name, text, valid) => expect(isPath(`/{*}/${text}`)).toBe(valid));
  test.each(areTemplates)('%s: %s', (_name, text, template) => expect(isTemplate(text)).toBe(template));
});

/** To the schema, and to what reads it. */
function isPath(text: string): boolean {
  return operationSchema.safeParse({ paths: [text] }).success && !isProblem(readPath(text));
}

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
