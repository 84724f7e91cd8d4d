/** Why a workload that is open must not be closed yet: a request that the edge sends it now would be refused. Pure. */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import { type Service, waypointBound } from '../../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import { haveIdentity, isReady, servesYet } from '../../../reconcilers/pods.ts';
import { enrolmentLabels } from '../../../render/mesh.ts';
import { type Edge, hasIdentity } from './travelling.ts';

export interface GateWorld {
  readonly podsOf: (edge: Edge) => readonly Pod[];
  readonly service: (key: ObjectKey) => Service | undefined;
}

type Looking = GateWorld & { readonly clock: { now(): number } };

/** A sentence without a full stop; undefined where nothing is in the way. */
export function inTheWay(workload: MeshWorkload, edges: readonly Edge[], world: Looking): string | undefined {
  if (workload.settings.enforcement === 'Shadow') return undefined;
  return (
    first(edges, (edge) => strange(edge, world)) ?? first(workload.services, (name) => unbound(workload, name, world))
  );
}

/** The mesh would not know its Envoys. One that is drained is told nothing any more, and sends as it did. */
function strange(edge: Edge, { podsOf, clock }: Looking): string | undefined {
  if (!hasIdentity(edge)) return `it is closed once every Envoy of ApiGateway ${edge.key} has its identity in the mesh`;
  const isOutside = outsideOf(edge);
  const outside = podsOf(edge).find((pod) => isOutside(pod) && (isReady(pod) || servesYet(pod, clock.now())));
  return (
    outside && `it is closed once Pod ${outside.metadata.name} of ApiGateway ${edge.key} is replaced by one in the mesh`
  );
}

function outsideOf({ gateway: { mesh, agent } }: Edge): (pod: Pod) => boolean {
  if (mesh?.mode !== 'Ambient') return (pod) => agent !== undefined && !haveIdentity([pod]);
  const [captured = ''] = Object.entries(enrolmentLabels(mesh).namespace).map(([name]) => name);
  return (pod) => pod.metadata.labels?.[captured] === undefined;
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
