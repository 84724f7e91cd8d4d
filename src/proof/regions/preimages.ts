/** What the workload asks about paths, asked before the edge rewrites them. */

import type { RegexRewrite, RouteAction, RouteMatch } from '../../envoy/route.ts';
import { rewritten } from '../edge/forward.ts';
import type { TableRoute } from '../edge/parsed.ts';
import type { Atom } from './atoms.ts';

export function preimages({ match, route }: TableRoute, atom: Atom): Atom {
  if (route?.prefix_rewrite === undefined && route?.regex_rewrite === undefined) return atom;
  return {
    attribute: atom.attribute,
    id: `${atom.id} behind ${JSON.stringify([match, route.prefix_rewrite, route.regex_rewrite])}`,
    holds: (path) => atom.holds(rewritten(match, route, path)),
    samples: [...atom.samples, ...atom.samples.flatMap((path) => pathsBefore(match, route, path))],
  };
}

/** Paths that the route may have turned into this one; tried, never believed. */
export function pathsBefore(match: RouteMatch, action: RouteAction, path: string): readonly string[] {
  const { prefix_rewrite: to, regex_rewrite: expression } = action;
  const from = match.path_separated_prefix ?? match.prefix ?? match.path ?? '/';
  if (expression !== undefined) return [from, `${from}${path}`, ...(isFixed(expression) ? [`${from}/x`] : [])];
  if (to === undefined) return [path];
  return path.startsWith(to) ? [`${from}${path.slice(to.length)}`] : [];
}

function isFixed({ pattern }: RegexRewrite): boolean {
  return pattern.regex === '^.*$';
}

/** What is asked before the edge rewrites a path, asked of what the workload sees. */
export function images({ match, route }: TableRoute, atom: Atom): Atom {
  if (route?.prefix_rewrite === undefined && route?.regex_rewrite === undefined) return atom;
  return {
    attribute: atom.attribute,
    id: `${atom.id} before ${JSON.stringify([match, route.prefix_rewrite, route.regex_rewrite])}`,
    holds: (path) => pathsBefore(match, route, path).some((before) => atom.holds(before)),
    samples: atom.samples.map((path) => rewritten(match, route, path)),
  };
}
