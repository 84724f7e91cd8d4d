/** core/v1 Pod vocabulary: what of a Pod we write. */
import type { LabelSelector } from './object.ts';

export type Labels = Readonly<Record<string, string>>;

/** resource.Quantity, as written. */
export type Quantity = string | number;
export type Amounts = Readonly<Record<string, Quantity>>;

export interface ResourceRequirements {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}

export interface Toleration {
  readonly key?: string | undefined;
  readonly operator?: 'Exists' | 'Equal' | undefined;
  readonly value?: string | undefined;
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' | undefined;
  readonly tolerationSeconds?: number | undefined;
}

export interface TopologySpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway';
  readonly minDomains?: number | undefined;
  readonly nodeAffinityPolicy?: 'Honor' | 'Ignore' | undefined;
  readonly nodeTaintsPolicy?: 'Honor' | 'Ignore' | undefined;
  readonly labelSelector?: LabelSelector;
  readonly matchLabelKeys?: readonly string[];
}

export interface LocalObjectReference {
  readonly name: string;
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: object;
  readonly dnsConfig?: { readonly options: readonly { readonly name: string; readonly value: string }[] };
  readonly initContainers?: readonly NativeSidecar[];
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly topologySpreadConstraints?: readonly TopologySpreadConstraint[];
  readonly nodeSelector?: Labels;
  readonly tolerations?: readonly Toleration[];
  readonly affinity?: object;
  readonly priorityClassName?: string;
  readonly imagePullSecrets?: readonly LocalObjectReference[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly object[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number; readonly protocol: 'TCP' }[];
  readonly resources: ResourceRequirements;
  readonly startupProbe: object;
  readonly readinessProbe: object;
  readonly livenessProbe: object;
  readonly lifecycle: object;
  readonly securityContext: object;
  readonly volumeMounts: readonly VolumeMount[];
}

/** Runs beside the containers: it is started before them, and ends after them. */
export interface NativeSidecar {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy: 'Always';
  readonly args: readonly string[];
  readonly env: readonly object[];
  readonly resources: ResourceRequirements;
  readonly startupProbe: object;
  readonly securityContext: object;
  readonly volumeMounts: readonly VolumeMount[];
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

/** One source beside the name. */
export interface Volume {
  readonly name: string;
  readonly projected?: { readonly sources: readonly ProjectedSource[] };
  readonly configMap?: ConfigMapSource;
  readonly secret?: {
    readonly secretName: string;
    readonly optional: boolean;
    readonly items: readonly { readonly key: string; readonly path: string }[];
  };
  readonly emptyDir?: { readonly medium?: 'Memory'; readonly sizeLimit?: Quantity };
}

export type ProjectedSource =
  | { readonly configMap: ConfigMapSource }
  | {
      readonly serviceAccountToken: {
        readonly audience: string;
        readonly expirationSeconds: number;
        readonly path: string;
      };
    };

export interface ConfigMapSource {
  readonly name: string;
  readonly optional?: boolean;
}
