/** Which operator an ApiGateway belongs to. */
import type { KubeObject } from '../kube/object.ts';

/** Of the operator that serves what names no other. */
export const defaultClass = 'evengate';

/** Also of an ApiGateway that cannot be read otherwise. */
export function classOf({ spec }: KubeObject): string {
  const { className } = (spec ?? {}) as { readonly className?: unknown };
  return typeof className === 'string' && className !== '' ? className : defaultClass;
}
