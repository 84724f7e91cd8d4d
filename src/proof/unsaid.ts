/** What of an edge's questions Istio has no words for, or a workload cannot see: read from what Envoy is told. */

import type { MetadataMatcher, Permission, Principal, RbacRules, ValueMatcher } from '../envoy/rbac.ts';
import type { HeaderMatcher, RouteAction, RouteMatch, StringMatcher } from '../envoy/route.ts';
import { enclosingPrefix } from '../features/regex.ts';
import { directly, isChanged } from '../resolve/mesh/passage.ts';

/** How a request gets from a route to a workload. */
export interface Way {
  readonly route: RouteAction;
  readonly match: RouteMatch;
  /** Lower-case names of headers that the route changes. */
  readonly edited: ReadonlySet<string>;
  /** Whether the host names another port than the listener's. */
  readonly oddPort: boolean;
  /** Providers of one issuer, by the name of each. */
  readonly rivals: (provider: string) => readonly string[];
}

/** `kept`: a path that the workload sees says which one the edge saw, as far as beginnings go. */
export type PathFate = 'same' | 'kept' | 'lost';

export function fateOfPath({ match, route }: Pick<Way, 'match' | 'route'>): PathFate {
  const { prefix_rewrite, regex_rewrite } = route;
  if (prefix_rewrite === undefined && regex_rewrite === undefined) return 'same';
  if (match.safe_regex !== undefined || regex_rewrite?.pattern.regex === '^.*$') return 'lost';
  return prefix_rewrite !== undefined && match.path !== undefined ? 'lost' : 'kept';
}

/** A text with stars at its ends is another pattern to Istio. */
function isSaid(matcher: StringMatcher | undefined): boolean {
  if (matcher === undefined) return true;
  if ('exact' in matcher) return matcher.exact !== '' && !/^\*|\*$/.test(matcher.exact);
  if ('prefix' in matcher) return matcher.prefix !== '' && !matcher.prefix.startsWith('*');
  if ('suffix' in matcher) return matcher.suffix !== '';
  return matcher.safe_regex.regex === '(?s).+';
}

function isHeaderSaid({ name, string_match }: HeaderMatcher, { edited }: Way): boolean {
  if (name === ':method') return isSaid(string_match);
  return (
    /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) &&
    isSaid(string_match) &&
    !isChanged(name, { ...directly, headers: edited })
  );
}

/** Wider than the match, where anything of it is unsaid. */
export function saidMatch(way: Way): RouteMatch {
  const { safe_regex, headers = [], query_parameters: _, ...rest } = way.match;
  const kept = headers.filter((header) => isHeaderSaid(header, way));
  if (fateOfPath(way) === 'lost') return { prefix: '/', headers: kept };
  if (safe_regex === undefined) return { ...rest, headers: kept };
  const prefix = enclosingPrefix(safe_regex.regex);
  return { ...(prefix === '/' ? { prefix } : { path_separated_prefix: prefix }), headers: kept };
}

/** Of a route before: whether a workload behind `way` sees that the other one takes a request. */
export function isMatchSaid({ safe_regex, headers = [], query_parameters = [] }: RouteMatch, way: Way): boolean {
  const path = safe_regex === undefined && fateOfPath(way) !== 'lost';
  return path && query_parameters.length === 0 && headers.every((header) => isHeaderSaid(header, way));
}

/** `wanted`: it stands under no negation. */
function isPathSaid(matcher: StringMatcher, way: Way, wanted: boolean): boolean {
  const fate = fateOfPath(way);
  if (fate === 'lost' || !isSaid(matcher)) return false;
  const text = Object.values(matcher)[0];
  if (typeof text === 'string' && /[{}]/.test(text)) return false;
  if (!('suffix' in matcher)) return true;
  // Istio has one list of paths: an ending and the beginning that the route asks for do not both get into it.
  const anywhere = way.match.prefix === '/' && way.match.path_separated_prefix === undefined;
  return fate === 'same' && (!wanted || anywhere);
}

function isHostSaid(matcher: StringMatcher | undefined, way: Way, wanted: boolean): boolean {
  if (way.route.host_rewrite_literal !== undefined) return false;
  if (matcher === undefined || 'exact' in matcher || 'prefix' in matcher) return isSaid(matcher);
  // A refused ending is said without a port and with the listener's.
  return !wanted && !way.oddPort;
}

