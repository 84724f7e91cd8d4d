/** The entry of the CLI: hands what belongs to the process to the program. */
import { constants } from 'node:os';
import { basename } from 'node:path';
import process from 'node:process';
import { exitCodes } from './cli/exit-codes.ts';
import { ioOf } from './cli/io.ts';
import { runProgram } from './cli/program.ts';

// Node would end with 1, which says that lint found something.
process.on('uncaughtException', (error) => {
  // A full disk, say: the machine's trouble, and the system's own words say which.
  const isOfSystem = 'syscall' in error;
  const story = isOfSystem
    ? error.message
    : `this is a mistake of Evengate, not of yours; please report it.\n${error.stack}`;
  process.stderr.write(`evengate: ${story}\n`);
  process.exit(isOfSystem ? exitCodes.unusable : exitCodes.bug);
});

// The first process of a container gets no signal that nobody listens to. Until a command does it would outlive its Pod's deletion
// by the whole grace.
if (process.pid === 1) {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}

process.exitCode = await runProgram(process.argv.slice(2), ioOf(process), {
  // kubectl finds its plugins by their names on PATH, which may be links.
  name: basename(process.argv[1] ?? '').startsWith('kubectl') ? 'kubectl evengate' : 'evengate',
  runOperator: async (options) => {
    const { runOperator } = await import('./operator.ts');
    await runOperator(options, process, () => process.exit(exitCodes.findings));
  },
});
