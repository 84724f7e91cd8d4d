/** What every author of a status looks at, indexed once for all of them. */
import { keyOf, type ObjectKey } from '../kube/object.ts';
import type { Resolution } from '../resolve/resolve.ts';
import type { Delivery } from '../status/conditions.ts';
import type { Finding } from '../status/finding.ts';
import type { WorkloadStates } from './mesh.ts';

export interface StatusWorld {
  readonly resolution: Resolution;
  /** By ApiGateway; one that is missing was not delivered. */
  readonly deliveries: ReadonlyMap<ObjectKey, Delivery>;
  /** By ApiGateway: what every Ready Envoy has acknowledged last. Undefined where nobody delivers. */
  readonly served: ReadonlyMap<ObjectKey, Resolution> | undefined;
  /** By workload: what Istio has of it. Undefined where nobody writes for Istio. */
  readonly workloads: WorkloadStates | undefined;
  /** By ApiGateway: where its Service is reached. */
  readonly addresses: ReadonlyMap<ObjectKey, readonly Address[]>;
  /** Of this object, whoever found them. */
  findingsOf(kind: string, key: ObjectKey): readonly Finding[];
  /** Routes attached to any listener of the ApiGateway. */
  attachedRoutes(gateway: ObjectKey): number;
}

/** gateway.networking.k8s.io GatewayStatusAddress. */
export interface Address {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}

export type Delivered = Partial<Pick<StatusWorld, 'deliveries' | 'served' | 'workloads' | 'addresses'>>;

/** `findings` are those of the resolution, and what reading the objects found. */
export function statusWorld(
  resolution: Resolution,
  findings: readonly Finding[],
  { deliveries = new Map(), served, workloads, addresses = new Map() }: Delivered = {},
): StatusWorld {
  const byObject = new Map(
    [...Map.groupBy(findings, ({ about }) => about.kind)].map(([kind, some]) => [
      kind,
      Map.groupBy(some, ({ about }) => keyOf(about.namespace, about.name)),
    ]),
  );
  return {
    resolution,
    deliveries,
    served,
    workloads,
    addresses,
    findingsOf: (kind, key) => byObject.get(kind)?.get(key) ?? none,
    attachedRoutes: (gateway) => attached(resolution).get(gateway) ?? 0,
  };
}

const none: readonly Finding[] = [];

/** A resolution is reported on many times: before, while and after it is delivered. */
const counted = new WeakMap<Resolution, ReadonlyMap<ObjectKey, number>>();

function attached(resolution: Resolution): ReadonlyMap<ObjectKey, number> {
  const known = counted.get(resolution);
  if (known !== undefined) return known;
  const counts = new Map<ObjectKey, number>();
  for (const { placements } of resolution.routes.values()) {
    for (const gateway of new Set(placements.map((placement) => placement.gateway))) {
      counts.set(gateway, (counts.get(gateway) ?? 0) + 1);
    }
  }
  counted.set(resolution, counts);
  return counts;
}
