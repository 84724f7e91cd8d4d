/** core/v1 Pod, with only the fields that we read. */
import type { KubeObject } from './object.ts';

export interface Pod extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    /** `default` when absent. */
    readonly serviceAccountName?: string;
    readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName?: string } }[];
    readonly containers?: readonly PodContainer[];
    /** Istio's proxy may be one of them that goes on running. */
    readonly initContainers?: readonly PodContainer[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface PodContainer {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort: number;
    readonly protocol?: string;
  }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string };
  };
}
