/** The options of `evengate support-bundle`. */
import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { SupportBundleOptions } from './support-bundle.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const supportBundleExamples: Examples = [
  ['evengate support-bundle', 'of all namespaces, into evengate-support-<time>.tar.gz'],
  ['evengate support-bundle -n shop -o shop.tar.gz', 'of one namespace'],
  ['tar tzf shop.tar.gz', 'see what is in it before you hand it on'],
];

/** `command` has the options of a cluster already. */
export function supportBundleCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('pack what somebody needs who is to help, without secrets')
    .description(
      'Writes a .tar.gz: versions, objects of the four kinds and what was made of them, Events, logs of operator and Envoys, what Envoys are told, their statistics, and what status and lint say. All namespaces unless -n names one.\n' +
        'Secrets are their key names and sizes; values of headers, parameters, environment variables and annotations are left out, and looked for in everything else. What could not be read is in not-read.txt.\n' +
        'Ends with 0 when written, 2 when the cluster cannot be read or the file not be written.',
    )
    .option('-o, --output <file>', 'write this file, which must not exist; evengate-support-<time>.tar.gz when absent')
    .option('--log-lines <number>', 'the last lines of each log', readLines, 2000)
    .action(async (options: SupportBundleOptions) => {
      const { supportBundle } = await import('./support-bundle.ts');
      end(await supportBundle(options, io));
    });
}

function readLines(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number of lines, at least 1.');
}
