/** The options of `evengate crds`. */
import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { CrdsOptions } from './crds.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const crdsExamples: Examples = [
  ['evengate crds | kubectl apply --server-side -f -', 'install them in a cluster'],
];

export function crdsCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('print the CustomResourceDefinitions')
    .description('Prints the CustomResourceDefinitions of the four kinds, as this version of Evengate reads them.')
    .option('-o, --output <folder>', 'write one file each into this folder')
    .action(async (options: CrdsOptions) => {
      const { crds } = await import('./crds.ts');
      end(await crds(options, io));
    });
}
