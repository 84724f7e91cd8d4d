/** One Envoy of one worker that serves an edge. */
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAtomically } from '../src/delivery/envoy/files.ts';
import { findEnvoy } from '../src/delivery/envoy/find.ts';
import { type EnvoyProcess, startEnvoy } from '../src/delivery/envoy/process.ts';
import type { Placement } from '../src/ir/placement.ts';
import type { KubeObject } from '../src/kube/object.ts';
import { bootstrap } from '../src/render/bootstrap.ts';
import { type Edge, type EdgeFile, edgeRenderer } from '../src/render/edge.ts';
import { resolver } from '../src/resolve/resolve.ts';
import { inCluster } from './placement.ts';
import { snapshotOf } from './world.ts';

export interface OneEnvoy {
  readonly envoy: EnvoyProcess;
  /** What it was told, by file name. */
  readonly files: ReadonlyMap<string, string>;
}

export interface Served {
  /** Of its files. */
  readonly directory: string;
  readonly objects: readonly KubeObject[];
  readonly placement: Pick<Placement, 'bind'> & Partial<Placement>;
  readonly textOf?: (file: EdgeFile, edge: Edge) => string;
}

/** Resolves a second later: what it was told is in place by then. */
export async function startOne({ directory, objects, placement, textOf = asItIs }: Served): Promise<OneEnvoy> {
  const binary = await findEnvoy({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
  const xds = join(directory, 'xds');
  const { gateways } = resolver()(snapshotOf(objects));
  const render = edgeRenderer({ ...inCluster, directory: xds, sharePorts: false, ...placement });
  const [edge] = [...gateways.values()].map(render);
  if (edge === undefined) throw new Error('the gateway of the bench cannot be resolved');
  const files = new Map(edge.files.map((file) => [file.name, textOf(file, edge)]));
  await writeAtomically(xds, files);
  const envoy = await startEnvoy({
    binary: binary.path,
    directory,
    bootstrap: bootstrap(edge.gateway, xds),
    env: process.env,
    concurrency: 1,
    onExit: () => undefined,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  await sleep(1000);
  return { envoy, files };
}

function asItIs(file: EdgeFile, { revision }: Edge): string {
  return file.text(revision);
}
