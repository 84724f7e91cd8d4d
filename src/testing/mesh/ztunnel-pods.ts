/** Pods before which ztunnel stands, and what istiod would hand it for them. */
import type { MeshRequest } from '../../proof/istio.ts';
import { rootNamespace } from './layer-four.ts';
import type { IstioOracle, ZtunnelAnswer } from './oracle.ts';
import type { Connection } from './ztunnel.ts';

/** The rest of a request, which nobody at layer 4 sees. */
export function requestOf({ principal, sourceIp, destinationIp, port }: Connection, pod: Pod): MeshRequest {
  return {
    ...pod,
    services: ['orders'],
    port,
    ...(principal === undefined ? {} : { principal }),
    method: 'GET',
    path: '/a',
    host: 'a.example',
    headers: new Map([['x-team', ['red']]]),
    directIp: sourceIp,
    remoteIp: sourceIp,
    localIp: destinationIp,
    mesh: { rootNamespace, trustDomains: ['cluster.local', 'old.td'] },
  };
}

export type Pod = Pick<MeshRequest, 'namespace' | 'labels'>;

/** One answer a Pod; each in a world of its own, as far as namespaces keep them apart. */
export async function askZtunnel(
  oracle: IstioOracle,
  objects: readonly object[],
  pods: readonly Pod[],
): Promise<readonly ZtunnelAnswer[]> {
  const proxies = pods.map((pod) => ({ kind: 'ztunnel', name: `${pod.labels['app']}-0`, ...pod }) as const);
  return (await oracle.ask({ objects, proxies, meshConfig: { rootNamespace } })) as readonly ZtunnelAnswer[];
}
