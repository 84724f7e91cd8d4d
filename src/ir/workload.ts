/** How the Envoys of a gateway run and are reached, defaults applied: what users write once, and a cluster has to be told. */
import type { Amounts, Labels, LocalObjectReference, Toleration, TopologySpreadConstraint } from '../kube/pods.ts';

export type Count = number | string;

export interface Workload {
  readonly scale: Scale;
  /** Undefined leaves it to the operator. */
  readonly image: string | undefined;
  readonly requests: Amounts;
  readonly limits: Amounts;
  /** Limit of memory, in bytes. */
  readonly memoryLimit: number | undefined;
  /** Undefined without a budget: there is no second Envoy to keep. */
  readonly disruption: { readonly minAvailable: Count } | { readonly maxUnavailable: Count } | undefined;
  /** Undefined leaves it to the process. */
  readonly drainSeconds: number | undefined;
  readonly serviceAccountAnnotations: Labels;
  readonly pods: PodSettings;
}

/** Who decides how many Envoys there are. */
export type Scale =
  | { readonly by: 'count'; readonly replicas: number }
  | {
      readonly by: 'autoscaler';
      readonly minReplicas: number;
      readonly maxReplicas: number;
      /** Average utilization in percent of what is requested. */
      readonly targets: readonly { readonly resource: 'cpu' | 'memory'; readonly percentage: number }[];
      /** autoscaling/v2 HorizontalPodAutoscalerBehavior, as written. */
      readonly behavior: object | undefined;
    };

export interface PodSettings {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly nodeSelector: Labels;
  readonly tolerations: readonly Toleration[];
  /** core/v1 Affinity, as written. */
  readonly affinity: object | undefined;
  /** Undefined: over zones and nodes, as far as possible. */
  readonly spread: readonly TopologySpreadConstraint[] | undefined;
  readonly priorityClassName: string | undefined;
  readonly imagePullSecrets: readonly LocalObjectReference[];
}

export interface Exposure {
  readonly type: 'LoadBalancer' | 'NodePort' | 'ClusterIP';
  readonly labels: Labels;
  readonly annotations: Labels;
  /** In CIDR notation. */
  readonly sourceRanges: readonly string[];
  /** By the listeners' port. */
  readonly nodePorts: ReadonlyMap<number, number>;
  /** Fields of core/v1 ServiceSpec that are written as they are, where they are. */
  readonly asWritten: {
    readonly loadBalancerClass?: string;
    readonly allocateLoadBalancerNodePorts?: boolean;
    readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  };
}
