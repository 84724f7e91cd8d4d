/** Which cluster, as whom: a named kubeconfig, else the usual ones, else the pod's own service account. */
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { parse } from 'yaml';

export interface KubeconfigOptions {
  /** Path of a kubeconfig; it must exist. */
  readonly kubeconfig?: string | undefined;
  /** The kubeconfig's current-context when absent. */
  readonly context?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds its service account. */
  readonly serviceAccount?: string;
}

export interface Target {
  readonly cluster: Cluster;
  readonly user: User;
  /** Of the context, or of the pod. */
  readonly namespace: string;
  readonly inCluster: boolean;
  /** What to say of where this comes from: `kubeconfig /root/.kube/config`. */
  readonly source: string;
}

/** Nothing says which cluster, or what does cannot be used. The message says what to do. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

const podDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Reads the files anew each time. Throws KubeconfigError. */
export function loadTarget(options: KubeconfigOptions): Target {
  const files = kubeconfigFiles(options);
  if (files.length > 0) return fromFiles(files, options.context);
  const pod = fromPod(options);
  if (pod === undefined) throw new KubeconfigError(nothingFound(options));
  if (options.context !== undefined) {
    throw new KubeconfigError(
      `context ${options.context} is unknown: a pod has no contexts; name a kubeconfig as well`,
    );
  }
  return pod;
}

function kubeconfigFiles({ kubeconfig, env }: KubeconfigOptions): readonly string[] {
  if (kubeconfig !== undefined) {
    if (!existsSync(kubeconfig))
      throw new KubeconfigError(`kubeconfig ${kubeconfig} does not exist; name one that does`);
    return [kubeconfig];
  }
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length === 0) return [homeFile(env)].filter((file) => file !== undefined && existsSync(file)) as string[];
  // As kubectl: of a list those that exist.
  const found = listed.filter((file) => existsSync(file));
  if (found.length > 0) return found;
  throw new KubeconfigError(
    `kubeconfig ${listed.join(', ')} does not exist (from KUBECONFIG); correct or unset KUBECONFIG`,
  );
}

function homeFile(env: KubeconfigOptions['env']): string | undefined {
  const home = env['HOME'] ?? '';
  return home === '' ? undefined : join(home, '.kube', 'config');
}

function nothingFound({ env }: KubeconfigOptions): string {
  const home = homeFile(env);
  const tried = home === undefined ? 'HOME is not set' : `${home} does not exist`;
  return `no cluster is named: KUBECONFIG is not set, ${tried}, and this is no pod; name a kubeconfig`;
}

function fromFiles(files: readonly string[], context: string | undefined): Target {
  const source = `kubeconfig ${files.join(', ')}`;
  const config = merged(files.map(read));
  const name = context ?? config.currentContext;
  const known = config.contexts.map((one) => one.name).join(', ') || 'none';
  if (name === undefined || name === '') {
    throw new KubeconfigError(`${source} has no current-context; name one of its contexts: ${known}`);
  }
  const chosen = config.contexts.find((one) => one.name === name);
  if (chosen === undefined) throw new KubeconfigError(`context ${name} is not in ${source}; known are: ${known}`);
  const missing = (what: string, which: string) =>
    new KubeconfigError(`context ${name} of ${source} names ${what} ${which}, which is not there; add it`);
  const cluster = config.clusters.find((one) => one.name === chosen.cluster);
  if (cluster === undefined) throw missing('cluster', chosen.cluster);
  // client-node trusts a cluster's CA only where there is a user.
  const user = chosen.user === undefined ? { name: '' } : config.users.find((one) => one.name === chosen.user);
  if (user === undefined) throw missing('user', chosen.user);
  return { cluster, user, namespace: chosen.namespace ?? 'default', inCluster: false, source };
}

function read(file: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
    config.users = config.users.map((user) => withTokenFile(user, file));
  } catch (error) {
    // Of a YAML error the first line: what follows quotes the file, and a kubeconfig holds secrets.
    const why = error instanceof TypeError ? 'it is no mapping' : (error as Error).message.split('\n')[0];
    throw new KubeconfigError(`kubeconfig ${file} cannot be read: ${why}; correct the file`);
  }
  return config;
}

/** `tokenFile`, which client-node does not know: read again from time to time. */
function withTokenFile(user: User, file: string): User {
  const { users } = parse(readFileSync(file, 'utf8')) as {
    readonly users: readonly { readonly name: string; readonly user?: { readonly tokenFile?: unknown } }[];
  };
  const tokenFile = users.find(({ name }) => name === user.name)?.user?.tokenFile;
  if (typeof tokenFile !== 'string') return user;
  return { ...user, authProvider: tokenOf(resolve(dirname(file), tokenFile)) };
}

function tokenOf(tokenFile: string): User['authProvider'] {
  return { name: 'tokenFile', config: { tokenFile } };
}

/** As kubectl merges: the first file that says something counts. */
function merged(configs: readonly KubeConfig[]): KubeConfig {
  const all = new KubeConfig();
  all.currentContext = configs.map((one) => one.currentContext).find((name) => (name ?? '') !== '') ?? '';
  all.contexts = configs.flatMap((one) => one.contexts);
  all.clusters = configs.flatMap((one) => one.clusters);
  all.users = configs.flatMap((one) => one.users);
  return all;
}

function fromPod({ env, serviceAccount = podDirectory }: KubeconfigOptions): Target | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const tokenFile = join(serviceAccount, 'token');
  if (host === '' || !existsSync(tokenFile)) return undefined;
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const namespaceFile = join(serviceAccount, 'namespace');
  return {
    cluster: {
      name: 'in-cluster',
      server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
      caFile: join(serviceAccount, 'ca.crt'),
      skipTLSVerify: false,
    },
    user: { name: 'in-cluster', authProvider: tokenOf(tokenFile) },
    namespace: existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : 'default',
    inCluster: true,
    source: 'the service account of this pod',
  };
}
