/** A cluster of kind (kind.sigs.k8s.io), in containers of Docker or Podman. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Provider } from './cluster.ts';
import { findKubectl, firstNodeAddress } from './kubectl.ts';
import { which } from './local/requirements.ts';

const name = 'evengate-e2e';
const config = join(import.meta.dirname, '../../kind-config.yaml');
const run = (...parameters: readonly string[]) => promisify(execFile)('kind', parameters);

export const kind: Provider = {
  kind: 'kind',
  async whyNot() {
    if (which('kind') === undefined) return 'there is no kind on PATH; install it from https://kind.sigs.k8s.io';
    // It asks the engine, and so fails without one.
    if (spawnSync('kind', ['get', 'clusters'], { timeout: 10_000 }).status !== 0)
      return 'kind finds no container engine; start Docker or Podman';
    return undefined;
  },
  async start(progress) {
    const folder = await mkdtemp(join(tmpdir(), 'evengate-kind-'));
    const kubeconfig = join(folder, 'kubeconfig');
    progress('creating a cluster with kind');
    await run('delete', 'cluster', '--name', name); // of a run that was killed
    await run('create', 'cluster', '--name', name, '--config', config, '--kubeconfig', kubeconfig, '--wait', '120s');
    const program = await findKubectl(progress);
    return {
      kind: 'kind',
      kubeconfig,
      kubectl: program,
      nodeAddress: await firstNodeAddress({ program, kubeconfig }),
      podNetworkReachable: false,
      async loadImage({ archive }) {
        await run('load', 'image-archive', archive, '--name', name);
      },
      async stop() {
        await run('delete', 'cluster', '--name', name);
        await rm(folder, { recursive: true });
      },
    };
  },
};
