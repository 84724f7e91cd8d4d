/** One request as a point of enforcement meets it, and what Istio makes of it. */

import type { EnforcementPoint } from '../../ir/mesh.ts';
import type { ObjectRef } from '../../kube/object.ts';
import type { Labels } from '../../kube/pods.ts';

export type { EnforcementPoint };

export interface MeshRequest {
  /** Of the workload. */
  readonly namespace: string;
  /** Of its Pod. */
  readonly labels: Labels;
  /** Names of the Services that are dialled, of the workload's namespace; only a waypoint asks for them. */
  readonly services: readonly string[];
  /** As the point sees it: the Pod's at a sidecar and at ztunnel, the Service's at a waypoint. */
  readonly port: number;
  /** `trust-domain/ns/namespace/sa/name`, of the verified certificate; absent for plaintext. */
  readonly principal?: string;
  readonly method: string;
  /** As the mesh has normalised it, with its query. '' where there is none (CONNECT). */
  readonly path: string;
  /** `:authority`, with its port. */
  readonly host: string;
  /** By lower-case name; one entry a field line. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** In the place where RequestAuthentications look; 'bad' does not verify, whoever its issuer is. */
  readonly token?: MeshToken | 'bad';
  readonly directIp: string;
  readonly remoteIp: string;
  /** Of the connection's own end; nothing matches it where it is absent. */
  readonly localIp?: string;
  readonly mesh?: MeshFacts;
}

/** Correctly signed and not expired. */
export interface MeshToken {
  /** Its `iss`. */
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The sets of keys that verify it, each by its text; without, whatever its issuer has does. */
  readonly jwks?: readonly string[];
}

/** Of MeshConfig and the data plane; what is absent is Istio's default. */
export interface MeshFacts {
  readonly rootNamespace?: string;
  /** The mesh's own first, then its aliases; sidecars and waypoints take them for one. */
  readonly trustDomains?: readonly string[];
  /** Name of the waypoint's Gateway, in the workload's namespace. */
  readonly waypoint?: string;
}

export interface Decider {
  readonly policy: ObjectRef;
  /** Place in the policy's `rules` (AuthorizationPolicy) or `jwtRules` (RequestAuthentication). */
  readonly rule: number;
}

export type MeshBecause =
  /** An ALLOW rule matches. */
  | 'allowed'
  /** No ALLOW policy is about the workload. */
  | 'unprotected'
  /** A DENY rule matches. */
  | 'denied'
  /** There are ALLOW policies, and no rule of theirs matches. */
  | 'not-allowed'
  | 'bad-token'
  | 'wrong-audience'
  /** mTLS is required, and the caller has no identity. */
  | 'plaintext'
  /** More than one external authorizer: Istio refuses what any of them would be asked about. */
  | 'several-authorizers';

export interface MeshVerdict {
  readonly admitted: boolean;
  /** 403 also where ztunnel, or a sidecar that sees plaintext, closes the connection without an answer. */
  readonly status: 200 | 401 | 403;
  readonly because: MeshBecause;
  /** What decided; absent where it is that nothing matches, or that nothing is about the workload. */
  readonly by?: Decider;
  /** The CUSTOM rule whose external authorizer is asked besides: its answer is not known here. */
  readonly asks?: Decider;
  /** What the dry-run policies alone would have decided; absent where none is about the workload. */
  readonly dryRun?: DryRun;
}

export interface DryRun {
  readonly admitted: boolean;
  readonly by?: Decider;
}
