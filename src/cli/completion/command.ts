/** The options of `evengate completion`. */
import { Argument, type Command } from 'commander';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { Shell } from './completion.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const completionExamples: Examples = [
  ['source <(evengate completion bash)', 'in ~/.bashrc'],
  ['source <(evengate completion zsh)', 'in ~/.zshrc, after compinit'],
  ['evengate completion fish | source', 'in ~/.config/fish/config.fish'],
];

/** `program` is what is completed. */
export function completionCommand(command: Command, program: Command, { io, end }: Context): Command {
  return command
    .summary('print a script that completes commands')
    .description('Prints a script that teaches a shell to complete the commands and options of evengate.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./completion.ts');
      io.stdout.write(completionScript(shell, program));
      end(exitCodes.done);
    });
}
