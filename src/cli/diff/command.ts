/** The options of `evengate diff`. */
import { type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { DiffOptions } from './diff.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

/** Example command lines, each with what it is for. */
export const diffExamples = [
  ['evengate diff -f deploy --against main', 'what this branch changes'],
  ['evengate diff -f deploy --against origin/main:deploy -o markdown', 'as a comment on a pull request'],
  ['evengate diff -f deploy --against cluster', 'what a sync of the folder would change'],
  ['kustomize build . | evengate diff -f - --against old.yaml', 'what another tool prints, against a file'],
  ["evengate diff -f . --against HEAD~1 -o json | jq '.summary | .opens + .shifts'", 'for scripts'],
] as const satisfies readonly (readonly [string, string])[];

/** `command` has `-f` and the options of a cluster already. */
export function diffCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('say what a change of manifests does to traffic')
    .description(
      'Compares two sets of manifests by what requests see of them: who answers, who may call, how often. Names, order and layout make no difference.\n' +
        'What opens something comes first (a request that was refused is now admitted), with a request that shows it.\n' +
        'Against a cluster, the manifests are taken to be all ApiGateways, Routes and policies of their namespaces (-A: of all).\n' +
        'Ends with 0 when no traffic changes, 1 when some does, 2 when a side cannot be read.',
    )
    .option(
      '--against <old>',
      'what it is compared with: a file or folder, a git ref (the same paths there), ref:path, or cluster',
      once,
    )
    .option('--all', 'show every change and place, however many')
    .addOption(
      new Option(
        '-o, --output <format>',
        'how to print: text for people, markdown for a pull request, json for scripts',
      )
        .choices(['text', 'markdown', 'json'])
        .default('text'),
    )
    .hook('preAction', () => {
      const { against } = command.opts<{ readonly against?: readonly string[] }>();
      if (against === undefined)
        command.error('error: say what to compare with: --against PATH, a git ref, or cluster');
      if (against !== undefined && against.length > 1) {
        command.error(`error: --against names one side: ${against.join(' and ')} are two`);
      }
    })
    .action(async (options: Omit<DiffOptions, 'against'> & { readonly against: readonly string[] }) => {
      const { diff } = await import('./diff.ts');
      end(await diff({ ...options, against: options.against[0] ?? '' }, io));
    });
}

function once(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
