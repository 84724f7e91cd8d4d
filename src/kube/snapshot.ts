/** All watched objects at one moment. Immutable: a change makes a new Snapshot that shares every untouched collection. */
import type { ConfigMap, Namespace, ReferenceGrant, Secret, Service } from './core.ts';
import type { KubeObject, ObjectKey } from './object.ts';
import type { Pod } from './pod.ts';

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
  /** Of workloads that gateways in a mesh send to: labels, service account, and whether a proxy stands before them. */
  readonly Pod: Collection<Pod>;
  /** Of Istio, whoever wrote them. */
  readonly AuthorizationPolicy: Collection;
  readonly RequestAuthentication: Collection;
  readonly PeerAuthentication: Collection;
  /** By URI: keys that were fetched, for gateways in a mesh, so that both sides know the same ones. */
  readonly FetchedKeys: Collection<FetchedKeys>;
}

/** Not of the API server: what a JWKS server answered last. `metadata.name` is the URI. */
export interface FetchedKeys extends KubeObject {
  readonly jwks?: string;
  /** Why there is no JWKS; with `jwks`, why it is not a newer one. */
  readonly problem?: string;
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
  Pod: 'v1',
  AuthorizationPolicy: 'security.istio.io/v1',
  RequestAuthentication: 'security.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
  FetchedKeys: 'internal.evengate.dev/v1',
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
  Pod: new Map(),
  AuthorizationPolicy: new Map(),
  RequestAuthentication: new Map(),
  PeerAuthentication: new Map(),
  FetchedKeys: new Map(),
};

export function isWatchedKind(kind: string): kind is WatchedKind {
  return Object.hasOwn(watchedKinds, kind);
}
