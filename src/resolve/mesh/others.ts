/** Objects of Istio, ours and somebody else's. */
import type { KubeObject } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { selects } from './pods.ts';
import type { Scene } from './scene.ts';

export type Sentence = Pick<Finding, 'message' | 'remedy'>;

export const managedBy = 'app.kubernetes.io/managed-by';

export function isOurs({ metadata }: KubeObject): boolean {
  return metadata.labels?.[managedBy] === 'evengate';
}

/** Some of the workload's Pods; what its selector says where none is known. */
export function isSelected(labels: Readonly<Record<string, string>>, { pods, seed }: Scene): boolean {
  return pods.length === 0
    ? selects(labels, seed.selector)
    : pods.some(({ metadata }) => selects(labels, metadata.labels));
}
