import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { endCli, type RunningCli, startCli } from '../src/testing/cli-run.ts';
import { envoyForTests } from '../src/testing/envoy.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const env = { EVENGATE_ENVOY: 'binary' in found ? found.binary : '' };
const root = resolve(import.meta.dirname, '..');

let cli: RunningCli | undefined;
afterEach(async () => {
  await endCli(cli);
  cli = undefined;
});

function start(): RunningCli {
  cli = startCli([], { env, command: [process.execPath, 'scripts/start.ts'] });
  return cli;
}

/** The lines to paste, each with the status that the line before it promises. */
function promises(text: string): readonly (readonly [number, string])[] {
  return [...text.matchAll(/^ {2}# (\d{3}): .*\n {2}(.*)$/gm)].map(([, status, command]) => [
    Number(status),
    command ?? '',
  ]);
}

suite('npm start', () => {
  test('prints listeners, routes, who guards them, and curl lines that give what they promise', async () => {
    const demo = start();
    await demo.says('Ctrl-C ends everything');
    expect(demo.output.stdout).toMatch(
      /^ {2}gateways\/edge +https +443 +https:\/\/127\.0\.0\.1:\d+ +\*\.shop\.example\.com$/m,
    );
    expect(demo.output.stdout).toMatch(
      /POST \/orders +shop\/orders:80 +token of login\.shop\.example\.com \+ writers +3 a minute by sub$/m,
    );
    const lines = promises(demo.output.stdout);
    expect([...new Set(lines.map(([status]) => status))].toSorted((a, b) => a - b)).toEqual([
      200, 301, 401, 403, 404, 429,
    ]);
    for (const [status, command] of lines) {
      const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: root });
      expect([command, stdout.trim().split('\n').at(-1)]).toEqual([command, String(status)]);
    }
  }, 30_000);

  test('Ctrl-C ends all of it, with a word', async () => {
    const demo = start();
    await demo.says('Ctrl-C ends everything');
    demo.kill('SIGINT');
    expect(await demo.exited).toBe(0);
    expect(demo.output.stdout).toMatch(/Goodbye: .*\n$/);
    expect([demo.envoys(), demo.leftovers()]).toEqual([[], []]);
  });

  test('two at once find ports of their own', async () => {
    const demo = start();
    await demo.says('Ctrl-C ends everything');
    const second = startCli([], { env, command: [process.execPath, 'scripts/start.ts'] });
    try {
      await second.says('Ctrl-C ends everything');
    } finally {
      await endCli(second);
    }
  }, 20_000);
});
