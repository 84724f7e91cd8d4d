/** Completion scripts, generated from the program: a command or an option that is added is completed, too. */
import type { Command, Option } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Words that its argument may be. */
  readonly words: readonly string[];
}

export interface CompletedOption {
  /** `-o` and `--output`, as far as there are. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined: the option takes no value. Empty: a path, or anything. */
  readonly values: readonly string[] | undefined;
  readonly repeatable: boolean;
}

export function completionScript(shell: Shell, program: Command): string {
  const commands = program.commands.map(readCommand);
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
  }
}

const help: CompletedOption = {
  flags: ['-h', '--help'],
  description: 'print help',
  values: undefined,
  repeatable: false,
};

export function readCommand(command: Command): CompletedCommand {
  return {
    name: command.name(),
    summary: command.summary(),
    options: [...command.options.filter(({ hidden }) => !hidden).map(readOption), help],
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function readOption(option: Option): CompletedOption {
  const { short, long, description, required, optional, argChoices, variadic } = option;
  const defaultValue: unknown = option.defaultValue;
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    values: required || optional ? (argChoices ?? []) : undefined,
    // Options that collect start with an empty list.
    repeatable: variadic || Array.isArray(defaultValue),
  };
}

function bash(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name);
  const valueCases = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flags, values }) => {
      const patterns = flags.map((flag) => `${name}:${flag}`).join('|');
      // Without words of ours bash falls back to paths.
      return values === undefined ? [] : [`    ${patterns}) words='${values.join(' ')}' ;;`];
    }),
  );
  const wordCases = commands.map(({ name, options, words }) => {
    const all = [...options.flatMap(({ flags }) => flags), ...words].join(' ');
    return `        ${name}) [[ $current == -* || ${words.length} -gt 0 ]] && words='${all}' ;;`;
  });
  return `# bash completion for evengate: source <(evengate completion bash)
_evengate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${names.join('|')}) command="$word"; break ;; esac
  done
  case "$command:$previous" in
${valueCases.join('\n')}
    *)
      case "$command" in
        '') words='${[...names, 'help', '--help', '--version'].join(' ')}' ;;
${wordCases.join('\n')}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _evengate evengate
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map(({ name, options, words }) => {
    const specs = [...options.map(zshOption), ...(words.length > 0 ? [quoted(`1:: :(${words.join(' ')})`)] : [])];
    return `    ${name}) _arguments ${specs.join(' ')} ;;`;
  });
  return `#compdef evengate
# zsh completion for evengate: source <(evengate completion zsh)
_evengate() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case "\${words[1]}" in
${cases.join('\n')}
  esac
}
if [[ "\${funcstack[1]}" == _evengate ]]; then _evengate "$@"; else compdef _evengate evengate; fi
`;
}

function zshOption({ flags, description, values, repeatable }: CompletedOption): string {
  const text = description.replaceAll(/[[\]:\\]/g, '\\$&');
  const action = values === undefined ? '' : `: :${values.length > 0 ? `(${values.join(' ')})` : '_files'}`;
  const names = flags.length > 1 ? `{${flags.join(',')}}` : flags.join('');
  const times = repeatable ? "'*'" : flags.length > 1 ? quoted(`(${flags.join(' ')})`) : '';
  return `${times}${names}${quoted(`[${text}]${action}`)}`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = commands.flatMap(({ name, summary, options, words }) => {
    const within = `complete -c evengate -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c evengate -f -n 'not __fish_seen_subcommand_from ${names}' -a ${name} -d ${quoted(summary)}`,
      ...options.map((option) => `${within} ${fishOption(option)}`),
      ...(words.length > 0 ? [`${within} -f -a ${quoted(words.join(' '))}`] : []),
    ];
  });
  return `# fish completion for evengate: evengate completion fish | source\n${lines.join('\n')}\n`;
}

function fishOption({ flags, description, values }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = values === undefined ? '' : values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : ' -r -F';
  return `${names.join(' ')}${value} -d ${quoted(description)}`;
}

/** For all three shells: fish, too, reads `'\''` as a quote between two strings. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
