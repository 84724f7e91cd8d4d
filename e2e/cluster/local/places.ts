/** Where the local cluster keeps what, and by which names and addresses it is known. */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';

type Environment = Readonly<Record<string, string | undefined>>;

/** `${XDG_CACHE_HOME:-~/.cache}/evengate`: what may be lost, and is made anew. */
export function cacheFolder(environment: Environment = process.env): string {
  const wanted = environment['XDG_CACHE_HOME'] ?? '';
  // The XDG base directory specification has relative paths ignored.
  return join(isAbsolute(wanted) ? wanted : join(environment['HOME'] || homedir(), '.cache'), 'evengate');
}

/** Of the one cluster a machine can have: these names and addresses are the same whatever its folder is. */
export const nodeName = 'evengate';
/** The device on this machine's side; the node's side is `eth0` of its own network namespace. */
export const device = 'evengate0';
export const hostAddress = '10.200.0.1';
export const nodeAddress = '10.200.0.2';
export const prefixLength = 30;
export const podNetwork = '10.244.0.0/16';
export const serviceNetwork = '10.96.0.0/16';
export const apiServerService = '10.96.0.1';
export const dnsService = '10.96.0.10';
export const apiServerPort = 6443;

/** Paths below the folder that is the whole state of the cluster: without it, there never was one. */
export interface Places {
  readonly folder: string;
  /** Name of the control group, below the root of every hierarchy, that the pods' are inside of. */
  readonly cgroup: string;
  readonly certificates: string;
  readonly logs: string;
  /** Bind-mounted over /var/lib in the cluster's mount namespace. */
  readonly varLib: string;
  /** Bind-mounted over /var/log. */
  readonly varLog: string;
  /** Of Kubernetes's programs, each named `<program>.kubeconfig`; `admin.kubeconfig` is for people and tests. */
  readonly configs: string;
  readonly adminKubeconfig: string;
  readonly containerdSocket: string;
  /** Written last when the cluster has started, and so absent from one that was left half way. */
  readonly started: string;
  /** One empty file for each archive that was imported. */
  readonly imported: string;
}

/** EVENGATE_CLUSTER_DIR, else `cluster` in the cache folder. */
export function places(environment: Environment = process.env): Places {
  const wanted = environment['EVENGATE_CLUSTER_DIR'] ?? '';
  const folder = isAbsolute(wanted) ? wanted : join(cacheFolder(environment), 'cluster');
  const configs = join(folder, 'configs');
  return {
    folder,
    cgroup: `evengate-cluster-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`,
    certificates: join(folder, 'certificates'),
    logs: join(folder, 'logs'),
    varLib: join(folder, 'var-lib'),
    varLog: join(folder, 'var-log'),
    configs,
    adminKubeconfig: join(configs, 'admin.kubeconfig'),
    containerdSocket: join(folder, 'containerd.sock'),
    started: join(folder, 'started'),
    imported: join(folder, 'imported'),
  };
}
