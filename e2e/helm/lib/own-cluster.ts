/**
 * A cluster of a test's own, for what all share: definitions and what is of a whole cluster. It is the local one in namespaces
 * of its own, as on another machine; it ends with this process, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Ended } from '../../charts/helm.ts';
import { build } from '../../cluster/local/build.ts';
import { systemPath } from '../../cluster/local/machine.ts';
import { places } from '../../cluster/local/places.ts';
import { allProcesses, parentOf } from '../../cluster/local/processes.ts';
import { waitUntil } from '../../cluster/local/wait.ts';
import { ended, type Helm, helmBinary, helmOn } from './helm.ts';

export interface OwnCluster {
  readonly helm: Helm;
  /** What kubectl wrote to stdout; throws with what it wrote to stderr. */
  kubectl(words: readonly string[], input?: string | object): Promise<string>;
  /** However it ends. */
  readonly tryKubectl: (words: readonly string[], input?: string | object) => Promise<Ended>;
  /** The image of this working tree under another name, too. */
  alsoCall(image: string, name: string): Promise<void>;
  end(): Promise<void>;
}

const root = join(import.meta.dirname, '../../..');

/** Ready, with the images of this working tree and of Envoy. */
export async function openOwnCluster(): Promise<OwnCluster> {
  const binary = await helmBinary();
  const { kubectl } = await build(() => undefined);
  const machine = await startMachine();
  const { adminKubeconfig: kubeconfig, containerdSocket } = places({ EVENGATE_CLUSTER_DIR: machine.folder });
  // Files are those of here, and only the network is its own.
  const through = [...machine.target, '--net'];
  const helm = helmOn({ binary, kubeconfig, through });
  const tryKubectl: OwnCluster['tryKubectl'] = (words, input = '') => {
    const text = typeof input === 'string' ? input : JSON.stringify(input);
    // kubectl keeps what it has discovered by the address of the API server, which is that of every such cluster.
    const env = { ...process.env, KUBECACHEDIR: join(helm.home, '.kube') };
    return ended([...through, kubectl, `--kubeconfig=${kubeconfig}`, ...words], { env, input: text });
  };
  return {
    helm,
    tryKubectl,
    kubectl: async (words, input) => good(`kubectl ${words.join(' ')}`, await tryKubectl(words, input)),
    async alsoCall(image, name) {
      const tag = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io', 'images', 'tag'];
      const command = [...tag, `docker.io/library/${image}`, `docker.io/library/${name}`];
      good(command.join(' '), await ended(command, { env: process.env }));
    },
    async end() {
      helm.end();
      await machine.end();
    },
  };
}

/** What it wrote to stdout. Throws with what it wrote to stderr where it failed. */
function good(what: string, { code, stdout, stderr }: Ended): string {
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${stderr}`);
  return stdout;
}

/** A cluster that is ready; `target` begins a command that runs in its namespaces. */
async function startMachine() {
  const folder = join(mkdtempSync(join('/var/tmp', 'evengate-own-')), 'cluster');
  const env = { ...process.env, PATH: systemPath, EVENGATE_CLUSTER_DIR: folder };
  const elsewhere = spawnElsewhere();
  const target = ['nsenter', '--target', String(await firstProcess(elsewhere))];
  const script = async (word: string) => {
    const command = [...target, '--net', '--mount', '--pid', process.execPath, join(root, 'scripts/cluster.ts'), word];
    good(`npm run cluster -- ${word}, in namespaces of its own,`, await ended(command, { env }));
  };
  const end = async () => {
    await script('down').finally(() => {
      elsewhere.kill('SIGKILL');
      rmSync(dirname(folder), { recursive: true, force: true });
    });
  };
  try {
    await script('load');
  } catch (error) {
    await end();
    throw error;
  }
  return { folder, target, end };
}

/** What runs there ends with it, and it with this process. */
function spawnElsewhere(): ChildProcess {
  const own = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sleep', 'infinity'];
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...own], { stdio: 'ignore' });
}

/** What unshare runs is its child. */
async function firstProcess({ pid: parent }: ChildProcess): Promise<number> {
  const find = () => allProcesses().find((one) => one.words[0] === 'sleep' && parentOf(one.pid) === parent);
  await waitUntil(() => find() !== undefined, 'namespaces');
  return find()?.pid ?? 0;
}
