/** The name of what an ApiGateway becomes, and so of its identity: a contract between versions. */
import { createHash } from 'node:crypto';
import type { ObjectRef } from '../kube/object.ts';

/** What is left of 63 for a ReplicaSet's hash and a Pod's suffix, and for what our other children add. */
const longestChildName = 46;

/**
 * `edge-<gateway>`: Deployment, Service and all else that an ApiGateway has one of, in its namespace. A DNS label that
 * starts with a letter (a Service needs both), so dots become hyphens; what is changed, or could be mistaken for it, ends
 * in a hash.
 */
export function childName({ name }: ObjectRef): string {
  const plain = `edge-${name}`;
  const isLabel = plain.length <= longestChildName && !name.includes('.');
  if (isLabel && !/-[0-9a-f]{8}$/.test(plain)) return plain;
  const start = plain
    .replaceAll('.', '-')
    .slice(0, longestChildName - 9)
    .replace(/-+$/, '');
  return `${start}-${shortHash(name, 8)}`;
}

/** Of the gateway's Envoys in the mesh: a principal, without `spiffe://`. */
export function edgeIdentity(gateway: ObjectRef, trustDomain: string): string {
  return `${trustDomain}/ns/${gateway.namespace}/sa/${childName(gateway)}`;
}

export function shortHash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
