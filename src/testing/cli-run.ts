/** `evengate run` as its users start it: a process of its own, on a folder of manifests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

const root = resolve(import.meta.dirname, '../..');

/** One line of `run -o json`. */
export interface ReadyLine {
  readonly ready: boolean;
  readonly gateways: readonly {
    readonly name: string;
    readonly listeners: readonly { readonly name: string; readonly address: string; readonly port: number }[];
    readonly revision: string;
  }[];
}

export interface StartOptions {
  /** A program instead of `bin/evengate run`, from the root of the repository. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningCli {
  readonly pid: number;
  /** Its own folder for temporary files: what is left in it after the end is a leak. */
  readonly temporary: string;
  readonly output: { stdout: string; stderr: string };
  /** Code, or the name of the signal. */
  readonly exited: Promise<number | string>;
  /** The next line of stdout that was not asked for yet. Rejects when the process ends first, or after 15 s. */
  line(): Promise<string>;
  /** … as JSON. */
  ready(): Promise<ReadyLine>;
  /** Resolves when stdout or stderr contains the text. */
  says(text: string | RegExp): Promise<void>;
  kill(signal?: NodeJS.Signals): void;
  /** Envoys that were started by it and live. */
  envoys(): readonly number[];
  /** What is left of temporary files. */
  leftovers(): readonly string[];
}

const patienceMs = 15_000;

export function startCli(args: readonly string[], options: StartOptions = {}): RunningCli {
  const temporary = mkdtempSync(join(tmpdir(), 'ev-'));
  const [file = '', ...rest] = options.command ?? ['bin/evengate', 'run'];
  const child = spawn(file, [...rest, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary, ...options.env },
  });
  const output = { stdout: '', stderr: '' };
  let read = 0;
  const exited = endOf(child, output);
  const until = <T>(what: string, look: () => T | undefined): Promise<T> =>
    waitFor(look, { child, exited, failure: () => `${what} did not come:\n${output.stdout}\n${output.stderr}` });
  const line = () =>
    until('a line', () => {
      const end = output.stdout.indexOf('\n', read);
      if (end < 0) return undefined;
      const text = output.stdout.slice(read, end);
      read = end + 1;
      return text;
    });
  const has = (text: string | RegExp) =>
    [output.stdout, output.stderr].some((all) => (typeof text === 'string' ? all.includes(text) : text.test(all)));
  return {
    pid: child.pid ?? 0,
    temporary,
    output,
    exited,
    line,
    ready: async () => JSON.parse(await line()) as ReadyLine,
    says: (text) => until(String(text), () => (has(text) ? true : undefined)).then(() => undefined),
    kill: (signal = 'SIGINT') => child.kill(signal),
    envoys: () => processesNaming(temporary),
    leftovers: () => readdirSync(temporary),
  };
}

/** Ends what is left of it, for `afterEach`. */
export async function endCli(cli: RunningCli | undefined): Promise<void> {
  if (cli === undefined) return;
  cli.kill('SIGTERM');
  const timer = setTimeout(() => cli.kill('SIGKILL'), 10_000);
  await cli.exited;
  clearTimeout(timer);
  rmSync(cli.temporary, { recursive: true, force: true });
}

function endOf(child: ChildProcess, output: { stdout: string; stderr: string }): Promise<number | string> {
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done(code ?? signal ?? ''));
  });
}

interface Wait {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly failure: () => string;
}

async function waitFor<T>(look: () => T | undefined, { child, exited, failure }: Wait): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (ended || performance.now() > deadline) throw new Error(failure());
    await new Promise<void>((next) => {
      const timer = setTimeout(done, 50);
      function done() {
        clearTimeout(timer);
        child.stdout?.off('data', done);
        next();
      }
      child.stdout?.once('data', done);
    });
  }
}

function processesNaming(text: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandOf(pid).includes(`${text}/`)).map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
