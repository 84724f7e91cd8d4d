/** The options of `evengate render`. */
import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { RenderOptions } from './render.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const renderExamples: Examples = [
  ['evengate render -f examples/shop', 'everything, as YAML documents'],
  ['evengate render -f examples/shop -o rendered', 'rendered/<namespace>.<name>/lds.yaml, rendered/status/…'],
  ['evengate render -n gateways', 'what is in the cluster becomes, in one namespace'],
];

/** `command` has the options of a source already. */
export function renderCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('print what Envoy would be told')
    .description(
      'Prints the Envoy resources of every ApiGateway, the objects that run it, those of Istio for what is behind it, and the status\n' +
        'of every object, as YAML: equal input gives equal bytes.\n' +
        'Without -f it reads the cluster, and renders the ApiGateways of the namespace.\n' +
        'What lint would find goes to stderr. Ends with 0 when done, 2 when something cannot be read at all.',
    )
    .option('-o, --output <folder>', 'write one file each below this folder, where other files stay as they are')
    .action(async (options: RenderOptions) => {
      const { render } = await import('./render.ts');
      end(await render(options, io));
    });
}
