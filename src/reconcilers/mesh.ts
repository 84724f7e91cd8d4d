/** What has become of the objects of one workload, and what Istio itself says of them; and which gateways reach it. */
import type { Gateway } from '../ir/gateway.ts';
import type { EnforcementPoint, MeshWorkload } from '../ir/mesh.ts';
import { keyOf, type ObjectKey } from '../kube/object.ts';

/** Why a point does not enforce what was written for it. */
export interface Objection {
  readonly reason: 'NotEnrolled' | 'NotTranslatable' | 'Pending';
  /** A sentence without a full stop. */
  readonly message: string;
}

export type Objections = Readonly<Partial<Record<EnforcementPoint, Objection>>>;

export type WorkloadState =
  /** They are there as they should be; `against` is what Istio says against them. */
  | { readonly kind: 'applied'; readonly against?: Objections }
  /** Not written yet, or not taken up yet. */
  | { readonly kind: 'waiting'; readonly message: string }
  /** An object of somebody else has the name of one of them. */
  | { readonly kind: 'taken'; readonly message: string }
  /** The API server refuses one of them. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Istio's CRDs are not there. */
  | { readonly kind: 'missing'; readonly message: string }
  /** Nothing names the workload any more, and its ports admit nobody. */
  | { readonly kind: 'kept' };

/** By workload. */
export type WorkloadStates = ReadonlyMap<ObjectKey, WorkloadState>;

const reached = new WeakMap<Gateway, ReadonlySet<ObjectKey>>();

/** Services that an edge sends to, `namespace/name`. */
export function servicesOf(gateway: Gateway): ReadonlySet<ObjectKey> {
  const known = reached.get(gateway);
  if (known !== undefined) return known;
  const backends = gateway.chains.flatMap(({ uses }) => uses.backends);
  const services = new Set(backends.map(({ namespace, service }) => keyOf(namespace, service)));
  reached.set(gateway, services);
  return services;
}

export function reaches(gateway: Gateway, { namespace, services }: MeshWorkload): boolean {
  const own = servicesOf(gateway);
  return services.some((service) => own.has(keyOf(namespace, service)));
}
