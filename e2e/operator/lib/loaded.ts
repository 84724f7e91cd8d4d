/** The cluster of a run, with the images that its tests need. */
import events from 'node:events';
import process from 'node:process';
import { packEnvoy, packEvengate } from '../../cluster/images/images.ts';
import type { Cluster } from '../../cluster/index.ts';
import { useCluster } from '../../cluster/use.ts';

/** Only Node's own modules are the same objects in all test files of a process (see `e2e/cluster/shared.ts`). */
const key = Symbol.for('evengate.cluster.loaded');
const holder = events as unknown as { [key]?: Promise<void> };

/** The one of this run, with the images of this working tree and of Envoy. */
export async function loadedCluster(): Promise<Cluster> {
  const cluster = await useCluster();
  holder[key] ??= load(cluster);
  await holder[key];
  return cluster;
}

async function load(cluster: Cluster): Promise<void> {
  const say = (line: string) => void process.stderr.write(`cluster: ${line}\n`);
  for (const pack of [packEvengate, packEnvoy]) await cluster.loadImage(await pack(say));
}
