/**
 * `npm test [-- WORD…]`: every check of the project, fast ones first; all run even when one has failed.
 * A WORD is a stage's name (types, lint, format, generated, unit, envoy, bundle, cluster) or a part of a test file's path;
 * --verbose shows the output of every stage. Progress goes to stderr; stdout gets `N passed, N failed, N skipped`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { requiredParts } from '../src/testing/parts.ts';
import { type JestResult, readJestResult } from './lib/jest.ts';
import { type Ended, Processes } from './lib/processes.ts';
import { type Counts, Progress, sum, summary } from './lib/report.ts';
import { choose, jestArguments, node, type Stage, stageGroups } from './lib/stages.ts';

const TIME_LIMIT_SECONDS = 1800;
const root = resolve(import.meta.dirname, '..');
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const verbose = process.argv.includes('--verbose');
const folder = mkdtempSync(join(tmpdir(), 'evengate-test-'));
const skipLog = join(folder, 'skipped');
const processes = new Processes(root);
const progress = new Progress();
const skippedIn: JestResult['skippedIn'][number][] = [];

process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void interrupted(signal));

async function interrupted(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): Promise<void> {
  progress.stop();
  process.stderr.write(`\n${signal}: ending what runs\n`);
  process.on(signal, () => {}); // npm and the terminal may both send it
  await processes.endAll(5);
  process.exit(128 + constants.signals[signal]);
}

function runNode(stage: Stage, args: readonly string[]): Promise<Ended> {
  return processes.run({
    command: [node, ...args],
    environment: { EVENGATE_SKIP_LOG: skipLog },
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    onOutput: (text) => progress.output(stage.name, text),
  });
}

interface Outcome {
  readonly counts: Counts;
  readonly output: string;
}

async function runTool(stage: Stage & { kind: 'tool' }): Promise<Outcome> {
  let output = '';
  for (const step of stage.steps) {
    const ended = await runNode(stage, step);
    output += ended.output;
    const silent = step === stage.steps.at(-1) && !ended.output.includes(stage.prints ?? '');
    if (silent) output += `${step.join(' ')} did not print ${stage.prints}\n`;
    if (ended.code !== 0 || silent) return { counts: { passed: 0, failed: 1, skipped: 0 }, output };
  }
  return { counts: { passed: 1, failed: 0, skipped: 0 }, output };
}

async function runJest(stage: Stage & { kind: 'jest' }, paths: readonly string[]): Promise<Outcome> {
  const file = join(folder, `${stage.name}.json`);
  const ended = await runNode(stage, jestArguments(stage, paths, file));
  const result = readJestResult(file, ended.code);
  skippedIn.push(...result.skippedIn);
  if (ended.leftRunning.length === 0) return { counts: result.counts, output: ended.output };
  const left = `left running by these tests, which is a failure:\n  ${ended.leftRunning.join('\n  ')}\n`;
  return { counts: { ...result.counts, failed: result.counts.failed + 1 }, output: `${ended.output}${left}` };
}

async function runStage(stage: Stage, paths: readonly string[]): Promise<Counts> {
  progress.start(stage.name);
  const { counts, output } = await (stage.kind === 'tool' ? runTool(stage) : runJest(stage, paths));
  progress.finish(stage.name, counts);
  if (counts.failed > 0 || verbose) progress.say(`${output.trimEnd()}\n`);
  return counts;
}

function sayWhatWasSkipped(): void {
  const reasons = existsSync(skipLog) ? new Set(readFileSync(skipLog, 'utf8').trimEnd().split('\n')) : [];
  const lines = [
    ...reasons,
    ...skippedIn.map(({ file, count }) => `${count} in ${relative(root, file)}`),
    'EVENGATE_REQUIRE=part,... turns the skip of a part into a failure.',
  ];
  if (lines.length > 1) process.stderr.write(`\n==== SKIPPED ====\n${lines.join('\n')}\n=================\n\n`);
}

try {
  requiredParts(); // a typo in EVENGATE_REQUIRE must not pass for a run with everything
} catch (error) {
  process.stderr.write(`npm test: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
const { groups, paths } = choose(stageGroups(root), words);
const results: Counts[] = [];
for (const group of groups) results.push(...(await Promise.all(group.map((stage) => runStage(stage, paths)))));
const total = sum(results);
sayWhatWasSkipped();
const nothing = total.passed + total.failed + total.skipped === 0;
if (nothing) process.stderr.write(`No test file's path contains ${words.join(' or ')}.\n`);
process.exitCode = total.failed > 0 || nothing ? 1 : 0;
process.stdout.write(`${summary(total)}\n`);
