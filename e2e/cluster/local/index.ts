/** The local provider: Kubernetes on this very machine, without a container engine. */
import process from 'node:process';
import type { Provider } from '../cluster.ts';
import { isReady } from './api-server.ts';
import { importImage } from './import.ts';
import { programProcesses } from './machine.ts';
import { hostAddress, nodeAddress, type Places } from './places.ts';
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

/** Politely, as an upgrade does; the machine starts it again after a second. */
async function restartApiServer(places: Places): Promise<void> {
  const old = programProcesses(places.folder, 'kube-apiserver');
  if (old.length === 0) throw new Error('there is no kube-apiserver to restart');
  for (const pid of old) process.kill(pid, 'SIGTERM');
  await waitUntil(
    () => programProcesses(places.folder, 'kube-apiserver').every((pid) => !old.includes(pid)),
    'kube-apiserver to end',
    90,
  );
  await waitUntil(() => isReady(places), 'the API server', 60);
}
