/** Kubernetes objects in short, so that a test shows only what it is about. Everything is in namespace `shop` unless it says otherwise. */
import { type KubeObject, type ObjectMeta, objectKey } from '../kube/object.ts';
import { emptySnapshot, isWatchedKind, type Snapshot, type WatchedKind, watchedKinds } from '../kube/snapshot.ts';
import { testCertificate } from './rig-certificates.ts';

export const testNamespace = 'shop';

/** `spec` is not believed: a test may hand in a broken one. */
export function object(kind: WatchedKind, name: string, fields: object, meta: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: watchedKinds[kind], kind, metadata: { name, namespace: testNamespace, ...meta }, ...fields };
}

/** One HTTP listener `web` on port 80; a rule that nobody covers is refused. */
export function gateway(spec: object = {}, meta: Partial<ObjectMeta> = {}): KubeObject {
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  return object('ApiGateway', meta.name ?? 'edge', { spec: { listeners, ...spec } }, meta);
}

/** Of every host, with one rule `all` that goes to Service `orders`. */
export function route(spec: object = {}, meta: Partial<ObjectMeta> = {}): KubeObject {
  const rules = [{ name: 'all', backendRefs: [backendRef()] }];
  return object('Route', meta.name ?? 'orders', { spec: { parentRefs: [{ name: 'edge' }], rules, ...spec } }, meta);
}

/** On Route `orders`, admitting everybody. */
export function authPolicy(spec: object = {}, meta: Partial<ObjectMeta> = {}): KubeObject {
  const usual = { targetRefs: [routeTarget()], authorize: { allow: [{ name: 'anyone' }] } };
  return object('AuthPolicy', meta.name ?? 'orders', { spec: { ...usual, ...spec } }, meta);
}

/** On Route `orders`, 100 requests a minute in all. */
export function rateLimitPolicy(spec: object = {}, meta: Partial<ObjectMeta> = {}): KubeObject {
  const usual = { targetRefs: [routeTarget()], limits: [{ name: 'total', requests: 100, per: 'Minute' }] };
  return object('RateLimitPolicy', meta.name ?? 'orders', { spec: { ...usual, ...spec } }, meta);
}

/** With TCP port 80. */
export function service(spec: object = {}, meta: Partial<ObjectMeta> = {}): KubeObject {
  return object('Service', meta.name ?? 'orders', { spec: { ports: [{ port: 80 }], ...spec } }, meta);
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export function configMap(data: Readonly<Record<string, string>>, meta: Partial<ObjectMeta> = {}): KubeObject {
  return object('ConfigMap', meta.name ?? 'corp-keys', { data }, meta);
}

/** Istio's, of a mesh that normalises paths as the edge does. */
export function meshConfig(mesh = 'pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}'): KubeObject {
  return configMap({ mesh }, { name: 'istio', namespace: 'istio-system' });
}

/** A certificate and its key, made anew. */
export function tlsSecret(meta: Partial<ObjectMeta> = {}): KubeObject {
  const { certificate, key } = testCertificate('shop.example.com');
  const stringData = { 'tls.crt': certificate, 'tls.key': key };
  return object('Secret', meta.name ?? 'shop-tls', { type: 'kubernetes.io/tls', stringData }, meta);
}

/** Lets objects of ours in `from` name any Service or Secret of the grant's own namespace. */
export function referenceGrant(from: string, meta: Partial<ObjectMeta> = {}): KubeObject {
  const sources = ['Route', 'ApiGateway'].map((kind) => ({ group: 'evengate.dev', kind, namespace: from }));
  const to = ['Service', 'Secret'].map((kind) => ({ group: '', kind }));
  return object('ReferenceGrant', meta.name ?? `from-${from}`, { spec: { from: sources, to } }, meta);
}

export function backendRef(more: object = {}): object {
  return { name: 'orders', port: 80, ...more };
}

export function routeTarget(name = 'orders', sectionName?: string): object {
  return { kind: 'Route', name, ...(sectionName === undefined ? {} : { sectionName }) };
}

export function gatewayTarget(name = 'edge', sectionName?: string): object {
  return { kind: 'ApiGateway', name, ...(sectionName === undefined ? {} : { sectionName }) };
}

export function serviceTarget(name = 'orders', sectionName?: string): object {
  return { kind: 'Service', name, ...(sectionName === undefined ? {} : { sectionName }) };
}

/** A public P-256 key whose private half is lost. */
export const corpJwks =
  '{"keys":[{"kty":"EC","kid":"a","alg":"ES256","crv":"P-256","x":"ijRqLoo4B_dilODVy8qLz8MQOeq3ree8Qa1a7QsA6NA","y":"b3H4viKHxkZVmNYNkpCsYp3-dWqOY2kF-KcSRkherrQ"}]}';

/** One entry of `authenticate.jwt`. */
export function jwt(more: object = {}): object {
  return { name: 'corp', issuer: 'https://login.example.com', jwks: { inline: corpJwks }, ...more };
}

/** Later objects take the place of earlier ones with their kind and name. */
export function snapshotOf(objects: readonly KubeObject[]): Snapshot {
  const kinds = Map.groupBy(objects, ({ kind }) => kind);
  const collections = Object.keys(emptySnapshot)
    .filter(isWatchedKind)
    .map((kind) => [kind, new Map((kinds.get(kind) ?? []).map((one) => [objectKey(one), one]))] as const);
  return Object.fromEntries(collections) as unknown as Snapshot;
}
