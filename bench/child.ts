/** A measurement in a process of its own, so that nothing before it has warmed it up or filled its memory. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

export type Child<T> = (args: readonly string[], flags?: readonly string[]) => Promise<T>;

/** Of the operator's container: a larger young generation costs memory and saves no time. */
export const operatorFlags = ['--max-semi-space-size=16'];

/** `bench/<script>` bundled, as what is published is: each call of `use`'s argument runs it and reads the JSON that it prints. */
export async function withChild<T, R>(script: string, use: (run: Child<T>) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-bench-'));
  const outfile = join(folder, 'child.mjs');
  try {
    const entry = fileURLToPath(new URL(script, import.meta.url));
    const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node22',
      banner: { js: banner },
    });
    return await use(async (args, flags = operatorFlags) => {
      const { stdout } = await promisify(execFile)(process.execPath, [...flags, outfile, ...args], {
        maxBuffer: 1 << 24,
      });
      return JSON.parse(stdout) as T;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
