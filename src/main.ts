/** The entry of the CLI: hands what belongs to the process to the program. */
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

process.exitCode = await runProgram(process.argv.slice(2), ioOf(process), {
  // kubectl finds its plugins by their names on PATH, which may be links.
  name: basename(process.argv[1] ?? '').startsWith('kubectl') ? 'kubectl evengate' : 'evengate',
  runOperator: async (options) => {
    const { runOperator } = await import('./operator.ts');
    await runOperator(options, process, () => process.exit(exitCodes.findings));
  },
});
