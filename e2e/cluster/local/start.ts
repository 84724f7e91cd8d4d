/** Starting and ending the local cluster. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { PackedImage } from '../images/archive.ts';
import { packDns, packPause } from '../images/images.ts';
import { runKubectl } from '../kubectl.ts';
import { isReady } from './api-server.ts';
import { type Binaries, build } from './build.ts';
import { cgroupProcesses, makeCgroups, removeCgroups } from './cgroups.ts';
import { dnsObjects } from './dns.ts';
import { writeFiles } from './files.ts';
import { importImage } from './import.ts';
import { locked } from './lock.ts';
import { deviceOwner, endMachine, runningMachines, startMachine } from './machine.ts';
import { nodeName, type Places, places as usualPlaces } from './places.ts';
import { waitUntil } from './wait.ts';

/** One line a call: what is being done. */
export type Progress = (line: string) => void;

export interface LocalCluster {
  readonly places: Places;
  readonly kubectl: string;
  /** It ran already. */
  readonly found: boolean;
}

export interface StartOptions {
  readonly progress: Progress;
  readonly places?: Places;
  /** End with this process, however that ends; else it runs until `endLocal`. */
  readonly attached?: boolean;
}

/** Starts the cluster, or finds it running. Anything left of one that was started half way is removed first. */
export function startLocal({
  progress,
  places = usualPlaces(),
  attached = false,
}: StartOptions): Promise<LocalCluster> {
  return locked(
    () => up({ progress, places, attached }),
    () => progress('another process is starting or ending the cluster; waiting for it'),
  );
}

/** Removes the cluster and all that is left of it. Harmless where there is none. */
export function endLocal(progress: Progress, places: Places = usualPlaces()): Promise<void> {
  return locked(
    () => down(places),
    () => progress('another process is starting or ending the cluster; waiting for it'),
  );
}

/** Removes what is left of a cluster whose machine has ended; one that runs or starts goes on. */
export async function removeDead(places: Places = usualPlaces()): Promise<void> {
  const isDead = () => !runningMachines().includes(places.folder);
  if (isDead())
    await locked(
      async () => (isDead() ? down(places) : undefined),
      () => undefined,
    );
}

async function up({ progress, places, attached }: Required<StartOptions>): Promise<LocalCluster> {
  const { folder } = places;
  await refuse(folder);
  const binaries = await build(progress);
  if (runningMachines().includes(folder) && existsSync(places.started) && (await isReady(places)))
    return { places, kubectl: binaries.kubectl, found: true };
  await down(places);
  progress('writing certificates and configuration');
  const spec = { ...(await writeFiles(places, binaries)), attached };
  makeCgroups(places.cgroup);
  progress('starting the machine');
  await startMachine({ binary: binaries.machine, folder, log: join(places.logs, 'machine.log'), spec });
  try {
    await settle(places, binaries, progress);
  } catch (error) {
    const told = `the cluster did not start: ${(error as Error).message}\n${lastLines(places)}`;
    if (attached) await down(places);
    const kept = attached ? '' : `\nIts logs are in ${places.logs} until npm run cluster -- down.`;
    throw new Error(`${told}${kept}`, { cause: error });
  }
  await writeFile(places.started, `${process.pid}\n`);
  return { places, kubectl: binaries.kubectl, found: false };
}

/** Throws where the folder cannot be that of a cluster. */
async function refuse(folder: string): Promise<void> {
  // A starter that was killed in that moment has left a machine that ends by itself.
  await waitUntil(async () => (await deviceOwner()) !== '', 'a half-made device to go');
  const other = await deviceOwner();
  if (other !== undefined && other !== folder)
    throw new Error(
      `a cluster runs in ${other}, and a machine can have one; end it with EVENGATE_CLUSTER_DIR=${other} npm run cluster -- down`,
    );
  const covered = ['/var/lib', '/var/log', '/run', '/proc'].find((path) => `${folder}/`.startsWith(`${path}/`));
  if (covered !== undefined)
    throw new Error(
      `the cluster cannot keep its state in ${folder}, as it covers ${covered}; set EVENGATE_CLUSTER_DIR`,
    );
}

async function settle(places: Places, binaries: Binaries, progress: Progress): Promise<void> {
  // It would wait on for a minute when this process is killed; so it is killed, too.
  const withUs = ['--pdeathsig', 'KILL', binaries.kubectl];
  const kubectl = (parameters: readonly string[], input?: object) =>
    runKubectl({ program: 'setpriv', kubeconfig: places.adminKubeconfig }, [...withUs, ...parameters], input);
  const images = async (): Promise<void> => {
    const packed: readonly PackedImage[] = [await packPause(binaries), await packDns(binaries)];
    await waitUntil(() => existsSync(places.containerdSocket), 'containerd');
    for (const image of packed) await importImage(places, image);
  };
  const objects = async (): Promise<void> => {
    await waitUntil(() => isReady(places), 'the API server', 60);
    progress('the API server is ready');
    await kubectl(['apply', '--server-side', '-f', '-'], dnsObjects);
    await kubectl(['wait', '--for=create', `node/${nodeName}`, '--timeout=60s']);
    await kubectl(['wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=60s']);
    progress('the node is ready');
  };
  await Promise.all([images(), objects()]);
  await kubectl(['-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=90s']);
  progress('cluster DNS is ready');
}

async function down(places: Places): Promise<void> {
  await endMachine(places.folder);
  // A pod's last process may be a moment behind its namespace.
  await waitUntil(() => cgroupProcesses(places.cgroup).length === 0, 'the pods to end');
  await waitUntil(() => removedCgroups(places.cgroup), 'the control groups to empty');
  rmSync(places.folder, { recursive: true, force: true });
}

/** The kernel counts a process that has just ended for a while. */
function removedCgroups(cgroup: string): boolean {
  try {
    removeCgroups(cgroup);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
}

function lastLines({ logs }: Places): string {
  const files = readdirSync(logs).sort();
  return files.map((name) => `${name}: ${readFileSync(join(logs, name), 'utf8').trim().split('\n').at(-1)}`).join('\n');
}
