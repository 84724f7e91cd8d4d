/** What one point of enforcement sees of a workload, and how an object names it there. */
import type { ClosedPort, EnforcementPoint, MeshWorkload } from '../../ir/mesh.ts';
import type { Scope } from '../../istio/security.ts';

export interface View {
  readonly point: EnforcementPoint;
  /** Whose name the objects bear: a waypoint sees one Service at a time, whose ports are its own. */
  readonly service: string;
}

export function scopeOf({ point, service }: View, { selector, key }: MeshWorkload): Scope {
  if (point === 'waypoint') return { targetRefs: [{ group: '', kind: 'Service', name: service }] };
  // An empty one would be about the whole namespace.
  if (Object.keys(selector).length === 0) throw new Error(`workload ${key} has no selector`);
  return { selector: { matchLabels: selector } };
}

/** Numbers as the point sees them, sorted; of a waypoint's Service alone. */
export function portsSeen({ point, service }: View, ports: readonly ClosedPort[]): readonly number[] {
  const seen =
    point === 'waypoint'
      ? ports.filter((port) => port.service === service).map(({ port }) => port)
      : ports.flatMap(({ targets }) => targets);
  return [...new Set(seen)].toSorted((a, b) => a - b);
}

/** Every port closes where the number of one is not known. */
export function closedPorts(view: View, { closed }: MeshWorkload): readonly number[] | 'all' {
  if (closed === 'all') return closed;
  const isUnknown = view.point !== 'waypoint' && closed.some(({ targets }) => targets.length === 0);
  return isUnknown ? 'all' : portsSeen(view, closed);
}
