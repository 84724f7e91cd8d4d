/** How an Envoy is reached: the Service, and what the network lets through to the Pods. */
import { containerPort, ownPorts } from '../../ir/container-port.ts';
import type { Gateway } from '../../ir/gateway.ts';
import type { Service, ServicePort } from '../../kube/core.ts';
import type { NetworkPolicy } from '../../kube/workloads.ts';
import { childName, podSelector } from '../names.ts';
import type { Fleet } from './fleet.ts';
import { hbonePort } from './mesh.ts';

/** Undefined without any port, which the API server would refuse. */
export function service({ gateway, metadata }: Fleet): Service | undefined {
  const { type, labels, annotations, sourceRanges, asWritten } = gateway.exposure;
  const ports = servicePorts(gateway);
  if (ports.length === 0) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(childName(gateway.ref), { labels, annotations }),
    spec: {
      type,
      selector: podSelector(gateway.ref),
      ports,
      ...asWritten,
      ...(sourceRanges.length > 0 && { loadBalancerSourceRanges: sourceRanges }),
    },
  };
}

/**
 * Also of a listener that is not served: its certificate may come at any time. Named after the protocol, which is how a
 * mesh knows it; `appProtocol` would also turn the health checks of some load balancers into requests to `/`.
 */
function servicePorts(gateway: Gateway): readonly ServicePort[] {
  return openPorts(gateway).map(({ port, protocol }) => {
    const nodePort = gateway.exposure.nodePorts.get(port);
    return {
      name: `${protocol.toLowerCase()}-${port}`,
      port,
      protocol: 'TCP',
      targetPort: containerPort(port),
      ...(nodePort !== undefined && { nodePort }),
    };
  });
}

/** Each port once, with its first listener's protocol; sorted. Ours must not be reached from outside. */
function openPorts({ listeners }: Gateway): readonly { readonly port: number; readonly protocol: string }[] {
  const own: readonly number[] = Object.values(ownPorts);
  const byPort = new Map(listeners.toReversed().map((listener) => [listener.port, listener]));
  return [...byPort.values()].filter(({ port }) => !own.includes(port)).toSorted((a, b) => a.port - b.port);
}

/**
 * Whom the statistics and readiness are asked by (Prometheus on a node's network, a load balancer's health checks, the API
 * server's proxy) has addresses that no selector names. The drain is the kubelet's, whose node no policy keeps out.
 */
export function networkPolicy({ gateway, metadata }: Fleet): NetworkPolicy {
  const listeners = openPorts(gateway).map(({ port }) => containerPort(port));
  const mesh = gateway.mesh?.mode === 'Ambient' ? [hbonePort] : [];
  const open = new Set([...listeners, ownPorts.operations, ownPorts.readiness, ...mesh]);
  const ports = [...open].map((port) => ({ protocol: 'TCP', port }) as const);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(childName(gateway.ref)),
    spec: {
      podSelector: { matchLabels: podSelector(gateway.ref) },
      policyTypes: ['Ingress'],
      ingress: [{ ports }],
    },
  };
}
