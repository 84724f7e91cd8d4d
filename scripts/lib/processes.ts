/** Child processes of the test run, each in its own process group, so that all of it can be ended and checked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Ended {
  /** Exit code; 1 when a signal ended it. */
  readonly code: number;
  /** stdout and stderr as they came. */
  readonly output: string;
  /** Commands of processes that outlived the child and had to be ended. */
  readonly leftRunning: readonly string[];
}

export interface Command {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeLimitSeconds: number;
  readonly onOutput?: (text: string) => void;
}

export class Processes {
  readonly #running = new Set<ChildProcess>();
  readonly #root: string;
  #closing = false;

  constructor(root: string) {
    this.#root = root;
  }

  /** Runs a command to its end. Never rejects: a command that cannot start is a failure with its reason as output. */
  async run(command: Command): Promise<Ended> {
    const [file = '', ...args] = command.command;
    const child = spawn(file, args, {
      cwd: this.#root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...command.environment },
    });
    this.#running.add(child);
    const chunks: string[] = [];
    const take = (text: string) => {
      chunks.push(text);
      command.onOutput?.(text);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const timer = setTimeout(() => {
      take(`\nended after ${command.timeLimitSeconds} s, its time limit\n`);
      signalGroup(child, 'SIGKILL');
    }, command.timeLimitSeconds * 1000);
    const code = await ending(child, take);
    clearTimeout(timer);
    const leftRunning = await endRest(child);
    this.#running.delete(child);
    if (this.#closing) await new Promise(() => {}); // what endAll has ended is no result
    return { code, output: chunks.join(''), leftRunning };
  }

  /** Ends every child and all it started: politely, then for good after `graceSeconds`. */
  async endAll(graceSeconds: number): Promise<void> {
    this.#closing = true;
    const children = [...this.#running];
    for (const child of children) signalGroup(child, 'SIGTERM');
    const deadline = Date.now() + graceSeconds * 1000;
    while (Date.now() < deadline && children.some((child) => groupMembers(child).length > 0)) await sleep(50);
    for (const child of children) signalGroup(child, 'SIGKILL');
  }
}

/** Resolves with the exit code once the child is gone; its pipes get a moment, as a leaked process may hold them. */
function ending(child: ChildProcess, take: (text: string) => void): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      take(`could not start: ${error.message}\n`);
      resolve(1);
    });
    child.once('close', (code) => resolve(code ?? 1));
    child.once('exit', (code) => setTimeout(() => resolve(code ?? 1), 1000));
  });
}

async function endRest(child: ChildProcess): Promise<readonly string[]> {
  const deadline = Date.now() + 1000; // helpers such as esbuild's end by themselves a moment after their parent
  while (groupMembers(child).length > 0 && Date.now() < deadline) await sleep(50);
  const rest = groupMembers(child);
  if (rest.length > 0) signalGroup(child, 'SIGKILL');
  return rest;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // nobody is left in the group
  }
}

/** Commands of the living processes in the child's group; zombies (a container's init may reap none) do not count. */
function groupMembers(child: ChildProcess): readonly string[] {
  if (child.pid === undefined) return [];
  const group = String(child.pid);
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? memberOf(group, name) : []));
  } catch {
    return []; // no /proc: not Linux, no check
  }
}

function memberOf(group: string, pid: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (processGroup !== group || state === 'Z' || state === 'X') return [];
    return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 120)}`];
  } catch {
    return []; // it ended while we looked
  }
}
