/** Names that a feature writes and the renderer must write alike: a contract with dashboards and with running Envoys. */
import type { Backend } from '../ir/gateway.ts';

/** Never defined: what is sent to it answers 500. */
export const missingCluster = 'evengate/unresolved';

/** From what it points at, never from a position: editing a Route renames no cluster. */
export function clusterName(backend: Backend): string {
  return `${backend.namespace}/${backend.service}/${backend.port}`;
}

/** Where the keys of an issuer are fetched from. */
export function jwksClusterName(uri: string): string {
  return `jwks/${new URL(uri).origin}`;
}

/** Where spans go. Never a backend's: the same port may serve both, and speak otherwise to them. */
export function collectorName(backend: Backend): string {
  return `otlp/${backend.protocol === 'HTTP/2' ? 'grpc' : 'http'}/${clusterName(backend)}`;
}

/**
 * Names of the HTTP filters. Short, because each route repeats those that it configures. What is discovered has one a chain:
 * Envoy's statistics would be shared otherwise.
 */
export const filterNames = {
  request: 'request',
  client: 'client',
  path: 'path',
  jwt: (chain: string) => `jwt.${chain}`,
  deny: 'deny',
  allow: 'allow',
  limits: (chain: string) => `limits.${chain}`,
} as const;

/** Metadata namespace that jwt_authn writes verified payloads to, one key an issuer id; whatever the filter is called. */
export const tokenMetadata = 'envoy.filters.http.jwt_authn';

/** Metadata key under which jwt_authn leaves the status of a token of a known issuer that does not verify. */
export const failedTokenKey = 'failed';

/** RBAC policy that refuses such a token. Sorts before every user's, because Istio, too, looks at the token first. */
export const failedTokenPolicy = '!token';
