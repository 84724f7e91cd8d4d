/** What the local cluster needs of a machine, and where that is found. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { whyNotBuilt } from './build.ts';

/** Programs, and the Debian package of each. */
const commands = [
  ['containerd', 'containerd'],
  ['ctr', 'containerd'],
  ['containerd-shim-runc-v2', 'containerd'],
  ['runc', 'runc'],
  ['iptables', 'iptables'],
  ['ip', 'iproute2'],
  ['openssl', 'openssl'],
  ['setpriv', 'util-linux'],
  ['unshare', 'util-linux'],
  ['mount', 'mount'],
] as const;
const plugins = ['ptp', 'host-local', 'portmap', 'loopback'] as const;
const pluginFolders = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'] as const;

/** Why no local cluster can be started here: one sentence with the remedy. */
export function whyNoLocalCluster(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `a local cluster needs Linux on x86-64, and this is ${process.platform} on ${process.arch}; set E2E_KUBECONFIG to a cluster that may be used, or install kind`;
  if (process.getuid?.() !== 0) return 'a local cluster needs root; run as root, or set E2E_KUBECONFIG to a cluster';
  const packages = new Set(commands.filter(([name]) => which(name) === undefined).map(([, name]) => name as string));
  if (pluginFolder() === undefined) packages.add('containernetworking-plugins');
  if (packages.size > 0)
    return `packages are missing; install them with: apt-get install -y --no-install-recommends ${[...packages].join(' ')}`;
  if (spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true']).status !== 0)
    return 'this machine does not let root make namespaces (unshare fails), as most containers do not; use a machine of its own, or --privileged';
  return whyNotBuilt();
}

/** The folder of the CNI plugins. */
export function pluginFolder(): string | undefined {
  return pluginFolders.find((folder) => plugins.every((name) => existsSync(join(folder, name))));
}

/** Where a program is; Debian has some in folders that PATH may lack. */
export function which(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
