/** What the makers of children share. */
import type { Gateway } from '../../ir/gateway.ts';
import type { ObjectMeta, ObjectRef } from '../../kube/object.ts';
import type { Labels } from '../../kube/pods.ts';

/** A gateway on its way to objects. */
export interface Fleet {
  readonly gateway: Gateway;
  readonly image: string;
  /** Of Istio's agent, where the gateway needs one. */
  readonly agentImage: string;
  readonly labels: Labels;
  readonly certificates: readonly ObjectRef[];
  /** Content of the bootstrap file. */
  readonly bootstrap: string;
  /** Opens the drain. */
  readonly drainToken: string;
  /** Metadata of a child, with what it has beside our labels. */
  readonly metadata: (name: string, extra?: Pick<ObjectMeta, 'labels' | 'annotations'>) => ObjectMeta;
}
