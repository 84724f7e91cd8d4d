/** The files that the local cluster's machine starts from. */
import { existsSync, statfsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pauseImage } from '../images/images.ts';
import type { Binaries } from './build.ts';
import { clients, readCertificate, writeCertificates } from './certificates.ts';
import { containerdConfig, kubeconfig, kubeletConfig, networkConfig, proxyConfig } from './configs.ts';
import { type MachineSpec, networkSetup } from './machine.ts';
import { apiServerPort, nodeAddress, type Places } from './places.ts';
import { commandLines } from './programs.ts';
import { pluginFolder } from './requirements.ts';
import { toml } from './toml.ts';

/** The kubelet sets these for the whole machine (cm/container_manager_linux.go); ours shall stay as it is. */
const sysctls = {
  'kernel/keys/root_maxbytes': 25_000_000,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
} as const;
const overlayMagic = 0x794c7630;

/** Writes all below the places' folder, and says what the machine is to do with it. */
export async function writeFiles(places: Places, binaries: Binaries): Promise<Omit<MachineSpec, 'attached'>> {
  const { certificates, configs, folder } = places;
  const folders = [
    places.logs,
    places.varLib,
    places.varLog,
    places.imported,
    configs,
    join(folder, 'cni'),
    join(folder, 'sysctl'),
  ];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await Promise.all(folders.map((path) => mkdir(path, { recursive: true })));
  await writeCertificates(certificates);
  await Promise.all([
    ...clients.map(({ name }) => writeKubeconfig(places, name)),
    ...Object.entries(configFiles(places)).map(([path, text]) => writeFile(join(folder, path), text)),
  ]);
  return {
    setup: [...networkSetup, ...mountSetup(places)],
    programs: commandLines(places, binaries).map(([name, command]) => ({
      command,
      log: join(places.logs, `${name}.log`),
    })),
  };
}

function configFiles(places: Places): Readonly<Record<string, string>> {
  const json = (value: object) => `${JSON.stringify(value, undefined, 2)}\n`;
  const plugins = pluginFolder();
  if (plugins === undefined) throw new Error('there are no CNI plugins');
  // One overlay cannot lie on another.
  const snapshotter = statfsSync(places.folder).type === overlayMagic ? 'native' : 'overlayfs';
  return {
    'cni/10-evengate.conflist': json(networkConfig()),
    'configs/containerd.toml': toml(containerdConfig(places, { pluginFolder: plugins, pauseImage, snapshotter })),
    'configs/kube-proxy.json': json(proxyConfig(places)),
    'configs/kubelet.json': json(kubeletConfig(places)),
    'resolv.conf': '',
    ...Object.fromEntries(Object.entries(sysctls).map(([path, value]) => [sysctlFile(path), `${value}\n`])),
  };
}

function sysctlFile(path: string): string {
  return `sysctl/${path.replaceAll('/', '.')}`;
}

/** What the programs write at paths that nobody can tell them, goes below our folder, or away with the namespace. */
function mountSetup({ folder, varLib, varLog }: Places): MachineSpec['setup'] {
  const settings = Object.keys(sysctls).filter((path) => existsSync(`/proc/sys/${path}`));
  return [
    // Pods may ask for the propagation of mounts, which takes a shared mount to come from.
    ['mount', '--make-rshared', '/'],
    ['mount', '-t', 'tmpfs', 'tmpfs', '/run'],
    ['mount', '--bind', varLib, '/var/lib'],
    ['mount', '--bind', varLog, '/var/log'],
    ...settings.map((path) => ['mount', '--bind', join(folder, sysctlFile(path)), `/proc/sys/${path}`]),
  ];
}

async function writeKubeconfig({ certificates, configs }: Places, name: string): Promise<void> {
  const authority = await readCertificate(certificates, 'ca');
  const client = await readCertificate(certificates, name);
  const server = `https://${nodeAddress}:${apiServerPort}`;
  const text = JSON.stringify(kubeconfig({ authority: authority.certificate, client, server }), undefined, 2);
  await writeFile(join(configs, `${name}.kubeconfig`), `${text}\n`, { mode: 0o600 });
}
