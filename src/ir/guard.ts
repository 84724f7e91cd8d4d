/** Who may pass an entry, resolved from every policy on its path. */
import type { ObjectRef } from '../kube/object.ts';
import type { Decision } from '../policy/decision.ts';
import type { Finding } from '../status/finding.ts';

/** Where the keys of an issuer come from. Only public keys ever get here. */
export type KeySource =
  | { readonly kind: 'inline'; readonly jwks: string }
  | { readonly kind: 'remote'; readonly uri: string };

/** One JWT provider. `id` is a hash of issuer and keys: equal ids verify equal tokens, whoever wrote them. */
export interface Issuer {
  readonly id: string;
  readonly issuer: string;
  readonly keys: KeySource;
}

/** One AuthPolicy, resolved, before it is AND-ed with the others on a path. */
export interface Policy {
  readonly ref: ObjectRef;
  readonly mode: 'Enforce' | 'Shadow';
  /** Has `authenticate` or `allow`: opens what it covers, when in `Enforce`. */
  readonly opens: boolean;
  /** Lets a policy on an ApiGateway or listener cover, too. */
  readonly sufficient: boolean;
  readonly issuers: readonly Issuer[];
  /** Looks at claims without `authenticate.jwt` of its own: they are those of the path's issuers. */
  readonly borrowsToken: boolean;
  readonly decision: Decision;
  /** Set when the policy cannot be enforced: what it targets answers 500. */
  readonly broken?: Finding;
}

export type Guard =
  | { readonly kind: 'blocked'; readonly because: Finding }
  | {
      readonly kind: 'guarded';
      readonly covered: boolean;
      readonly decision: Decision;
      /** Every issuer that a policy on the path accepts tokens of. */
      readonly issuers: readonly Issuer[];
      readonly policies: readonly ObjectRef[];
      /** The policies one by one, outermost first: `explain` says which of them refused. */
      readonly parts: readonly PolicyPart[];
      readonly shadow?: Shadow;
      /** Why there is no `shadow` where policies are in that mode: one for each of them. */
      readonly uncounted?: readonly Finding[];
    };

/** A policy in `mode: Enforce` on a path. */
export interface PolicyPart {
  readonly policy: Policy;
  /** On an ApiGateway or its listener, on the Route or its rule, or on a Service behind the rule. */
  readonly on: 'gateway' | 'route' | 'service';
  /**
   * Whether the rule needs no other one to be open: it stands on the Route or the rule, is `sufficient`, or is one of those
   * that stand on each of the rule's Services.
   */
  readonly covers: boolean;
}

/** What policies in `mode: Shadow` would have decided: counted, never refused. */
export interface Shadow {
  readonly decision: Decision;
  readonly issuers: readonly Issuer[];
  readonly policies: readonly ObjectRef[];
}

/** One key part of a limit. */
export type LimitKey =
  | { readonly kind: 'claim'; readonly path: readonly string[] }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'clientIP' };

/** One local limit: a token bucket per Envoy, listener, target and key. */
export interface Limit {
  /** Stable name of policy, target and limit: the descriptor that its buckets hang on. */
  readonly id: string;
  readonly policy: ObjectRef;
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
  readonly by: readonly LimitKey[];
  readonly mode: 'Enforce' | 'Shadow';
}
