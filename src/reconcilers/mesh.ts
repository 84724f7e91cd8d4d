/** What has become of the objects of one workload, and what Istio itself says of them. */
import type { EnforcementPoint } from '../ir/mesh.ts';
import type { ObjectKey } from '../kube/object.ts';

export type WorkloadState =
  /** They are there as they should be; `against` is what Istio says against them, a sentence without a full stop a point. */
  | { readonly kind: 'applied'; readonly against?: Readonly<Partial<Record<EnforcementPoint, string>>> }
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
