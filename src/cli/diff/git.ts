/** Git as a process. */
import { spawn } from 'node:child_process';

/** Why nothing can be read: one sentence without a full stop. */
export class GitUnreadable extends Error {
  override readonly name = 'GitUnreadable';
}

export interface Ran {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** In `folder`, whatever it ends with. Throws GitUnreadable where there is no git. */
export async function git(folder: string, args: readonly string[], input = ''): Promise<Ran> {
  return await new Promise((done, fail) => {
    const child = spawn('git', ['-C', folder, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', (error: Error & { readonly code?: string }) => {
      fail(error.code === 'ENOENT' ? new GitUnreadable('git is not installed, which reads what a ref holds') : error);
    });
    child.once('close', (code) => {
      done({ code: code ?? 1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
    // Git may end before it has read all: its exit code says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Of what git complains of, without a full stop. */
export function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/^fatal: /, 'git: ').replace(/\.$/, '');
}
