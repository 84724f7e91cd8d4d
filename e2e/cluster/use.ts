/** For test files: the one cluster of the run, and kubectl on it. */
import process from 'node:process';
import { type Cluster, startCluster } from './index.ts';
import { runKubectl } from './kubectl.ts';
import { shared } from './shared.ts';

export type { Cluster } from './index.ts';

/** The same for all files of a run; started by the first that asks, and ended after the last (`teardown.ts`). */
export function useCluster(): Promise<Cluster> {
  return shared(() => startCluster((line) => process.stderr.write(`cluster: ${line}\n`)));
}

/** What kubectl wrote to stdout. `input` is its stdin: a text, or objects for `-f -`. Throws with its stderr. */
export async function kubectl(parameters: readonly string[], input?: string | object): Promise<string> {
  const cluster = await useCluster();
  return runKubectl({ program: cluster.kubectl, kubeconfig: cluster.kubeconfig }, parameters, input);
}
