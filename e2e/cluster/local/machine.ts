/**
 * The cluster's machine: mount, PID and network namespaces of their own, that the kernel takes away with their first
 * process. So nothing it does to mounts, devices, iptables or sysctls reaches this machine, and nothing of it can be left
 * over but its folder, its cgroups, and for a moment our end of its cable.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import process from 'node:process';
import { promisify } from 'node:util';
import { device, hostAddress, nodeAddress, podNetwork, prefixLength, serviceNetwork } from './places.ts';
import { allProcesses, isZombie, kill, parentOf } from './processes.ts';
import { waitUntil } from './wait.ts';

const run = promisify(execFile);
/** Debian keeps iptables and ip where a user's PATH may not look. */
export const systemPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;

/** As `machine.go` reads it. */
export interface MachineSpec {
  readonly setup: readonly (readonly string[])[];
  readonly programs: readonly { readonly command: readonly string[]; readonly log: string }[];
  /** End with this process, however that ends; else outlive it. */
  readonly attached: boolean;
}

export interface MachineOptions {
  /** The binary named `machine`. */
  readonly binary: string;
  /** Its only argument, by which it is found again. */
  readonly folder: string;
  readonly log: string;
  readonly spec: MachineSpec;
}

/** Resolves when the programs are being started. */
export async function startMachine({ binary, folder, log, spec }: MachineOptions): Promise<void> {
  const file = openSync(log, 'a');
  const namespaces = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('unshare', [...namespaces, binary, folder], {
    detached: true,
    stdio: ['pipe', 'pipe', file],
    env: { PATH: systemPath, HOME: folder },
  });
  closeSync(file);
  const exited = once(child, 'exit').then(() => {
    throw new Error(`the machine ended at once: ${readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? ''}`);
  });
  const { pid, stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('unshare was started without pipes');
  await Promise.race([once(stdout, 'data'), exited]);
  if (pid === undefined) throw new Error('unshare has no process id');
  await connect(pid, folder);
  // Only now has it a document to read: a starter killed before leaves a machine that ends by itself.
  await Promise.race([new Promise((resolve) => stdin.write(JSON.stringify(spec), resolve)), exited]);
  // An open pipe that is not waited for: the kernel closes it with this process.
  if (spec.attached) (stdin as Socket).unref();
  else stdin.end();
  exited.catch(() => undefined);
  stdout.destroy();
  child.unref();
}

const ip = (line: string, ...more: readonly string[]) =>
  run('ip', [...line.split(' '), ...more], { env: { PATH: systemPath } });

/** A cable from this machine to `eth0` of the process's network namespace, and the routes to what is behind it. */
async function connect(pid: number, folder: string): Promise<void> {
  await ip(`link add ${device} type veth peer name eth0 netns ${pid}`);
  await ip(`link set ${device} alias`, folder);
  await ip(`address add ${hostAddress}/${prefixLength} dev ${device}`);
  await ip(`link set ${device} up`);
  for (const network of [podNetwork, serviceNetwork]) await ip(`route add ${network} via ${nodeAddress}`);
}

/** Commands that give the machine its address. */
export const networkSetup: MachineSpec['setup'] = [
  ['ip', 'link', 'set', 'lo', 'up'],
  ['ip', 'address', 'add', `${nodeAddress}/${prefixLength}`, 'dev', 'eth0'],
  ['ip', 'link', 'set', 'eth0', 'up'],
  ['ip', 'route', 'add', 'default', 'via', hostAddress],
  ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'],
];

/** Folders of the machines that run here, whoever started them. */
export function runningMachines(): readonly string[] {
  return [...new Set(machineProcesses().map(({ folder }) => folder))];
}

/** Ends the machines of the folder, with all that runs in them, and waits until this machine's kernel has let go. */
export async function endMachine(folder: string): Promise<void> {
  const pids = machineProcesses()
    .filter((one) => one.folder === folder)
    .map(({ pid }) => pid);
  for (const pid of pids) kill(pid);
  await waitUntil(() => pids.every((pid) => !existsSync(`/proc/${pid}`) || isZombie(pid)), 'its processes to end');
  // The namespace goes in its own time, and our device with it.
  if ((await deviceOwner()) !== folder) return;
  await ip(`link delete ${device}`).catch(() => undefined); // it may just have gone
  await waitUntil(async () => (await deviceOwner()) !== folder, `${device} to go`);
}

/** Folder of the cluster that this machine's device belongs to; undefined without a device, empty for a moment at first. */
export async function deviceOwner(): Promise<string | undefined> {
  const { stdout } = await ip('-json link show type veth');
  const links = JSON.parse(stdout || '[]') as readonly { readonly ifname?: string; readonly ifalias?: string }[];
  const found = links.find(({ ifname }) => ifname === device);
  return found === undefined ? undefined : (found.ifalias ?? '');
}

interface MachineProcess {
  readonly pid: number;
  readonly folder: string;
}

/** `unshare … machine FOLDER` and `machine FOLDER`. */
function machineProcesses(): readonly MachineProcess[] {
  return allProcesses().flatMap(({ pid, words }) => {
    const at = words.findIndex((word) => word.endsWith('/machine'));
    const folder = words[at + 1];
    const isOne = at === 0 || (at > 0 && words[0] === 'unshare');
    return isOne && folder !== undefined ? [{ pid, folder }] : [];
  });
}

/** PIDs of a program of the folder's machine, such as `kube-apiserver`. */
export function programProcesses(folder: string, program: string): readonly number[] {
  const machines = machineProcesses()
    .filter((one) => one.folder === folder)
    .map(({ pid }) => pid);
  const found = allProcesses().filter(
    ({ words }) => words[0] === program || words[0]?.endsWith(`/${program}`) === true,
  );
  return found.map(({ pid }) => pid).filter((pid) => machines.includes(parentOf(pid)));
}
