/** Plays the API server's allocators and a cloud's load balancer controller. */
import { resources } from '../../kube/resources.ts';
import type { KubeApi } from './index.ts';
import { textAt, valueAt } from './json.ts';
import type { Simulation } from './simulate-deployments.ts';
import type { Stored } from './stored.ts';

export interface ServiceSimulation {
  /** False: the address of a LoadBalancer never comes. Asked again by `refresh`. */
  readonly balances?: (service: Stored) => boolean;
}

/** A clusterIP for each Service that wants one, 198.51.100.x for each LoadBalancer. */
export function simulateServices(api: KubeApi, { balances = () => true }: ServiceSimulation = {}): Simulation {
  let count = 0;
  const refresh = () => {
    for (const service of api.list(resources.Service) as readonly unknown[] as readonly Stored[]) {
      const type = textAt(service, 'spec', 'type');
      if (textAt(service, 'spec', 'clusterIP') === '' && type !== 'ExternalName') {
        count += 1;
        const clusterIP = `10.96.${count >> 8}.${count & 255}`;
        api.patch(service, { spec: { clusterIP, clusterIPs: [clusterIP], ...(type === '' && { type: 'ClusterIP' }) } });
      } else if (
        type === 'LoadBalancer' &&
        valueAt(service, 'status', 'loadBalancer') === undefined &&
        balances(service)
      ) {
        count += 1;
        api.putStatus(service, { loadBalancer: { ingress: [{ ip: `198.51.100.${count & 255}` }] } });
      }
    }
  };
  const stop = api.onChange(({ type }) => {
    if (type.kind === 'Service') refresh();
  });
  refresh();
  return { refresh, stop };
}
