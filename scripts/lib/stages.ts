/** The stages of `npm test`, fast first. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

interface ToolStage {
  readonly kind: 'tool';
  readonly name: string;
  /** Run one after another; counts as one test. Arguments of this very Node. */
  readonly steps: readonly (readonly string[])[];
  /** What the last step has to print. */
  readonly prints?: string;
}

interface JestStage {
  readonly kind: 'jest';
  readonly name: string;
  /** jest's --testMatch. */
  readonly match: readonly string[];
  /** More of jest's options. */
  readonly options?: readonly string[];
}

export type Stage = ToolStage | JestStage;

/** Groups run one after another; the stages of one group run side by side. */
export function stageGroups(root: string): readonly (readonly Stage[])[] {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  // Whole paths: jest does not put <rootDir> into a glob that begins with "!".
  const onCluster = [
    'cluster',
    'cluster/**/*',
    'kube-api',
    '{operator,helm,gitops,kubectl,mesh,observability,docs}/**/*',
  ];
  const clusterTests = onCluster.map((path) => `${root}/e2e/${path}.test.ts`);
  const except = (globs: readonly string[]) => globs.map((glob) => `!${glob}`);
  const slowTests = [`${root}/**/*.envoy.test.ts`, `${root}/e2e/**/*.test.ts`];
  /** The operator and its runtime against an API server that is a model, with every fault that we know of. */
  const simulations = [
    'src/controllers/{operator,preflight}',
    'src/runtime',
    'src/delivery/configmap',
    'src/testing/kube-api',
  ].map((folder) => `${root}/${folder}/**/*.test.ts`);
  const unitTests = [`${root}/**/*.test.ts`, ...except([...slowTests, ...simulations])];
  const envoyTests = [...slowTests, ...except(clusterTests)];
  // One file after another: they share one cluster, which a jest worker could not hand to the next.
  const serial = ['--runInBand', `--testSequencer=${root}/scripts/lib/by-path.ts`, '--testTimeout=300000'];
  const tool = (name: string, ...steps: readonly (readonly string[])[]): ToolStage => ({ kind: 'tool', name, steps });
  const generated = existsSync(join(root, 'scripts/gen.ts')) ? [tool('generated', ['scripts/gen.ts', '--check'])] : [];
  return [
    [
      tool('types', ['node_modules/typescript/bin/tsc', '--noEmit']),
      tool('lint', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']),
      tool('format', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']),
    ],
    generated,
    [{ kind: 'jest', name: 'unit', match: unitTests }],
    [{ kind: 'jest', name: 'simulation', match: [...simulations, ...except(slowTests)] }],
    [{ kind: 'jest', name: 'envoy', match: envoyTests }],
    [{ ...tool('bundle', ['scripts/build.ts'], ['dist/evengate.js', 'version']), prints: version }],
    [{ kind: 'jest', name: 'cluster', match: clusterTests, options: serial }],
  ];
}

/** Words that name stages choose stages; any other word chooses test files by a part of their path. */
export function choose(groups: readonly (readonly Stage[])[], words: readonly string[]): Choice {
  const names = new Set(groups.flat().map((stage) => stage.name));
  const chosen = words.filter((word) => names.has(word));
  const paths = words.filter((word) => !names.has(word));
  const wanted = (stage: Stage) =>
    words.length === 0 || (chosen.length > 0 ? chosen.includes(stage.name) : stage.kind === 'jest');
  return { groups: groups.map((group) => group.filter(wanted)).filter((group) => group.length > 0), paths };
}

export interface Choice {
  readonly groups: readonly (readonly Stage[])[];
  readonly paths: readonly string[];
}

/** The command of a jest stage, all but the Node that runs it. */
export function jestArguments(stage: JestStage, paths: readonly string[], outputFile: string): readonly string[] {
  return [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    ...(paths.length > 0 ? ['--passWithNoTests'] : []), // a whole stage without tests is a mistake
    '--json',
    `--outputFile=${outputFile}`,
    ...(stage.options ?? []),
    ...stage.match.map((glob) => `--testMatch=${glob}`),
    ...paths.map((path) => `--testPathPatterns=${path}`),
  ];
}

export const node = process.execPath;
