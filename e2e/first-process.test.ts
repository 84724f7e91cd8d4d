/** As the first process of a container is: the kernel drops signals that it does not listen to. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { requirePart } from '../src/testing/parts.ts';
import { allProcesses, parentOf } from './cluster/local/processes.ts';

const can = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;
if (!can) requirePart('root', 'this machine does not let us make PID namespaces (unshare fails); run as root');

const main = join(import.meta.dirname, '../src/main.ts');
let unshare: ReturnType<typeof spawn> | undefined;
afterEach(() => {
  unshare?.kill('SIGKILL');
});

(can ? test : test.skip)(
  'a command that does not care about signals ends at once',
  async () => {
    // It waits for its input.
    const words = ['--pid', '--fork', '--kill-child', process.execPath, main, 'lint', '-f', '-'];
    const child = spawn('unshare', words, { stdio: ['pipe', 'ignore', 'ignore'] });
    unshare = child;
    const ended = once(child, 'exit');
    // While Node starts, signals are lost.
    while (child.exitCode === null && child.signalCode === null) {
      const own = allProcesses().find(({ pid }) => parentOf(pid) === child.pid);
      // It may have just ended.
      if (own !== undefined) spawnSync('kill', ['-TERM', String(own.pid)]);
      await sleep(20);
    }
    expect(await ended).toEqual([143, null]);
  },
  20_000,
);
