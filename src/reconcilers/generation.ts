/** The generation that a status was found for, where the object has one (a file has none). */
import type { KubeObject } from '../kube/object.ts';

export function generationOf({ metadata: { generation } }: KubeObject): { readonly observedGeneration?: number } {
  return generation === undefined ? {} : { observedGeneration: generation };
}
