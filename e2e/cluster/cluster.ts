/** What tests know of a cluster, and what can provide one. */
import type { PackedImage } from './images/archive.ts';

export interface Cluster {
  readonly kind: Kind;
  /** Path of a file. */
  readonly kubeconfig: string;
  /** Path of the program, or its name on PATH. */
  readonly kubectl: string;
  /** Of a node, where NodePorts answer. */
  readonly nodeAddress: string;
  /** Where pods find what listens on this machine; undefined where they cannot. */
  readonly hostAddress?: string;
  /** The addresses of pods and Services can be used from here. */
  readonly podNetworkReachable: boolean;
  /** Lets pods run it under its name with imagePullPolicy IfNotPresent. An existing cluster has it, or pulls it. */
  loadImage(image: PackedImage): Promise<void>;
  /** Resolves when it answers again. */
  restartApiServer?(): Promise<void>;
  /** Ends what was started for this process; one that ran before goes on. */
  stop(): Promise<void>;
}

export const kinds = ['existing', 'kind', 'k3s', 'local'] as const;
export type Kind = (typeof kinds)[number];

/** One line a call, before what takes long. */
export type Progress = (line: string) => void;

export interface Provider {
  readonly kind: Kind;
  /** One sentence with the remedy; undefined where `start` will do. */
  whyNot(): Promise<string | undefined>;
  start(progress: Progress): Promise<Cluster>;
}
