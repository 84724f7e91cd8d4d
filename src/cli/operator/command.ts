/** The options of `evengate operator`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultClass } from '../../ir/class-name.ts';
import { envoyImage, istioAgentImage } from '../../render/envoy-process.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { OperatorArguments, RunOperator } from './operator.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
  readonly runOperator: RunOperator;
}

export const operatorExamples = [
  ['evengate operator', 'in a pod, or with the cluster of your kubeconfig'],
  ['evengate operator --kubeconfig dev.yaml --log text', 'on a laptop, against a development cluster'],
  ['evengate operator --watch-namespace shop --watch-namespace gateways', 'with rights in two namespaces only'],
  ['evengate operator --leader-elect', 'one of several replicas: one works, the others stand by'],
  ['evengate operator --class internal', 'beside another operator: ApiGateways with className internal'],
] as const satisfies readonly (readonly [string, string])[];

export function operatorCommand(command: Command, { io, end, runOperator }: Context): Command {
  return command
    .summary('run ApiGateways on a Kubernetes cluster')
    .description(
      'Watches ApiGateways, Routes and policies, runs an Envoy fleet for each ApiGateway, and reports in their status.\n' +
        'In a pod it uses the service account; elsewhere the kubeconfig, and reaches Envoys through the API server.\n' +
        'Where CRDs or rights are missing, or another operator serves the class, it writes nothing, says so (as `evengate check` does), and waits.\n' +
        'Ends with 0 after SIGTERM or SIGINT, 2 when the options or the kubeconfig cannot be used, 1 when it has to be started again.',
    )
    .option('--kubeconfig <file>', 'which cluster, and as whom; KUBECONFIG, ~/.kube/config or the pod when absent')
    .option('--context <name>', 'context of the kubeconfig; its current one when absent')
    .option('--class <name>', 'serve ApiGateways of this className', defaultClass)
    .option('--watch-namespace <name...>', 'watch these namespaces only; all when absent')
    .option('--read-secrets', 'read the Secrets that are named: certificates of other namespaces, key sets in Secrets')
    .option('--secret-namespace <name...>', 'read Secrets of these namespaces only')
    .option(
      '--mesh-enrolment',
      'label namespaces and Services for Istio, and keep waypoints, where an ApiGateway asks for it',
    )
    .option('--leader-elect', 'wait for the lease before writing, so that several replicas may run')
    .option('--lease-namespace <name>', 'namespace of lease and kept keys; that of the pod or the context when absent')
    .option('--envoy-image <image>', 'of the Envoys, where an ApiGateway names no other', envoyImage)
    .option(
      '--istio-agent-image <image>',
      'of Istio’s agent beside the Envoys of gateways in a mesh of mode Sidecar, where an ApiGateway names no other',
      istioAgentImage,
    )
    .option('--health-port <port>', '/healthz, /readyz and /metrics; 0 for none', readPort, 8081)
    .addOption(new Option('--log <format>', 'how the log on stderr looks').choices(['json', 'text']).default('json'))
    .addOption(
      new Option('--log-level <level>', 'how much is logged')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .action(async (options: OperatorArguments) => {
      const { operator } = await import('./operator.ts');
      end(await operator(options, io, runOperator));
    });
}

export const installExamples = [
  ['evengate install --image registry.example.com/evengate:0.1.0 | kubectl apply --server-side -f -', 'everything'],
  ['evengate install --watch-namespace shop --no-crds > operator.yaml', 'with rights in one namespace only'],
] as const satisfies readonly (readonly [string, string])[];

export function installCommand(command: Command, { io, end }: Pick<Context, 'io' | 'end'>): Command {
  return command
    .summary('print what runs the operator in a cluster')
    .description('Prints the CustomResourceDefinitions, the rights and the Deployment of the operator, to be applied.')
    .option('-n, --namespace <name>', 'namespace of the operator', 'evengate-system')
    .option('--image <image>', 'image of the operator; evengate:VERSION when absent')
    .option('--class <name>', 'serve ApiGateways of this className', defaultClass)
    .option('--replicas <count>', 'one works, the others stand by', readCount, 2)
    .option('--watch-namespace <name...>', 'watch these namespaces only, with rights in no other; all when absent')
    .option('--read-secrets', 'let it read Secrets: certificates of other namespaces, key sets in Secrets')
    .option('--mesh-enrolment', 'let it label namespaces and Services for Istio, and keep waypoints')
    .option('--istio-namespace <name>', 'with --watch-namespace: let it read MeshConfig there, which must exist')
    .option('--istio-revision <name...>', 'revisions of Istio that gateways name, beside the default one')
    .option('--envoy-image <image>', 'of the Envoys, where an ApiGateway names no other')
    .option('--istio-agent-image <image>', 'of Istio’s agent beside them, where an ApiGateway names no other')
    .option('--no-crds', 'without the CustomResourceDefinitions')
    .action(async (options: import('./install.ts').InstallArguments) => {
      const { install } = await import('./install.ts');
      end(install(options, io));
    });
}

function readCount(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 99.');
  return Number(text);
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be a port, 0 to 65535.');
  return port;
}
