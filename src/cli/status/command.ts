/** The options of `evengate status`. */
import { Argument, type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { StatusOptions } from './status.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const statusExamples: Examples = [
  ['evengate status', "what is in the context's namespace"],
  ['evengate status -A', 'everything in the cluster'],
  ['evengate status route/orders -n shop', 'one Route: its rules, who may call them, and what stops them'],
  ['evengate status authpolicy/orders -n shop', 'one policy: the rules that it guards or blocks'],
  ['evengate status -A -o json | jq .ready', 'for scripts; so does the exit code'],
];

/** `command` has the options of a cluster already. */
export function statusCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('show how everything in a cluster is doing')
    .description(
      'Shows each ApiGateway with its Envoys, listeners, Routes and rules: whether it is ready, who may call it, and what stands in the way.\n' +
        'READY is what the operator has reported; rules, policies and limits are read from what is stored now.\n' +
        'Ends with 0 when all is ready, 1 when something is not, 2 when the cluster cannot be read.',
    )
    .addArgument(new Argument('[kind/name]', 'one object, such as apigateway/edge or route/orders'))
    .addOption(
      new Option('-o, --output <format>', 'how to print: text for people, json for scripts')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (object: string | undefined, options: StatusOptions) => {
      const { status } = await import('./status.ts');
      end(await status(object, options, io));
    });
}
