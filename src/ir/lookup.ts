/** What a feature may look up, and who is asking. Each look-up is recorded, so that a result is reused until one of them changes. */
import type { ConfigMap, Secret, Service } from '../kube/core.ts';
import type { ObjectRef } from '../kube/object.ts';
import type { FetchedKeys } from '../kube/snapshot.ts';

/** Who wrote a value: the object, and the field path within it. */
export interface Author {
  readonly about: ObjectRef;
  readonly at: string;
}

/** Labels of a namespace; `kubernetes.io/metadata.name` is always present, as on a real cluster. */
export type NamespaceLabels = Readonly<Record<string, string>>;

export interface Lookup {
  service(namespace: string, name: string): Service | undefined;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  /** What was fetched from there; undefined where Envoy fetches by itself. */
  fetchedKeys(uri: string): FetchedKeys | undefined;
  namespaceLabels(namespace: string): NamespaceLabels;
  /** The one answer to "may `from` name `to`?": same namespace, or a ReferenceGrant (GEP-709) in the target's. */
  canReference(from: ObjectRef, to: ObjectRef & { readonly group: string }): boolean;
  /** `read(text)`, found out once however many objects hold the text. `read` must be pure, and the same function each time. */
  once<T>(text: string, read: (text: string) => T): T;
}
