/** A workload as Istio's objects. The same input gives the same bytes; no owner references: who loses the last ALLOW is open. */
import type { MeshWorkload } from '../ir/mesh.ts';
import type { SecurityObject } from '../istio/security.ts';
import { peerAuthentication, requestAuthentication } from './mesh/authentication.ts';
import { authorization, type Layer, viaWaypoint } from './mesh/authorization.ts';
import { workloadLabels } from './mesh/names.ts';
import { portsSeen } from './mesh/view.ts';

export { type Enrolment, enrolmentLabels, waypointObject, waypointObjects } from './mesh/ambient.ts';
export { type Former, formerName, isFormer, ofFormer, selectorText } from './mesh/former.ts';
export { meshLabels, workloadLabel } from './mesh/names.ts';
export { originsAnnotation, readOrigins } from './mesh/origins.ts';

/**
 * In the order of creation, which leaves nothing open and nothing shut that need not be; deletion is the reverse. Tokens are
 * verified before a rule asks for one, the waypoint judges before ztunnel sends everybody there, and plaintext is refused last.
 */
export function meshObjects(workload: MeshWorkload, className: string): readonly SecurityObject[] {
  const known = rendered.get(workload);
  if (known?.className === className) return known.objects;
  const objects = render(workload, className);
  rendered.set(workload, { className, objects });
  return objects;
}

/** A workload that did not change is the same object, and so are its own. */
const rendered = new WeakMap<
  MeshWorkload,
  { readonly className: string; readonly objects: readonly SecurityObject[] }
>();

function render(workload: MeshWorkload, className: string): readonly SecurityObject[] {
  if (workload.closed.length === 0) return [];
  const [, first = workload.key] = workload.key.split('/');
  const labels = workloadLabels(first, className);
  const layerAt = (point: Layer['view']['point'], service = first): Layer => ({
    view: { point, service },
    workload,
    className,
    labels,
  });
  if (workload.settings.mode === 'Sidecar') {
    const sidecar = layerAt('sidecar');
    return [...requestAuthentication(sidecar), ...authorization(sidecar), ...peerAuthentication(sidecar)];
  }
  const ztunnel = layerAt('ztunnel');
  const { waypoint } = workload.settings;
  if (waypoint === undefined) return [...authorization(ztunnel), ...peerAuthentication(ztunnel)];
  const waypoints = closedServices(workload).map((service) => layerAt('waypoint', service));
  return [
    ...waypoints.flatMap(requestAuthentication),
    ...waypoints.flatMap(authorization),
    viaWaypoint(ztunnel, waypoint.name),
    ...peerAuthentication(ztunnel),
  ];
}

/** A waypoint sees no closed port of the others. */
function closedServices({ services, closed }: MeshWorkload): readonly string[] {
  if (closed === 'all') return services;
  return services.filter((service) => portsSeen({ point: 'waypoint', service }, closed).length > 0);
}
