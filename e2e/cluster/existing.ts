/** The cluster of E2E_KUBECONFIG. Never that of KUBECONFIG, which may be one that people depend on. */
import { existsSync } from 'node:fs';
import process from 'node:process';
import type { Provider } from './cluster.ts';
import { findKubectl, firstNodeAddress } from './kubectl.ts';

export const existing: Provider = {
  kind: 'existing',
  async whyNot() {
    const path = process.env['E2E_KUBECONFIG'] ?? '';
    if (path === '') return 'E2E_KUBECONFIG is not set; set it to the kubeconfig of a cluster that may be used';
    if (!existsSync(path)) throw new Error(`E2E_KUBECONFIG is ${path}, which does not exist; correct or unset it`);
    return undefined;
  },
  async start(progress) {
    const kubeconfig = process.env['E2E_KUBECONFIG'] ?? '';
    const program = await findKubectl(progress);
    return {
      kind: 'existing',
      kubeconfig,
      kubectl: program,
      nodeAddress: await firstNodeAddress({ program, kubeconfig }),
      podNetworkReachable: false,
      loadImage: async () => undefined,
      stop: async () => undefined,
    };
  },
};
