/** The options of `evengate prove`. */
import { type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { ProveOptions } from './prove.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const proveExamples: Examples = [
  ['evengate prove -f examples/mesh', 'whether edge and mesh say the same, workload by workload'],
  ['kustomize build . | evengate prove -f -', 'what another tool prints'],
  ['evengate prove --strict -f .', 'and nothing is left to the edge alone'],
  ['evengate prove -o json -f . | jq .equivalent', 'for scripts'],
];

/** `command` has `-f` already. */
export function proveCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('prove that the edge and the mesh decide alike')
    .description(
      'Renders the edge and the mesh, reads both back, and puts the same requests to both: one of each kind that any route, ' +
        'policy or rendered object tells apart. Each goes to the edge and, as the edge forwards it, to every point of ' +
        'enforcement before the workload; as somebody with the edge’s identity, straight to the workload; and as every kind of ' +
        'caller inside the mesh, against what the policies say of it.\n' +
        'Prints the first request on which they differ, as curl. What has to differ is told with its reason.\n' +
        'Ends with 0 when they are equivalent, 1 when not (--strict: or when something has to differ), 2 when something cannot be read.',
    )
    .option('--strict', 'let what has to differ count as a difference')
    .addOption(
      new Option('-o, --output <format>', 'how to print: text for people, json for scripts')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (options: ProveOptions) => {
      const { proveManifests } = await import('./prove.ts');
      end(await proveManifests(options, io));
    });
}
