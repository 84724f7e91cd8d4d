/** The options of the commands that other programs call between rendering and applying. */
import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { PartOptions } from './part.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const krmFunctionExamples: Examples = [
  [
    'kustomize build --enable-alpha-plugins --enable-exec .',
    'with a validator whose exec path is a script that calls this',
  ],
  ['kpt fn eval --exec "evengate krm-function" --allow-exec .', 'over a package of kpt'],
];

export function krmFunctionCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('lint as a KRM function of kustomize and kpt')
    .description(
      'Reads a ResourceList on stdin and writes it with its items as they were; results say what lint finds.\n' +
        'An EvengateLint as functionConfig sets spec.strict and spec.complete. An object that is referred to and not in\n' +
        'the list may be elsewhere: that is a warning, and with complete an error.\n' +
        'Ends with 0 when all is well, 1 with errors (strict: or warnings), 2 when stdin cannot be used.',
    )
    .action(async () => {
      const { krmFunction } = await import('./krm.ts');
      end(await krmFunction(io));
    });
}

export const postRenderExamples: Examples = [
  ['helm install shop ./chart --post-renderer evengate', 'Helm 4, with the plugin of plugins/helm-evengate'],
  ['helm template ./chart | evengate post-render | kubectl apply -f -', 'applies nothing when something is wrong'],
];

export function postRenderCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('lint between helm and the cluster')
    .description(
      'Reads manifests on stdin and writes the same bytes, or nothing when lint finds errors, which go to stderr.\n' +
        'An object that is referred to and not among them may be in the cluster: that is a warning.\n' +
        'Ends with 0 when all is well, 1 with errors, 2 when something cannot be read at all.',
    )
    .option('--strict', 'let warnings count as errors, but those about objects that may be in the cluster')
    .option('--complete', 'all that is referred to has to be among the manifests')
    .action(async (options: PartOptions) => {
      const { postRender } = await import('./post-render.ts');
      end(await postRender(options, io));
    });
}
