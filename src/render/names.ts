/** Names of the files that Envoy reads, and of the objects that an ApiGateway becomes: a contract between renderer, deliveries and the next version. */
import { childName, shortHash } from '../ir/child-name.ts';
import type { ObjectRef, OwnerReference } from '../kube/object.ts';

export { childName, shortHash };

export const ldsFile = 'lds.json';
export const cdsFile = 'cds.json';

/**
 * Of the RouteConfiguration; `compact` for protobuf. Another one has another name, because a listener that drains asks for its
 * table on, and Envoy's statistics know tables by their names.
 */
export function tableName(chain: string, compact: boolean): string {
  return compact ? `${chain}/pb` : chain;
}

export function chainOfTable(table: string): string {
  return table.replace(/\/pb$/, '');
}

/** Envoy tells the representation by the name's end. */
export function rdsFile(chain: string, compact = false): string {
  return `rds-${chain}.${compact ? 'pb' : 'json'}`;
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
  return `${plain.slice(0, 180)}-${shortHash(plain, 12)}`;
}

/** What `secretName` names; undefined where it was shortened. */
export function secretOfName(name: string): ObjectRef | undefined {
  const dot = name.indexOf('.');
  if (dot <= 0) return undefined;
  const ref: ObjectRef = { kind: 'Secret', namespace: name.slice(0, dot), name: name.slice(dot + 1) };
  return secretName(ref) === name ? ref : undefined;
}

export function bootstrapConfigMapName(gateway: ObjectRef): string {
  return `${childName(gateway)}-bootstrap`;
}

/** Shards of what Envoy is told: a ConfigMap holds 1 MiB. */
const shards = 4;

/** ConfigMaps that the delivery writes. The first must be there before a Pod starts, the others may be missing. */
export function configMapNames(gateway: ObjectRef): readonly string[] {
  return Array.from({ length: shards }, (_, index) => `${childName(gateway)}-config-${index}`);
}

/** Secret beside the gateway that repeats a TLS Secret of another namespace, which no Pod can mount. */
export function mirrorName(gateway: ObjectRef, secret: ObjectRef): string {
  return `${childName(gateway)}-tls-${shortHash(secretName(secret), 12)}`;
}

/** Of a mounted TLS Secret, in the Pod. */
export function certificateVolume(secret: ObjectRef): string {
  return `certificate-${shortHash(secretName(secret), 12)}`;
}

export const gatewayLabel = 'evengate.dev/gateway';
export const classLabel = 'evengate.dev/class';
export const componentLabel = 'app.kubernetes.io/component';

/**
 * The Pods of one gateway, in its namespace. A Deployment's selector can never change, so neither can this; with the
 * component, it stays apart from other Pods that a gateway may get.
 */
export function podSelector(gateway: ObjectRef): Readonly<Record<string, string>> {
  return { [gatewayLabel]: gatewayLabelValue(gateway), [componentLabel]: 'edge' };
}

/** On every child and Pod: ours alone, for a label of the user's would make their tools prune what they did not write. */
export function childLabels(gateway: ObjectRef, className: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'envoy',
    ...managedBy(className),
    ...podSelector(gateway),
  };
}

/** What finds all children of one operator. */
export function managedBy(className: string): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/managed-by': 'evengate', [classLabel]: className };
}

/** On the ConfigMaps that Envoys are told by, and their copies: large, and the delivery's alone. */
export const toldLabel = 'evengate.dev/told';

/** So that the API server removes a child with its ApiGateway, and tools show it below. */
export function ownerReferences({ kind, name }: ObjectRef, uid: string): readonly OwnerReference[] {
  return [{ apiVersion: 'evengate.dev/v1alpha1', kind, name, uid, controller: true, blockOwnerDeletion: true }];
}

/** The gateway's name; one that is too long for a label ends in a hash. */
function gatewayLabelValue({ name }: ObjectRef): string {
  if (name.length <= 63) return name;
  return `${name.slice(0, 54).replace(/[-.]+$/, '')}-${shortHash(name, 8)}`;
}
