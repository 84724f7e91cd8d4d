import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { fakeIo } from '../testing/fake-io.ts';
import { runProgram } from './program.ts';

/** `a 'b c'` as a shell splits it. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

const lines = readFileSync('README.md', 'utf8')
  .split('\n')
  .flatMap((line) => /^ {4}bin\/evengate (.*)$/.exec(line)?.[1] ?? []);

/** `run` stays up: cli/run.envoy.test.ts and scripts/start.envoy.test.ts show it. */
const ending = lines.filter((line) => !line.startsWith('run '));

test('the README shows commands', () => {
  expect(ending.length).toBeGreaterThan(1);
});

test.each(ending)('evengate %s works as the README has it', async (line) => {
  const io = fakeIo();
  expect(await runProgram(words(line), io)).toBe(0);
  expect(io.written.stdout).not.toContain('No connection');
});
