/** Of a mesh: what Istio is told about our namespaces, by us and by others, and which Pods its proxies stand before. */
import type { KubeObject } from '../../kube/object.ts';
import type { Pod, PodContainer } from '../../kube/pod.ts';
import type { Snapshot } from '../../kube/snapshot.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import type { Bundle } from './bundle.ts';

const istioKinds = ['PeerAuthentication', 'RequestAuthentication', 'AuthorizationPolicy'] as const;

/** @param namespaces of our objects; what is in Istio's root namespace counts in each */
export function writeMesh(
  bundle: Bundle,
  snapshot: Snapshot,
  { gateways }: Resolution,
  namespaces: ReadonlySet<string>,
): void {
  const meshes = [...gateways.values()].flatMap(({ mesh }) => mesh ?? []);
  const told = new Set([...namespaces, ...meshes.map(({ rootNamespace }) => rootNamespace)]);
  const within = (some: ReadonlySet<string>) => (object: KubeObject) => some.has(object.metadata.namespace ?? '');
  const policies = istioKinds.flatMap((kind) => [...snapshot[kind].values()]);
  for (const object of policies.filter(within(told))) bundle.object(object);
  const pods = [...(snapshot.Pod as ReadonlyMap<string, Pod>).values()];
  for (const pod of pods.filter(within(namespaces))) bundle.object(proxied(pod));
}

/** Whose it is, and what runs in it; what it is told is its own. */
function proxied({ apiVersion, kind, metadata, spec, status }: Pod): KubeObject {
  const { name, namespace, labels } = metadata;
  const { serviceAccountName, containers = [], initContainers = [] } = spec ?? {};
  const named = (all: readonly PodContainer[]) => all.map(({ name: container, ports }) => ({ name: container, ports }));
  const running = { serviceAccountName, containers: named(containers), initContainers: named(initContainers) };
  const { phase, conditions } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }) },
    spec: running,
    status: { phase, conditions },
  } as KubeObject;
}
