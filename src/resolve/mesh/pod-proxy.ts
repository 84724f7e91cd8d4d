/** What of Istio stands before a Pod. */
import type { Pod } from '../../kube/pod.ts';

export type PodProxy = 'sidecar' | 'ztunnel' | 'none';

/** Istio's CNI sets it once it has redirected the Pod. */
const redirection = 'ambient.istio.io/redirection';

/** As injected: a container, or an init container that goes on running. An agent without Envoy (our own Pods) is called otherwise. */
export function podProxy({ metadata, spec }: Pod): PodProxy {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  if (containers.some(({ name }) => name === 'istio-proxy')) return 'sidecar';
  return metadata.annotations?.[redirection] === 'enabled' ? 'ztunnel' : 'none';
}

/** It may serve, now or later. One that is asked to end still serves what it was sent. */
export function mayServe({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** `namespace/name` */
export function serviceAccountOf({ metadata, spec }: Pod): string {
  return `${metadata.namespace ?? 'default'}/${spec?.serviceAccountName ?? 'default'}`;
}
