/** Why a workload that is open must not be closed yet: a request that the edge sends it now would be refused. Pure. */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import { type Service, waypointBound } from '../../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import { isReady } from '../../../reconcilers/pods.ts';
import { enrolmentLabels } from '../../../render/mesh.ts';
import { type Edge, hasIdentity } from './travelling.ts';

export interface GateWorld {
  readonly podsOf: (edge: Edge) => readonly Pod[];
  readonly service: (key: ObjectKey) => Service | undefined;
}

/** A sentence without a full stop; undefined where nothing is in the way. */
export function inTheWay(workload: MeshWorkload, edges: readonly Edge[], world: GateWorld): string | undefined {
  if (workload.settings.enforcement === 'Shadow') return undefined;
  return (
    first(edges, (edge) => strange(edge, world)) ?? first(workload.services, (name) => unbound(workload, name, world))
  );
}

/** The mesh would not know its Envoys. */
function strange(edge: Edge, { podsOf }: GateWorld): string | undefined {
  if (!hasIdentity(edge)) return `it is closed once every Envoy of ApiGateway ${edge.key} has its identity in the mesh`;
  const { mesh } = edge.gateway;
  if (mesh?.mode !== 'Ambient') return undefined;
  const [captured = ''] = Object.entries(enrolmentLabels(mesh).namespace).map(([name]) => name);
  const isOutside = (pod: Pod) => isReady(pod) && pod.metadata.labels?.[captured] === undefined;
  const outside = podsOf(edge).find(isOutside);
  return (
    outside && `it is closed once Pod ${outside.metadata.name} of ApiGateway ${edge.key} is replaced by one in the mesh`
  );
}

/** Whoever does not come through a waypoint is refused at the Pods. */
function unbound({ namespace, settings }: MeshWorkload, name: string, { service }: GateWorld): string | undefined {
  const { waypoint, mode } = settings;
  if (mode !== 'Ambient' || waypoint === undefined) return undefined;
  const bound = service(keyOf(namespace, name))?.status?.conditions?.find(({ type }) => type === waypointBound);
  if (bound?.status === 'True') return undefined;
  const why = bound?.message === undefined || bound.message === '' ? '' : ` (${bound.message.replace(/\.$/, '')})`;
  return `it is closed once Istio has bound Service ${namespace}/${name} to waypoint ${waypoint.name}${why}`;
}

function first<T>(items: readonly T[], why: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = why(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
