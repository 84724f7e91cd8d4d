/** `--kubeconfig`, `--context`, `-n`, `-A`, as every command has them that reads a cluster, and the client that they mean. */
import type { Command } from 'commander';
import { defaultClass } from '../ir/class-name.ts';
import type { KubeClient } from '../runtime/client.ts';
import type { Io } from './io.ts';

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  /** className of the ApiGateways that are looked at; when absent the only one that the namespace, or the cluster, has, or `evengate`. */
  readonly class?: string;
}

export interface OpenCluster {
  readonly client: KubeClient;
  /** `https://10.96.0.1:443` */
  readonly server: string;
  /** What is reported on; undefined for all. */
  readonly namespace: string | undefined;
  /** Of the options, else of the context. */
  readonly ownNamespace: string;
  readonly inCluster: boolean;
  close(): Promise<void>;
}

/** Adds the options to a command. */
export function withCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'which cluster, and as whom; KUBECONFIG or ~/.kube/config when absent')
    .option('--context <name>', 'context of the kubeconfig; its current one when absent')
    .option('-n, --namespace <name>', 'namespace to report on; that of the context when absent')
    .option('-A, --all-namespaces', 'report on all namespaces')
    .option(
      '--class <name>',
      `className of the ApiGateways to look at; when absent the only one that the namespace, or the cluster, has, or ${defaultClass}`,
    )
    .hook('preAction', () => {
      const { namespace, allNamespaces } = command.opts<ClusterOptions>();
      if (namespace !== undefined && allNamespaces === true) command.error('error: -n and -A exclude each other');
    });
}

/** Adds `-f`, and the options of a cluster: what is read where `-f` is absent. */
export function withSource(command: Command): Command {
  return withCluster(
    command.option(
      '-f, --file <path...>',
      'files, folders (with everything below them) or - for stdin; may be repeated; the cluster when absent',
    ),
  );
}

/** Connects to send only. Throws KubeconfigError. */
export async function openCluster(options: ClusterOptions, io: Io): Promise<OpenCluster> {
  const [{ connect }, { kubeClient }, { systemClock }, { evengateVersion }] = await Promise.all([
    import('../runtime/connection.ts'),
    import('../runtime/client.ts'),
    import('../runtime/clock.ts'),
    import('../version.ts'),
  ]);
  const { kubeconfig, context, namespace, allNamespaces } = options;
  const connection = connect({ kubeconfig, context, env: io.env, userAgent: `evengate/${evengateVersion()}` });
  const ownNamespace = namespace ?? connection.namespace;
  return {
    client: kubeClient(connection, { fieldManager: 'evengate-cli', clock: systemClock, timeoutMs: 15_000 }),
    server: connection.server,
    namespace: allNamespaces === true ? undefined : ownNamespace,
    ownNamespace,
    inCluster: connection.inCluster,
    close: () => connection.close(),
  };
}
