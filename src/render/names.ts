/** Names of the files that Envoy reads: a contract between the renderer and the deliveries. */
import { createHash } from 'node:crypto';
import type { ObjectRef } from '../kube/object.ts';

export const ldsFile = 'lds.json';
export const cdsFile = 'cds.json';

export function rdsFile(chain: string): string {
  return `rds-${chain}.json`;
}

export function ecdsFile(filter: 'jwt' | 'limits', chain: string): string {
  return `ecds-${filter}-${chain}.json`;
}

export function sdsFile(secret: ObjectRef): string {
  return `sds-${secretName(secret)}.json`;
}

/** `<namespace>.<name>`: a namespace holds no dot, so no two Secrets share it. Long ones end in a hash. */
export function secretName({ namespace, name }: ObjectRef): string {
  const plain = `${namespace}.${name}`;
  if (plain.length <= 200) return plain;
  return `${plain.slice(0, 180)}-${createHash('sha256').update(plain).digest('hex').slice(0, 12)}`;
}
