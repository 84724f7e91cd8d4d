/** One request as an edge's filters meet it, and what becomes of it. */

/** A JWT in the Authorization header. */
export interface ProofToken {
  /** Its `iss`. */
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The sets of keys that verify it, each by its text or by its address (`keySetOf`); without, whatever its issuer has does. */
  readonly jwks?: readonly string[];
  /** Expired, or signed by nobody known. */
  readonly bad?: true;
}

export interface EdgeRequest {
  /** Of the listener, as its ApiGateway says. */
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** '' where a TLS client names none. */
  readonly sni: string;
  readonly method: string;
  readonly authority: string;
  /** As the connection manager has normalised it, with its query. */
  readonly path: string;
  /** By lower-case name; one entry a field line. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly directIp: string;
  readonly remoteIp: string;
  readonly token?: ProofToken;
  /** Subject alternative names (URI, then DNS) of the client's verified certificate. */
  readonly certificate?: readonly string[];
}

/** As the backend gets it. */
export interface Forwarded {
  readonly cluster: string;
  readonly weight: number;
  readonly method: string;
  readonly host: string;
  /** With its query. */
  readonly path: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly token?: ProofToken;
}

export type EdgeAnswer =
  | { readonly kind: 'closed'; readonly reason: string }
  /** By a filter: `by` is the RBAC policy that matched, or what jwt_authn said. */
  | { readonly kind: 'refused'; readonly status: number; readonly route: string; readonly by: string }
  | { readonly kind: 'answered'; readonly status: number; readonly route: string }
  /** `by` is the RBAC policy that admitted it. */
  | { readonly kind: 'forwarded'; readonly route: string; readonly by?: string; readonly to: readonly Forwarded[] };

const statuses = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const;

export function redirectStatus(code: keyof typeof statuses): number {
  return statuses[code];
}
