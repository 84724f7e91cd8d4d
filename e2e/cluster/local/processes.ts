/** Processes of this machine, as proc(5) shows them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

export interface Process {
  readonly pid: number;
  /** Its command line. */
  readonly words: readonly string[];
}

export function allProcesses(): readonly Process[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => ({ pid: Number(pid), words: procFile(pid, 'cmdline').split('\0').slice(0, -1) }));
}

/** NaN when the process has just ended. */
export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(procFile(String(pid), 'status'))?.[1]);
}

export function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(procFile(String(pid), 'status'));
}

/** Empty when the process has just ended. */
function procFile(pid: string, name: string): string {
  try {
    return readFileSync(join('/proc', pid, name), 'utf8');
  } catch {
    return '';
  }
}

/** With SIGKILL; one that has ended already is fine. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
