/** Runs a composite action's `run` steps as GitHub's runner does, in their order, on a repository of ours. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { runInNewContext } from 'node:vm';
import { parse } from 'yaml';

export interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string | number>>;
}

export interface Run {
  readonly action: Action;
  /** Work tree that the job has checked out. */
  readonly repository: string;
  /** RUNNER_TEMP, and the files that a step writes to. */
  readonly temp: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** `github.*` */
  readonly github: Readonly<Record<string, unknown>>;
  /** In front of PATH. */
  readonly path: readonly string[];
}

export interface Outcome {
  /** 1 when a step failed. */
  readonly code: number;
  /** Of the steps that ran, their names or what they use. */
  readonly steps: readonly string[];
  readonly log: string;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
}

export function readAction(path: string): Action {
  return parse(readFileSync(path, 'utf8')) as Action;
}

interface Context {
  readonly inputs: Readonly<Record<string, string>>;
  readonly github: Readonly<Record<string, unknown>>;
  readonly steps: Record<string, { readonly outputs: Readonly<Record<string, string>> }>;
}

export async function runAction(run: Run): Promise<Outcome> {
  const { action, temp } = run;
  mkdirSync(temp, { recursive: true });
  const defaults = Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? ''] as const);
  const context: Context = {
    inputs: { ...Object.fromEntries(defaults), ...run.inputs },
    github: run.github,
    steps: {},
  };
  const files = { GITHUB_OUTPUT: 'output', GITHUB_STEP_SUMMARY: 'summary', GITHUB_PATH: 'path' };
  const said: string[] = [];
  const ran: string[] = [];
  let code = 0;
  for (const step of action.runs.steps) {
    if (!wanted(step, context, code === 0)) continue;
    ran.push(step.name ?? step.uses ?? '');
    if (step.run === undefined) continue;
    for (const name of ['output', 'path']) writeFileSync(join(temp, name), name === 'path' ? read(temp, 'path') : '');
    const added = read(temp, 'path').trim().split('\n').toReversed();
    const env = {
      ...process.env,
      ...Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, filled(text, context)])),
      ...Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(temp, file)])),
      RUNNER_TEMP: temp,
      PATH: [...run.path, ...added, process.env['PATH']].join(':'),
    };
    const ended = await bash(step.run, run.repository, env);
    said.push(ended.output);
    code ||= ended.code === 0 ? 0 : 1;
    if (step.id !== undefined) context.steps[step.id] = { outputs: outputsOf(read(temp, 'output')) };
  }
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, filled(value, context)] as const);
  return { code, steps: ran, log: said.join(''), summary: read(temp, 'summary'), outputs: Object.fromEntries(outputs) };
}

/** GitHub's expressions are JavaScript's, as far as this action uses them; what is absent is the empty string. */
function evaluate(expression: string, context: Context): unknown {
  const plain = expression.replaceAll(/\b(inputs|github|steps)((?:\.[\w-]+)+)/g, (_, first: string, rest: string) => {
    return `value(${JSON.stringify([first, ...rest.slice(1).split('.')])})`;
  });
  const value = (path: readonly string[]): unknown => {
    let at: unknown = context;
    for (const name of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
    return at ?? '';
  };
  return runInNewContext(plain, { value, always: () => true });
}

/** Without a status function in it, a condition also asks that no step before has failed. */
function wanted(step: Step, context: Context, well: boolean): boolean {
  const condition = step.if ?? 'true';
  return (well || condition.includes('always()')) && evaluate(condition, context) === true;
}

function filled(text: string, context: Context): string {
  return text.replaceAll(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => String(evaluate(expression, context)));
}

function outputsOf(text: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function read(folder: string, name: string): string {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** As `shell: bash` is defined. */
async function bash(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], { cwd, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.stdin.end();
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (ended) => resolve(ended ?? 1));
  });
  return { code, output };
}
