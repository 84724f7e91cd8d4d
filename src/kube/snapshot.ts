/** All watched objects at one moment. Immutable: a change makes a new Snapshot that shares every untouched collection. */
import type { ConfigMap, Namespace, ReferenceGrant, Secret, Service } from './core.ts';
import type { KubeObject, ObjectKey } from './object.ts';

export type Collection<T extends KubeObject = KubeObject> = ReadonlyMap<ObjectKey, T>;

export interface Snapshot {
  readonly ApiGateway: Collection;
  readonly Route: Collection;
  readonly AuthPolicy: Collection;
  readonly RateLimitPolicy: Collection;
  readonly Service: Collection<Service>;
  readonly ConfigMap: Collection<ConfigMap>;
  readonly Secret: Collection<Secret>;
  readonly Namespace: Collection<Namespace>;
  readonly ReferenceGrant: Collection<ReferenceGrant>;
}

export type WatchedKind = keyof Snapshot;

/** apiVersion of every kind we read. */
export const watchedKinds: Readonly<Record<WatchedKind, string>> = {
  ApiGateway: 'evengate.dev/v1alpha1',
  Route: 'evengate.dev/v1alpha1',
  AuthPolicy: 'evengate.dev/v1alpha1',
  RateLimitPolicy: 'evengate.dev/v1alpha1',
  Service: 'v1',
  ConfigMap: 'v1',
  Secret: 'v1',
  Namespace: 'v1',
  ReferenceGrant: 'gateway.networking.k8s.io/v1beta1',
};

export const emptySnapshot: Snapshot = {
  ApiGateway: new Map(),
  Route: new Map(),
  AuthPolicy: new Map(),
  RateLimitPolicy: new Map(),
  Service: new Map(),
  ConfigMap: new Map(),
  Secret: new Map(),
  Namespace: new Map(),
  ReferenceGrant: new Map(),
};

export function isWatchedKind(kind: string): kind is WatchedKind {
  return Object.hasOwn(watchedKinds, kind);
}
