/** The commands and their options. What does the work is imported when a command is called, so that each starts quickly. */
import { Command, CommanderError } from 'commander';
import { checkCommand, checkExamples } from './check/command.ts';
import { withCluster, withSource } from './cluster-options.ts';
import { completionCommand, completionExamples } from './completion/command.ts';
import { crdsCommand, crdsExamples } from './crds/command.ts';
import { demoBackendCommand, demoBackendExamples } from './demo-backend/command.ts';
import { diffCommand, diffExamples } from './diff/command.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { explainCommand, explainExamples } from './explain/command.ts';
import { type Examples, examples, withFiles } from './help.ts';
import type { Io } from './io.ts';
import { lintCommand, lintExamples } from './lint/command.ts';
import { installCommand, installExamples, operatorCommand, operatorExamples } from './operator/command.ts';
import type { RunOperator } from './operator/operator.ts';
import { krmFunctionCommand, krmFunctionExamples, postRenderCommand, postRenderExamples } from './pipeline/commands.ts';
import { proveCommand, proveExamples } from './prove/command.ts';
import { renderCommand, renderExamples } from './render/command.ts';
import { runCommand, runExamples } from './run/command.ts';
import { statusCommand, statusExamples } from './status/command.ts';
import { supportBundleCommand, supportBundleExamples } from './support-bundle/command.ts';
import { versionText } from './version-text.ts';

/** What the action of a command is handed. */
export interface Context {
  readonly io: Io;
  /** Called once, with what the process ends with. */
  readonly end: (code: ExitCode) => void;
  readonly runOperator: RunOperator;
  /** What help calls it: `kubectl evengate` when kubectl started it; `evengate` when absent. */
  readonly name?: string;
}

/** Exit code of `evengate ARGS`. */
export async function runProgram(
  args: readonly string[],
  io: Io,
  { runOperator = noOperator, name = 'evengate' }: Partial<Pick<Context, 'runOperator' | 'name'>> = {},
): Promise<ExitCode> {
  let result: ExitCode = exitCodes.done;
  const program = buildProgram({
    io,
    runOperator,
    name,
    end: (code) => {
      result = code;
    },
  });
  try {
    if (args[0] === '__complete') {
      const { completeWords } = await import('./completion/words.ts');
      io.stdout.write(await completeWords(program, args.slice(1), io));
      return exitCodes.done;
    }
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
  const program = new Command(context.name ?? 'evengate')
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
        ['evengate status -A', 'how everything in a cluster is doing'],
        ['evengate crds | kubectl apply --server-side -f -', 'teach a cluster the four kinds'],
        ['evengate help lint', 'all about one command'],
      ]),
    );
  addCommands(program, context);
  return program;
}

/** In the order that help shows them. */
function addCommands(program: Command, context: Context): void {
  const named = (name: string, lines: Examples) => program.command(name).addHelpText('after', examples(lines));
  runCommand(withFiles(named('run', runExamples)), context);
  explainCommand(withSource(named('explain', explainExamples)), context);
  proveCommand(withFiles(named('prove', proveExamples)), context);
  diffCommand(withCluster(withFiles(named('diff', diffExamples))), context);
  statusCommand(withCluster(named('status', statusExamples)), context);
  checkCommand(named('check', checkExamples), context);
  operatorCommand(named('operator', operatorExamples), context);
  lintCommand(withSource(named('lint', lintExamples)), context);
  renderCommand(withSource(named('render', renderExamples)), context);
  installCommand(named('install', installExamples), context);
  crdsCommand(named('crds', crdsExamples), context);
  supportBundleCommand(withCluster(named('support-bundle', supportBundleExamples)), context);
  krmFunctionCommand(named('krm-function', krmFunctionExamples), context);
  postRenderCommand(named('post-render', postRenderExamples), context);
  demoBackendCommand(named('demo-backend', demoBackendExamples), context);
  completionCommand(named('completion', completionExamples), program, context);
  addVersion(program, context);
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
