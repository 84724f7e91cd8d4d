/** What makes Istio take up a workload: labels, and the waypoint itself where it is ours. */
import type { Mesh, MeshSettings, Waypoint } from '../../ir/mesh.ts';
import { type KubeObject, objectKey } from '../../kube/object.ts';
import type { Labels } from '../../kube/pods.ts';
import { compareText } from '../../policy/attribute.ts';
import { istioLabels, meshLabels, serviceAccountAnnotation } from './names.ts';

export interface Enrolment {
  readonly namespace: Labels;
  readonly service: Labels;
}

/** What `enrolment: Managed` sets; what a waypoint needs is not set without one. */
export function enrolmentLabels({ mode, revision, waypoint }: Omit<MeshSettings, 'identity'>): Enrolment {
  const rev: Labels = revision === '' ? {} : { [istioLabels.revision]: revision };
  if (mode === 'Sidecar') {
    return { namespace: revision === '' ? { [istioLabels.injection]: 'enabled' } : rev, service: {} };
  }
  return {
    namespace: { [istioLabels.dataPlane]: 'ambient', ...rev },
    // The second is for Istio's own ingress gateways, whose requests ztunnel would refuse.
    service:
      waypoint === undefined
        ? {}
        : { [istioLabels.useWaypoint]: waypoint.name, [istioLabels.ingressUseWaypoint]: 'true' },
  };
}

/** gateway.networking.k8s.io Gateway: Istio makes the proxies, and runs them as the ServiceAccount that ztunnel admits. */
export function waypointObject(namespace: string, { name }: Waypoint, className: string, revision = ''): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: {
      name,
      namespace,
      labels: {
        ...meshLabels(className),
        [istioLabels.waypointFor]: 'service',
        ...(revision === '' ? {} : { [istioLabels.revision]: revision }),
      },
      annotations: { [serviceAccountAnnotation]: name },
    },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
    },
  };
}

/** Those that the operator keeps, each once, sorted. */
export function waypointObjects({ workloads }: Mesh, className: string): readonly KubeObject[] {
  const managed = [...workloads.values()].flatMap(({ namespace, settings: { mode, waypoint, revision } }) =>
    mode === 'Ambient' && waypoint?.managed === true ? [waypointObject(namespace, waypoint, className, revision)] : [],
  );
  const byKey = new Map(managed.map((object) => [objectKey(object), object]));
  return [...byKey].toSorted(([a], [b]) => compareText(a, b)).map(([, object]) => object);
}
