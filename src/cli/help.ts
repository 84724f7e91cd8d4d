/** What commands share of their command line: `-f`, and how examples are shown. */
import type { Command } from 'commander';

/** Adds `-f`, as every command has it that needs manifests: `file` among the options, never empty. */
export function withFiles(command: Command): Command {
  return (
    command
      .option('-f, --file <path...>', 'files, folders (with everything below them) or - for stdin; may be repeated')
      // A mandatory option would be missed first, and a misspelt one never be named.
      .hook('preAction', () => {
        if (command.opts()['file'] === undefined) command.error('error: say which manifests to read with -f PATH');
      })
  );
}

export type Examples = readonly (readonly [command: string, purpose: string])[];

/** Command lines beside what they are for, below the options of a command; under the name that the program was started by. */
export function examples(lines: Examples): (context: { readonly command: Command }) => string {
  return ({ command }) => {
    const name = command.parent?.name() ?? command.name();
    const shown = lines.map(
      ([line, purpose]) => [line.replaceAll(/\bevengate (?=[a-z-])/g, `${name} `), purpose] as const,
    );
    const width = Math.max(...shown.map(([line]) => line.length));
    const body = shown.map(([line, purpose]) => `  ${line.padEnd(width)}   ${purpose}`);
    return `\nExamples:\n${body.join('\n')}`;
  };
}
