/** The commands and their options. What does the work is imported when a command is called, so that each starts quickly. */
import { Argument, Command, CommanderError, Option } from 'commander';
import { demoBackendCommand, demoBackendExamples } from './demo-backend-command.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { explainCommand, explainExamples } from './explain-command.ts';
import type { Io } from './io.ts';
import type { RunOperator } from './operator.ts';
import { installCommand, installExamples, operatorCommand, operatorExamples } from './operator-command.ts';
import { runCommand, runExamples } from './run-command.ts';
import { versionText } from './version-text.ts';

/** What the action of a command is handed. */
export interface Context {
  readonly io: Io;
  /** Called once, with what the process ends with. */
  readonly end: (code: ExitCode) => void;
  readonly runOperator: RunOperator;
}

/** Exit code of `evengate ARGS`. */
export async function runProgram(
  args: readonly string[],
  io: Io,
  runOperator: RunOperator = noOperator,
): Promise<ExitCode> {
  let result: ExitCode = exitCodes.done;
  const program = buildProgram({
    io,
    runOperator,
    end: (code) => {
      result = code;
    },
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return result;
  } catch (error) {
    // Help that was asked for is no mistake; everything else is one of the command line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.unusable;
    throw error;
  }
}

/** For those who run other commands only. */
const noOperator: RunOperator = () => Promise.reject(new Error('nobody said how to run an operator'));

export function buildProgram(context: Context): Command {
  const { io } = context;
  const program = new Command('evengate')
    .description(
      'Compiles ApiGateways, Routes, AuthPolicies and RateLimitPolicies into Envoy configuration, and serves it.',
    )
    .version(versionText(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .showHelpAfterError('Add --help to see how it is used.')
    .configureHelp({ styleTitle: (title) => io.stdout.style('bold', title) })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, `${io.stderr.style('red', 'evengate:')} `)),
      // Colour was decided by our own styles already.
      getOutHasColors: () => true,
      getErrHasColors: () => true,
    })
    .addHelpText(
      'after',
      examples([
        ['evengate lint -f examples/shop', 'what is wrong, where, and what to do about it'],
        ["evengate explain -f examples/shop 'GET https://api.shop.example.com/orders'", 'who answers, and who decides'],
        ['evengate run -f examples/shop', 'serve it on a real Envoy here'],
        ['evengate crds | kubectl apply --server-side -f -', 'teach a cluster the four kinds'],
        ['evengate help lint', 'all about one command'],
      ]),
    );
  addCommands(program, context);
  return program;
}

/** In the order that help shows them. */
function addCommands(program: Command, context: Context): void {
  runCommand(withFiles(program.command('run')), context).addHelpText('after', examples(runExamples));
  explainCommand(withFiles(program.command('explain')), context).addHelpText('after', examples(explainExamples));
  operatorCommand(program.command('operator'), context).addHelpText('after', examples(operatorExamples));
  addLint(program, context);
  addRender(program, context);
  installCommand(program.command('install'), context).addHelpText('after', examples(installExamples));
  addCrds(program, context);
  demoBackendCommand(program.command('demo-backend'), context).addHelpText('after', examples(demoBackendExamples));
  addCompletion(program, context);
  addVersion(program, context);
}

function addLint(program: Command, { io, end }: Context): void {
  withFiles(program.command('lint'))
    .summary('find what is wrong with manifests')
    .description(
      'Prints everything that is wrong with manifests: where it is written, which field it is, and what to do about it.\n' +
        'Ends with 0 when all is well, 1 with errors (--strict: or warnings), 2 when something cannot be read at all.',
    )
    .option('--strict', 'let warnings count as errors')
    .addOption(
      new Option('-o, --output <format>', 'how to print: text for people, json for scripts, sarif for code hosts')
        .choices(['text', 'json', 'sarif'])
        .default('text'),
    )
    .addHelpText(
      'after',
      examples([
        ['evengate lint -f gateway.yaml routes/', 'a file, and every manifest below a folder'],
        ['kustomize build . | evengate lint -f -', 'what another tool prints'],
        ['evengate lint --strict -o sarif -f . > findings.sarif', 'for the checks of a pull request'],
      ]),
    )
    .action(async (options: import('./lint.ts').LintOptions) => {
      const { lint } = await import('./lint.ts');
      end(await lint(options, io));
    });
}

function addRender(program: Command, { io, end }: Context): void {
  withFiles(program.command('render'))
    .summary('print what Envoy would be told')
    .description(
      'Prints the Envoy resources of every ApiGateway and the status of every object, as YAML: equal input gives equal bytes.\nWhat lint would find goes to stderr. Ends with 0 when done, 2 when something cannot be read at all.',
    )
    .option('-o, --output <folder>', 'write one file each below this folder, where other files stay as they are')
    .addHelpText(
      'after',
      examples([
        ['evengate render -f examples/shop', 'everything, as YAML documents'],
        ['evengate render -f examples/shop -o rendered', 'rendered/<namespace>.<name>/lds.yaml, rendered/status/…'],
      ]),
    )
    .action(async (options: import('./render.ts').RenderOptions) => {
      const { render } = await import('./render.ts');
      end(await render(options, io));
    });
}

function addCrds(program: Command, { io, end }: Context): void {
  program
    .command('crds')
    .summary('print the CustomResourceDefinitions')
    .description('Prints the CustomResourceDefinitions of the four kinds, as this version of Evengate reads them.')
    .option('-o, --output <folder>', 'write one file each into this folder')
    .addHelpText('after', examples([['evengate crds | kubectl apply --server-side -f -', 'install them in a cluster']]))
    .action(async (options: import('./crds.ts').CrdsOptions) => {
      const { crds } = await import('./crds.ts');
      end(await crds(options, io));
    });
}

function addCompletion(program: Command, { io, end }: Context): void {
  program
    .command('completion')
    .summary('print a script that completes commands')
    .description('Prints a script that teaches a shell to complete the commands and options of evengate.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples([
        ['source <(evengate completion bash)', 'in ~/.bashrc'],
        ['source <(evengate completion zsh)', 'in ~/.zshrc, after compinit'],
        ['evengate completion fish | source', 'in ~/.config/fish/config.fish'],
      ]),
    )
    .action(async (shell: import('./completion.ts').Shell) => {
      const { completionScript } = await import('./completion.ts');
      io.stdout.write(completionScript(shell, program));
      end(exitCodes.done);
    });
}

function addVersion(program: Command, { io, end }: Context): void {
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version of Evengate, and the oldest Envoy that it works with.')
    .action(() => {
      io.stdout.write(`${versionText()}\n`);
      end(exitCodes.done);
    });
}

/** Adds `-f`, as every command that reads manifests has it: `file` among the options, never empty. */
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

/** Command lines beside what they are for, below the options of a command. */
export function examples(lines: readonly (readonly [command: string, purpose: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const body = lines.map(([command, purpose]) => `  ${command.padEnd(width)}   ${purpose}`);
  return `\nExamples:\n${body.join('\n')}`;
}
