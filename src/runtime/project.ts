/** What is kept of an object, and that it stays as it is. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../kube/object.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** All but two copies of it: managedFields and the last-applied annotation, often more than half of the bytes. */
export function withoutBookkeeping<T extends KubeObject>(raw: KubeObject): T {
  const {
    managedFields: _,
    annotations,
    ...metadata
  } = raw.metadata as KubeObject['metadata'] & {
    readonly managedFields?: unknown;
  };
  const { [lastApplied]: __, ...kept } = annotations ?? {};
  const own = Object.keys(kept).length === 0 ? metadata : { ...metadata, annotations: kept };
  return { ...raw, metadata: own } as KubeObject as T;
}

/** The value itself, all of it frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}

/** Says the same, whatever resourceVersion it says it at. */
export function sayTheSame(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion: _, ...ofA } = a.metadata;
  const { resourceVersion: __, ...ofB } = b.metadata;
  return isDeepStrictEqual({ ...a, metadata: ofA }, { ...b, metadata: ofB });
}
