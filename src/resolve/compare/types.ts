/** What a change of manifests does to traffic. */
import type { Protocol, RouteEntry } from '../../ir/gateway.ts';
import type { ObjectKey } from '../../kube/object.ts';
import type { Conjunction } from '../../policy/decision.ts';
import type { ExplainRequest, Explanation } from '../explain/types.ts';
import type { Region } from './region.ts';

/**
 * `opens`: a request that was refused may be admitted; `closes`: one that was admitted may be refused; `shifts`: both.
 * `looser` and `tighter` are limits: more, or fewer, requests pass. `differs` admits whom it admitted.
 */
export type Effect = 'opens' | 'shifts' | 'closes' | 'looser' | 'tighter' | 'differs';

/** Where a request goes in: what decides before any match does. */
export interface Door {
  readonly gateway: ObjectKey;
  readonly port: number;
  readonly protocol: Protocol;
  /** Exact host, `*.suffix`, or `*`, without those hosts that have a door of their own. */
  readonly host: string;
  /** TLS server name that leads there; the host's own where it is a plain name. */
  readonly serverName?: string;
}

/** The requests at one door that two entries, one of each side, take. */
export interface RegionChange {
  readonly door: Door;
  readonly region: Region;
  /** Undefined answers 404, or nobody listens. */
  readonly before: RouteEntry | undefined;
  readonly after: RouteEntry | undefined;
  /** Never empty; what is about callers first. */
  readonly differences: readonly Difference[];
}

export interface Difference {
  /** `callers`, `tokens`, `limits`, `shadow`, `answer`, `backends`, `weights`, or the field of the rule that differs. */
  readonly what: string;
  readonly effect: Effect;
  /** Of before and after, where the entries alone do not tell. */
  readonly words?: readonly [string, string];
  /** Requests among which are those that are newly admitted; none without `opens` or `shifts`. */
  readonly gained?: readonly Conjunction[];
  /** Requests among which are those that are newly refused. */
  readonly lost?: readonly Conjunction[];
}

/** What is not about one match. */
export interface GatewayChange {
  readonly gateway: ObjectKey;
  readonly what:
    | 'gateway'
    | 'listener'
    | 'certificates'
    | 'client addresses'
    | 'bad tokens'
    | 'limit'
    | 'fleet'
    | 'service';
  /** Which of them: `HTTPS 443 shop.example.com`, the field of a fleet; '' where there is one. */
  readonly name: string;
  /** '' where there was none. */
  readonly before: string;
  readonly after: string;
  readonly effect: Effect;
}

export interface Comparison {
  readonly regions: readonly RegionChange[];
  readonly gateways: readonly GatewayChange[];
}

/** One request that the two sides decide differently, and what becomes of it. */
export interface Witness {
  readonly request: ExplainRequest;
  readonly before: Explanation | undefined;
  readonly after: Explanation | undefined;
}
