/** K3s in one container of whatever engine testcontainers finds. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Provider } from './cluster.ts';
import { findKubectl, firstNodeAddress } from './kubectl.ts';

const image = 'rancher/k3s:v1.35.4-k3s1';

export const k3s: Provider = {
  kind: 'k3s',
  async whyNot() {
    // Imported here: only this provider needs it, and it may be absent.
    const { getContainerRuntimeClient } = await import('testcontainers');
    return getContainerRuntimeClient().then(
      () => undefined,
      () => 'testcontainers finds no container engine; start Docker or Podman',
    );
  },
  async start(progress) {
    const { K3sContainer } = await import('@testcontainers/k3s');
    progress(`starting ${image}`);
    const container = await new K3sContainer(image).start();
    const folder = await mkdtemp(join(tmpdir(), 'evengate-k3s-'));
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, container.getKubeConfig(), { mode: 0o600 });
    const program = await findKubectl(progress);
    return {
      kind: 'k3s',
      kubeconfig,
      kubectl: program,
      nodeAddress: await firstNodeAddress({ program, kubeconfig }),
      podNetworkReachable: false,
      async loadImage({ name, archive }) {
        const target = `/tmp/${basename(archive)}`;
        await container.copyFilesToContainer([{ source: archive, target }]);
        const { exitCode, output } = await container.exec(['ctr', '-n', 'k8s.io', 'images', 'import', target]);
        if (exitCode !== 0) throw new Error(`K3s does not take ${name}: ${output}`);
      },
      async stop() {
        await container.stop();
        await rm(folder, { recursive: true });
      },
    };
  },
};
