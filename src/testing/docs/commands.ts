/** Commands of Evengate as the documentation has them, against the program's own. */
import type { Command } from 'commander';

/** `a` and `b` of `a -x y`: what is wrong with one call of `evengate`, whose name is left out. */
export function mistakesIn(program: Command, words: readonly string[]): readonly string[] {
  const [name = '', ...rest] = words;
  if (name === '' || name.startsWith('-')) return unknownOptions(program, words);
  if (name === 'help') return [];
  const command = program.commands.find((one) => one.name() === name);
  if (command === undefined) return [`there is no evengate ${name}`];
  return unknownOptions(command, rest).map((option) => `evengate ${name} has no ${option}`);
}

function unknownOptions(command: Command, words: readonly string[]): readonly string[] {
  const known = new Set(command.options.flatMap(({ short, long }) => [short, long]));
  const used = words.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.split('=')[0] ?? '');
  return used.filter((option) => !known.has(option) && option !== '--help');
}

/** The words after `evengate`, however that is called; undefined where another program is. */
export function evengateCall(words: readonly string[]): readonly string[] | undefined {
  const [first = '', second] = words;
  if (first === 'evengate' || first === 'bin/evengate') return words.slice(1);
  return first === 'kubectl' && second === 'evengate' ? words.slice(2) : undefined;
}
