/** What every author of a status looks at, indexed once for all of them. */
import { describeRef, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';
import type { Delivery } from '../status/conditions.ts';
import type { Finding } from '../status/finding.ts';

export interface StatusWorld {
  readonly resolution: Resolution;
  /** By ApiGateway; one that is missing was not delivered. */
  readonly deliveries: ReadonlyMap<ObjectKey, Delivery>;
  /** Of this object, whoever found them. */
  findingsOf(ref: ObjectRef): readonly Finding[];
  /** Routes attached to any listener of the ApiGateway. */
  attachedRoutes(gateway: ObjectKey): number;
}

/** `findings` are those of the resolution, and what reading the objects found. */
export function statusWorld(
  resolution: Resolution,
  findings: readonly Finding[],
  deliveries: ReadonlyMap<ObjectKey, Delivery> = new Map(),
): StatusWorld {
  const byObject = Map.groupBy(findings, ({ about }) => describeRef(about));
  const attached = new Map<ObjectKey, number>();
  for (const { placements } of resolution.routes.values()) {
    for (const gateway of new Set(placements.map((placement) => placement.gateway))) {
      attached.set(gateway, (attached.get(gateway) ?? 0) + 1);
    }
  }
  return {
    resolution,
    deliveries,
    findingsOf: (ref) => byObject.get(describeRef(ref)) ?? [],
    attachedRoutes: (gateway) => attached.get(gateway) ?? 0,
  };
}
