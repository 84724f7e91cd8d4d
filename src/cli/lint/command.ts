/** The options of `evengate lint`. */
import { type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { LintOptions } from './lint.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const lintExamples: Examples = [
  ['evengate lint -f gateway.yaml routes/', 'a file, and every manifest below a folder'],
  ['kustomize build . | evengate lint -f -', 'what another tool prints'],
  ['evengate lint -n shop', 'what is in the cluster, in one namespace'],
  ['evengate lint --strict -o sarif -f . > findings.sarif', 'for the checks of a pull request'],
];

/** `command` has the options of a source already. */
export function lintCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('find what is wrong with manifests, or in a cluster')
    .description(
      'Prints everything that is wrong with manifests: where it is written, which field it is, and what to do about it.\n' +
        'Without -f it reads the cluster, and prints what is wrong in the namespace.\n' +
        'Ends with 0 when all is well, 1 with errors (--strict: or warnings), 2 when something cannot be read at all.',
    )
    .option('--strict', 'let warnings count as errors')
    .addOption(
      new Option('-o, --output <format>', 'how to print: text for people, json for scripts, sarif for code hosts')
        .choices(['text', 'json', 'sarif'])
        .default('text'),
    )
    .action(async (options: LintOptions) => {
      const { lint } = await import('./lint.ts');
      end(await lint(options, io));
    });
}
