/** One Envoy fleet, fully resolved: every name looked up, every policy combined, nothing optional left to guess. Read this file first. */
import type { ObjectKey, ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import type { AcceptedIssuers, TokenRequirement } from './accepted-tokens.ts';
import type { Backend } from './backend.ts';
import type { Guard, Issuer, Limit } from './guard.ts';
import type { Match } from './match.ts';
import type { MeshAgent, MeshSettings } from './mesh.ts';
import type { Telemetry } from './telemetry.ts';
import type { Exposure, Workload } from './workload.ts';

export type { Backend } from './backend.ts';

export type Protocol = 'HTTP' | 'HTTPS';

export interface Gateway {
  readonly ref: ObjectRef;
  /** Trusted proxies in front: 0 at the real edge. */
  readonly trustedHops: number;
  readonly listeners: readonly Listener[];
  readonly chains: readonly Chain[];
  readonly workload: Workload;
  readonly exposure: Exposure;
  readonly telemetry: Telemetry;
  /** Undefined for one that has no part in a mesh. */
  readonly mesh?: MeshSettings;
  /** Of mode Sidecar: what runs beside Envoy for its certificate. */
  readonly agent?: MeshAgent;
  /**
   * Of mode Sidecar: who answers for a Service, as principals without `spiffe://`, sorted, by `namespace/service`. Such a
   * Service is dialled with the mesh's certificate. Empty while it has no Pod, so that nobody knows.
   */
  readonly identities?: ReadonlyMap<ObjectKey, readonly string[]>;
}

/** A listener as written, with what became of it; only served listeners have chains. */
export interface Listener {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly hostname?: string;
  readonly served: boolean;
  readonly attachedRoutes: number;
}

/**
 * One HTTP connection manager with its route table. HTTP listeners of a port share one (the Host decides);
 * an HTTPS listener has its own (SNI decides).
 */
export interface Chain {
  /** `http-80`, `https-443-shop`. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** SNI of an HTTPS chain; undefined admits any. */
  readonly serverName?: string;
  readonly certificates: readonly Certificate[];
  /** Of an HTTPS chain that asks its clients for certificates. */
  readonly clientValidation?: ClientValidation;
  readonly virtualHosts: readonly VirtualHost[];
  readonly uses: Uses;
  /** Ids of the issuers whose bad tokens are refused on every route, public ones too (`resolve/known-issuers.ts`). */
  readonly refusing: ReadonlySet<string>;
  /** In a mesh: what its entries ask of tokens; undefined where no workload behind them looks at any. */
  readonly accepted?: AcceptedTokens;
}

export interface AcceptedTokens {
  readonly issuers: AcceptedIssuers;
  /** Those of all entries, each once. */
  readonly requirements: readonly TokenRequirement[];
}

/** A TLS Secret whose certificate matches its key. The key itself stays in the Secret. */
export interface Certificate {
  readonly secret: ObjectRef;
}

export interface ClientValidation {
  /** PEM of the authorities that are believed. */
  readonly roots: string;
  /** False: who shows none is anonymous. One that does not verify is refused all the same. */
  readonly required: boolean;
}

export interface VirtualHost {
  /** Exact host, `*.suffix`, or `*`. */
  readonly domain: string;
  /** The listener that owns the host. */
  readonly listener: string;
  /** True where a more specific listener owns the host: TLS answers 421 (RFC 9110 §15.5.20). */
  readonly misdirected: boolean;
  /** In order of precedence. */
  readonly entries: readonly RouteEntry[];
  readonly uses: Uses;
  /** Entries that never answer. */
  readonly conflicts: readonly Finding[];
}

/** What entries need beside themselves; each list without duplicates, sorted. */
export interface Uses {
  /** The sets of issuers of which a route requires a token. */
  readonly required: readonly (readonly Issuer[])[];
  readonly issuers: readonly Issuer[];
  readonly limits: readonly Limit[];
  readonly backends: readonly Backend[];
}

/** One match of one rule at one listener. */
export interface RouteEntry {
  readonly rule: Rule;
  readonly match: Match;
  readonly matchIndex: number;
  readonly guard: Guard;
  readonly limits: readonly Limit[];
  readonly listener: { readonly name: string; readonly port: number; readonly protocol: Protocol };
}

/** One rule of a Route; `settings` holds what each feature resolved, by the feature's name. */
export interface Rule {
  readonly route: ObjectRef;
  readonly index: number;
  /** As written, else `rule-0`. */
  readonly name: string;
  /** What targetRefs call it; '' where it has no name of its own. */
  readonly section: string;
  readonly matches: readonly RuleMatch[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly backends: readonly Backend[];
  /** Nothing is reached (a redirect, say), so nothing need cover it. */
  readonly needsNoCover: boolean;
  /** The rule answers 500: a broken rule is never removed, or a broader one would answer for it. */
  readonly blocked?: Finding;
}

/** `index` is the place in the list as written, which stays when another entry is blocked. */
export interface RuleMatch {
  readonly match: Match;
  readonly index: number;
}
