/** What is asked of `explain`, and what it answers. */
import type { Backend, Listener } from '../../ir/gateway.ts';
import type { LimitKey } from '../../ir/guard.ts';
import type { Match } from '../../ir/match.ts';
import type { ObjectRef } from '../../kube/object.ts';
import type { Source } from '../../policy/decision.ts';

/** One request as it leaves the client. */
export interface ExplainRequest {
  /** As in the request line, case included. */
  readonly method: string;
  /** `http(s)://host[:port]/path?query`; the path is sent as it is written here, without any clean-up. */
  readonly url: string;
  /** Header lines in order; a `host` line takes the place of the URL's host. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Address of the TCP peer, without port. */
  readonly clientAddress: string;
  /** What is known of the token; absent when the request has none. The Authorization header itself is not read. */
  readonly token?: TokenFacts;
  /** Names (URI, DNS) in the certificate that the client shows. Absent when it shows none. */
  readonly clientCertificate?: readonly string[];
  /** Why it does not verify, by name of the chain that asks for it: those that are not here believe its issuer. */
  readonly certificateProblems?: ReadonlyMap<string, string>;
  /** TLS server name; the URL's host when absent. */
  readonly sni?: string;
  /** Port of the listener, where it is another one than the URL's (a mapped one, say). */
  readonly listenerPort?: number;
}

export type TokenClaims = Readonly<Record<string, unknown>>;

export type TokenFacts =
  /** Verifies under these issuers of the gateway (`Issuer.id`). */
  | { readonly kind: 'valid'; readonly issuerIds: readonly string[]; readonly claims: TokenClaims }
  /** A JWT that names `issuer` as its `iss` and does not verify, or cannot be verified here. */
  | { readonly kind: 'refused'; readonly issuer: string; readonly reason: string }
  /** No JWT, or one of an issuer that the gateway does not know. */
  | { readonly kind: 'unknown' };

export type Outcome =
  /** No connection comes about: nothing listens there, or no certificate for the host. */
  | { readonly kind: 'no-listener'; readonly reason: string }
  /** 400, 401, 403, 404, 421, or 500 of a rule or policy that cannot be enforced. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  /** The rule answers without a backend: `feature` says which field of it does. */
  | { readonly kind: 'respond'; readonly status: number; readonly feature: string }
  /** `host` and `path` (with its query) are what the backend sees. */
  | { readonly kind: 'forward'; readonly backends: readonly Share[]; readonly host: string; readonly path: string };

export interface Share {
  /** Undefined answers 500. */
  readonly backend: Backend | undefined;
  readonly weight: number;
}

export interface Step {
  readonly stage:
    | 'listener'
    | 'certificate'
    | 'request'
    | 'host'
    | 'route'
    | 'token'
    | 'policy'
    | 'limit'
    | 'shadow'
    | 'answer';
  /** False where the request ends here. */
  readonly passed: boolean;
  /** One sentence without a full stop at its end. */
  readonly text: string;
  /** What the sentence rests on, a line each. */
  readonly details: readonly string[];
  readonly policy?: ObjectRef;
}

/** A limit that counts this request: it is answered 429 once the limit is exhausted. */
export interface AppliedLimit {
  readonly id: string;
  readonly policy: ObjectRef;
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
  /** Who is counted together; `value` is what the key is in this request. */
  readonly keys: readonly { readonly key: LimitKey; readonly value: string }[];
  /** `Shadow` counts and never refuses. */
  readonly mode: 'Enforce' | 'Shadow';
}

export interface MatchedRoute {
  readonly ref: ObjectRef;
  /** Name of the rule, `rule-0` where it has none. */
  readonly rule: string;
  readonly match: Match;
}

/** What policies in `mode: Shadow` would have decided. */
export interface ShadowVerdict {
  readonly admitted: boolean;
  readonly policies: readonly ObjectRef[];
  readonly decidedBy: readonly Source[];
}

export interface Explanation {
  readonly outcome: Outcome;
  /** Name of the chain. */
  readonly chain?: string;
  readonly listener?: Listener;
  /** The virtual host: exact, `*.suffix`, or `*`. */
  readonly host?: string;
  readonly route?: MatchedRoute;
  readonly steps: readonly Step[];
  /** The rules of policies that admitted or denied, if any did. */
  readonly decidedBy?: readonly Source[];
  readonly limits: readonly AppliedLimit[];
  readonly shadow?: ShadowVerdict;
}

/** The status that the client sees, as long as no limit is exhausted; undefined where a backend, or nobody, answers. */
export function statusOf(outcome: Outcome): number | undefined {
  return 'status' in outcome ? outcome.status : undefined;
}
