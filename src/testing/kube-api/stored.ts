/** An object as the API server keeps it. */
import type { Json, JsonObject } from './json.ts';

export interface Stored extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export interface Metadata extends JsonObject {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly namespace?: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly Owner[];
  readonly managedFields?: readonly JsonObject[];
}

export interface Owner extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly blockOwnerDeletion?: boolean;
}

/** `namespace/name`, or the name alone: the order of etcd's keys. */
export function storageKey(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

export function storageKeyOf({ metadata }: Stored): string {
  return storageKey(metadata.namespace ?? '', metadata.name);
}

export function withMetadata(object: Stored, metadata: JsonObject): Stored {
  return { ...object, metadata: present({ ...object.metadata, ...metadata }) as Metadata };
}

/** Without fields that are undefined or empty lists, which Go's `omitempty` leaves out too. */
function present(object: JsonObject): JsonObject {
  const empty = (value: Json | undefined) => value === undefined || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(object).filter(([, value]) => !empty(value)));
}
