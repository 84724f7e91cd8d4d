/** Kinds that run a fleet, with only the fields that we write. */
import type { KubeObject, LabelSelector } from './object.ts';
import type { Labels, PodTemplate } from './pods.ts';

/** core/v1 */
export interface ServiceAccount extends KubeObject {
  readonly automountServiceAccountToken: boolean;
}

/** apps/v1 */
export interface Deployment extends KubeObject {
  readonly spec: {
    /** Absent where an autoscaler decides. */
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Labels };
    readonly strategy: {
      readonly type: 'RollingUpdate';
      readonly rollingUpdate: { readonly maxSurge: number | string; readonly maxUnavailable: number | string };
    };
    readonly template: PodTemplate;
  };
}

/** policy/v1 */
export interface PodDisruptionBudget extends KubeObject {
  readonly spec: {
    readonly selector: LabelSelector;
    readonly minAvailable?: number | string;
    readonly maxUnavailable?: number | string;
    readonly unhealthyPodEvictionPolicy: 'AlwaysAllow' | 'IfHealthyBudget';
  };
}

/** autoscaling/v2 */
export interface HorizontalPodAutoscaler extends KubeObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly apiVersion: string; readonly kind: string; readonly name: string };
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly {
      readonly type: 'Resource';
      readonly resource: {
        readonly name: 'cpu' | 'memory';
        readonly target: { readonly type: 'Utilization'; readonly averageUtilization: number };
      };
    }[];
    readonly behavior?: object;
  };
}

/** networking.k8s.io/v1 */
export interface NetworkPolicy extends KubeObject {
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes: readonly ('Ingress' | 'Egress')[];
    readonly ingress: readonly {
      readonly ports: readonly { readonly protocol: 'TCP'; readonly port: number }[];
    }[];
  };
}
