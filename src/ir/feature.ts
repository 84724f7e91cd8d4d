/** The contract of a feature of a rule: one folder, one line in features/index.ts. */
import type { z } from 'zod';
import type { HeaderMatcher, Route, RouteAction } from '../envoy/route.ts';
import type { Result } from '../status/finding.ts';
import type { Backend, Protocol } from './gateway.ts';
import type { Author, Lookup } from './lookup.ts';
import type { PathMatch } from './match.ts';

export interface RuleFeature<Name extends string = string, Spec = unknown, Settings = unknown> {
  /** The field of the rule. */
  readonly name: Name;
  readonly schema: z.ZodType<Spec>;
  readonly description: string;
  readonly example: unknown;
  /** True where nothing is reached, so that no AuthPolicy need cover the rule. */
  readonly needsNoCover?: true;
  /** True where it only means something on the way to a backend: refused beside an answer of the edge's own. */
  readonly needsBackend?: true;
  resolve(spec: Spec, author: Author, lookup: Lookup, matched: Matched): Result<Settings>;
  /** The backends that the settings send traffic to. */
  backends?(settings: Settings): readonly Backend[];
  /** Parts of the Envoy route; several when one match needs several Envoy routes, first match first. */
  edge(settings: Settings, place: RoutePlace): readonly RouteParts[];
}

/** What the rule matches, for features that depend on it. */
export interface Matched {
  readonly matches: readonly { readonly path: PathMatch }[];
}

/** Where an Envoy route is rendered: a rule may stand on several listeners. */
export interface RoutePlace {
  readonly path: PathMatch;
  readonly listener: { readonly port: number; readonly protocol: Protocol };
}

/** Values to add to an Envoy route; nothing is edited. */
export interface RouteParts {
  /** Narrows the match of this variant. */
  readonly matchHeaders?: readonly HeaderMatcher[];
  readonly route?: Pick<
    Route,
    'request_headers_to_add' | 'request_headers_to_remove' | 'response_headers_to_add' | 'response_headers_to_remove'
  >;
  /** Fields of the RouteAction of a rule that forwards. */
  readonly forward?: Partial<RouteAction>;
  /** Answers without a backend. */
  readonly answer?: Pick<Route, 'redirect'> | Pick<Route, 'direct_response'>;
}

/** Keeps a feature's own types while it is defined, and forgets them where features meet in one list. */
export function ruleFeature<Name extends string, Spec, Settings>(
  feature: RuleFeature<Name, Spec, Settings>,
): RuleFeature<Name, Spec, Settings> {
  return feature;
}
