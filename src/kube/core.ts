/** core/v1 and gateway.networking.k8s.io kinds, with only the fields that we read or write. */
import type { Condition, KubeObject } from './object.ts';

export interface Service extends KubeObject {
  readonly spec?: {
    readonly type?: string;
    readonly externalName?: string;
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
    readonly loadBalancerClass?: string;
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly allocateLoadBalancerNodePorts?: boolean;
    readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Condition that Istio sets on a Service that has a waypoint. */
export const waypointBound = 'istio.io/WaypointBound';

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

/** `binaryData` is base64. */
export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** `data` is base64, as on the wire; `stringData` is what people write in manifests. */
export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  /**
   * Set by us where the content is not known: `mounted` is read by Envoy alone, `forbidden` is a Secret that the operator
   * may not read.
   */
  readonly unread?: 'mounted' | 'forbidden';
}

export type Namespace = KubeObject;

/** gateway.networking.k8s.io/v1beta1 ReferenceGrant (GEP-709). */
export interface ReferenceGrant extends KubeObject {
  readonly spec?: {
    readonly from?: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    readonly to?: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  };
}
