/** What every author of a status looks at, indexed once for all of them. */
import { describeRef, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';
import type { Delivery } from '../status/conditions.ts';
import type { Finding } from '../status/finding.ts';

export interface StatusWorld {
  readonly resolution: Resolution;
  /** By ApiGateway; one that is missing was not delivered. */
  readonly deliveries: ReadonlyMap<ObjectKey, Delivery>;
  /** By ApiGateway: what every Ready Envoy has acknowledged last. Undefined where nobody delivers. */
  readonly served: ReadonlyMap<ObjectKey, Resolution> | undefined;
  /** By ApiGateway: where its Service is reached. */
  readonly addresses: ReadonlyMap<ObjectKey, readonly Address[]>;
  /** Of this object, whoever found them. */
  findingsOf(ref: ObjectRef): readonly Finding[];
  /** Routes attached to any listener of the ApiGateway. */
  attachedRoutes(gateway: ObjectKey): number;
}

/** gateway.networking.k8s.io GatewayStatusAddress. */
export interface Address {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}

export type Delivered = Partial<Pick<StatusWorld, 'deliveries' | 'served' | 'addresses'>>;

/** `findings` are those of the resolution, and what reading the objects found. */
export function statusWorld(
  resolution: Resolution,
  findings: readonly Finding[],
  { deliveries = new Map(), served, addresses = new Map() }: Delivered = {},
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
    served,
    addresses,
    findingsOf: (ref) => byObject.get(describeRef(ref)) ?? [],
    attachedRoutes: (gateway) => attached.get(gateway) ?? 0,
  };
}
