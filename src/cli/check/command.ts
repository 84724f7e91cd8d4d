/** The options of `evengate check`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultClass } from '../../ir/class-name.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Examples } from '../help.ts';
import type { Io } from '../io.ts';
import type { CheckOptions } from './check.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const checkExamples: Examples = [
  ['evengate check', 'of the operator in evengate-system'],
  ['evengate check --wait 2m', 'after an installation: until all is well'],
  ['evengate check -n edge --class internal -o json', 'of another one, for scripts'],
];

export function checkCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('find out what an operator lacks')
    .description(
      'Looks at the API server, the CustomResourceDefinitions, the rights of the operator, other operators of its class, its Pods\n' +
        'and its ApiGateways, and says what to do. What may not be read is unknown, and no failure.\n' +
        'Ends with 0 when all is well, 1 when something is wrong, 2 when the cluster cannot be reached.',
    )
    .option('--kubeconfig <file>', 'which cluster, and as whom; KUBECONFIG, ~/.kube/config or the pod when absent')
    .option('--context <name>', 'context of the kubeconfig; its current one when absent')
    .option('-n, --namespace <name>', 'namespace of the operator; that of the pod, or evengate-system, when absent')
    .option('--class <name>', 'of the ApiGateways that it serves', defaultClass)
    .option('--watch-namespace <name...>', 'namespaces that it watches; as the operator says itself when absent')
    .addOption(
      new Option('-A, --all-namespaces', 'that it watches all; as the operator says itself when absent').conflicts(
        'watchNamespace',
      ),
    )
    .option('--read-secrets', 'that it reads Secrets; as the operator says itself when absent')
    .option('--secret-namespace <name...>', 'where it reads Secrets; as the operator says itself when absent')
    .option('--mesh-enrolment', 'that it labels for Istio and keeps waypoints; as the operator says itself when absent')
    .option('--wait <duration>', 'how long to wait until all is well, such as 90s or 2m', readDuration)
    .addOption(
      new Option('-o, --output <format>', 'how to print: text for people, json for scripts')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (options: CheckOptions) => {
      const { check } = await import('./check.ts');
      end(await check(options, io));
    });
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Go's notation; milliseconds. */
function readDuration(text: string): number {
  if (!/^(\d+(h|ms|m|s))+$/.test(text)) throw new InvalidArgumentError('It must be a duration such as 90s or 1m30s.');
  const parts = [...text.matchAll(/(\d+)(h|ms|m|s)/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0);
}