function isPermissionSaid(permission: Permission, way: Way, wanted: boolean): boolean {
  if ('header' in permission) {
    const { name, string_match } = permission.header;
    return name === ':authority' ? isHostSaid(string_match, way, wanted) : isHeaderSaid(permission.header, way);
  }
  if ('url_path' in permission) return isPathSaid(permission.url_path.path, way, wanted);
  return !('uri_template' in permission) || (fateOfPath(way) === 'same' && (!wanted || way.match.prefix === '/'));
}

function isPrincipalSaid(principal: Principal): boolean {
  if ('any' in principal) return true;
  if (!('sourced_metadata' in principal)) return false;
  const { path, value } = principal.sourced_metadata.metadata_matcher;
  return path.slice(1).every(({ key }) => /^[^[\]]+$/.test(key)) && isValueSaid(value);
}

function isValueSaid(value: ValueMatcher): boolean {
  if ('or_match' in value) return value.or_match.value_matchers.every(isValueSaid);
  if ('list_match' in value) return isValueSaid(value.list_match.one_of);
  return !('string_match' in value) || isSaid(value.string_match);
}

const always = { any: true } as const;

/** As if what is unsaid were answered as somebody would like: wanted things are there, refused ones are not. */
function looser(permission: Permission, way: Way, wanted = true): Permission {
  if ('and_rules' in permission)
    return { and_rules: { rules: permission.and_rules.rules.map((one) => looser(one, way, wanted)) } };
  if ('or_rules' in permission)
    return { or_rules: { rules: permission.or_rules.rules.map((one) => looser(one, way, wanted)) } };
  if ('not_rule' in permission) return { not_rule: looser(permission.not_rule, way, !wanted) };
  if (isPermissionSaid(permission, way, wanted)) return permission;
  return wanted ? always : { not_rule: always };
}

function looserPrincipal(principal: Principal, way: Way, wanted = true): Principal {
  if ('and_ids' in principal)
    return { and_ids: { ids: principal.and_ids.ids.map((one) => looserPrincipal(one, way, wanted)) } };
  if ('or_ids' in principal)
    return { or_ids: { ids: principal.or_ids.ids.map((one) => looserPrincipal(one, way, wanted)) } };
  if ('not_id' in principal) return { not_id: looserPrincipal(principal.not_id, way, !wanted) };
  if (!isPrincipalSaid(principal)) return wanted ? always : { not_id: always };
  if (!('sourced_metadata' in principal) || !wanted) return principal;
  const ids = ofRivals(principal.sourced_metadata.metadata_matcher, way);
  return ids.length < 2 ? principal : { or_ids: { ids } };
}

/** In the mesh a token is known by its `iss` alone. */
function ofRivals(matcher: MetadataMatcher, { rivals }: Way): readonly Principal[] {
  const [first, ...claim] = matcher.path;
  return rivals(first?.key ?? '').map((key) => ({
    sourced_metadata: { metadata_matcher: { ...matcher, path: [{ key }, ...claim] } },
  }));
}

/**
 * What a workload could at best be told of these rules. Of an ALLOW each policy that `isDeclared` is wider; of a DENY those alone
 * stay of which all is said, or that nobody has declared. `unsure`: which requests are meant, so that no DENY can be repeated.
 */
export function saidRules(
  { action, policies }: RbacRules,
  way: Way,
  { isDeclared, unsure }: { readonly isDeclared: (policy: string) => boolean; readonly unsure: boolean },
): RbacRules {
  const told = Object.entries(policies).flatMap(([name, policy]) => {
    if (!isDeclared(name)) return [[name, policy] as const];
    const permissions = policy.permissions.map((one) => looser(one, way));
    const principals = policy.principals.map((one) => looserPrincipal(one, way));
    const loosened = { permissions, principals };
    if (action === 'ALLOW') return [[name, loosened] as const];
    return unsure || JSON.stringify(loosened) !== JSON.stringify(policy) ? [] : [[name, policy] as const];
  });
  return { action, policies: Object.fromEntries(told) };
}
