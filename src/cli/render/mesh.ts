/** The objects that `evengate render` prints for Istio, in the order in which the operator creates them. */
import type { Mesh } from '../../ir/mesh.ts';
import { type KubeObject, keyOf, objectKey } from '../../kube/object.ts';
import { compareText } from '../../policy/attribute.ts';
import { meshObjects, waypointObjects } from '../../render/mesh.ts';

export interface MeshFile {
  /** Below the folder of all that is for the mesh. */
  readonly path: readonly [folder: string, file: readonly [kind: string, name: string]];
  readonly about: string;
  readonly object: KubeObject;
}

/** Waypoints first: until there is one, ztunnel must not send everybody there. */
export function meshFiles(mesh: Mesh, className: string, isShown: (namespace: string) => boolean): readonly MeshFile[] {
  const waypoints = waypointObjects(mesh, className).filter(({ metadata }) => isShown(metadata.namespace ?? ''));
  const workloads = [...mesh.workloads.values()]
    .filter(({ namespace }) => isShown(namespace))
    .toSorted((a, b) => compareText(a.key, b.key));
  return [
    ...waypoints.map((object) => meshFile('waypoints', `waypoint ${objectKey(object)}`, object)),
    ...workloads.flatMap((workload) => {
      const folder = `${workload.namespace}.${workload.key.slice(workload.namespace.length + 1)}`;
      const services = workload.services.map((service) => keyOf(workload.namespace, service)).join(', ');
      return meshObjects(workload, className).map((object) => meshFile(folder, `Service ${services}`, object));
    }),
  ];
}

function meshFile(folder: string, about: string, object: KubeObject): MeshFile {
  const { name, namespace = '' } = object.metadata;
  const file = folder === 'waypoints' ? `${namespace}.${name}` : name;
  return { path: [folder, [object.kind.toLowerCase(), file]], about: `${about}: ${object.kind} ${name}`, object };
}
