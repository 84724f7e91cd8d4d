/** Gateway API's precedence of matches (HTTPRouteRule.matches), with names in place of age: clusters restored from Git must agree. */
import type { Match } from '../../ir/match.ts';

/** A regular expression stands between Exact and PathPrefix, where Gateway API leaves it to the implementation. */
const pathRank = { Exact: 0, RegularExpression: 1, PathPrefix: 2 } as const;

export interface Ranked {
  readonly match: Match;
  /** `namespace/name` of the Route. */
  readonly route: string;
  readonly ruleIndex: number;
  readonly matchIndex: number;
}

/** Negative when `a` is tried before `b`. Total: two different entries never compare equal. */
export function compareMatches(a: Ranked, b: Ranked): number {
  return (
    pathRank[a.match.path.type] - pathRank[b.match.path.type] ||
    b.match.path.value.length - a.match.path.value.length ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.queryParams.length - a.match.queryParams.length ||
    compareText(a.route, b.route) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
