/** The local provider: Kubernetes on this very machine, without a container engine. */
import type { Provider } from '../cluster.ts';
import { isReady } from './api-server.ts';
import { importImage } from './import.ts';
import { programProcesses } from './machine.ts';
import { hostAddress, nodeAddress, type Places } from './places.ts';
import { kill } from './processes.ts';
import { whyNoLocalCluster } from './requirements.ts';
import { endLocal, startLocal } from './start.ts';
import { waitUntil } from './wait.ts';

export const local: Provider = {
  kind: 'local',
  whyNot: async () => whyNoLocalCluster(),
  async start(progress) {
    const { places, kubectl, found } = await startLocal({ progress, attached: true });
    return {
      kind: 'local',
      kubeconfig: places.adminKubeconfig,
      kubectl,
      nodeAddress,
      hostAddress,
      podNetworkReachable: true,
      loadImage: (image) => importImage(places, image),
      restartApiServer: () => restartApiServer(places),
      stop: async () => {
        if (!found) await endLocal(progress, places);
      },
    };
  },
};

/** As a crash does, since a polite end waits a minute for those who watch; the machine starts it again after a second. */
async function restartApiServer(places: Places): Promise<void> {
  const processes = () => programProcesses(places.folder, 'kube-apiserver');
  const old = processes();
  if (old.length === 0) throw new Error('there is no kube-apiserver to restart');
  for (const pid of old) kill(pid);
  await waitUntil(() => processes().some((pid) => !old.includes(pid)), 'its restart');
  await waitUntil(() => isReady(places), 'the API server', 60);
}
