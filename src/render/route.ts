/** One entry as Envoy routes: what its features say, behind its guard. */
import { type Json, type TypedConfig, types } from '../envoy/json.ts';
import type { HeaderEdits, Route, RouteAction } from '../envoy/route.ts';
import { allowRules, denyRules, rbac, withFailedToken } from '../features/authorize/edge.ts';
import { anyRuleFeatures } from '../features/index.ts';
import { jwtPerRoute, needed } from '../features/jwt/edge.ts';
import { localRateLimitPerRoute, rateLimits } from '../features/limits/edge.ts';
import { routeMatch } from '../features/matches/edge.ts';
import { filterNames } from '../features/names.ts';
import { misdirectedName, notFoundName, routeMetadata } from '../features/telemetry/route-metadata.ts';
import { type AcceptedIssuers, requirementAt } from '../ir/accepted-tokens.ts';
import type { RouteParts } from '../ir/feature.ts';
import type { Chain, RouteEntry } from '../ir/gateway.ts';
import type { Guard, Issuer, Limit } from '../ir/guard.ts';

export type PerFilter = Readonly<Record<string, TypedConfig>>;

/** What a route needs to know of its chain. */
export interface ChainNames {
  readonly chain: string;
  /** Of all of the chain: limits by claim look under each. */
  readonly issuers: readonly Issuer[];
  readonly accepted: AcceptedIssuers | undefined;
}

/** Opens the base of the ALLOW filter, which admits nobody, for answers that give nothing away. */
export const unguarded: PerFilter = { [filterNames.allow]: { '@type': types.rbacPerRoute } };

export const notFound: Route = {
  name: notFoundName,
  match: { prefix: '/' },
  direct_response: { status: 404 },
  typed_per_filter_config: unguarded,
};

/** RFC 9110 §15.5.20: another listener owns the host. */
export const misdirected: Route = { ...notFound, name: misdirectedName, direct_response: { status: 421 } };

/** A route in the parts that its text is put together from: `typed_per_filter_config` is `tokens`, what its guard says, and `filters`. */
export interface RouteText {
  readonly route: Omit<Route, 'typed_per_filter_config'>;
  /** In a mesh: what is asked of tokens where more than the guard has a say. */
  readonly tokens?: PerFilter;
  /** Undefined where the route gives nothing away: then `filters` say so. */
  readonly guard: Extract<Guard, { readonly kind: 'guarded' }> | undefined;
  readonly filters: PerFilter | undefined;
}

export function routesOf(entry: RouteEntry, names: ChainNames): readonly RouteText[] {
  const { rule, match, guard } = entry;
  const base = { name: routeName(entry), match: routeMatch(match), metadata: routeMetadata(entry) };
  if (rule.blocked !== undefined || guard.kind === 'blocked') {
    return [{ route: { ...base, direct_response: { status: 500 } }, guard: undefined, filters: unguarded }];
  }
  const place = { path: match.path, listener: entry.listener };
  const parts = anyRuleFeatures
    .filter((feature) => Object.hasOwn(rule.settings, feature.name))
    .map((feature) => feature.edge(rule.settings[feature.name], place));
  const requirement = requirementAt(entry, names.accepted);
  const tokens = requirement && { [filterNames.jwt(names.chain)]: jwtPerRoute(requirement) };
  return variantsOf(parts).map((parts) => {
    const { route, filters } = compose(base, parts, { limits: entry.limits, names });
    return { route, ...(tokens && { tokens }), guard, filters };
  });
}

/** `<namespace>/<Route>/<rule>/<match>` */
export function routeName({ rule, matchIndex }: RouteEntry): string {
  const { namespace, name } = rule.route;
  return `${namespace}/${name}/${rule.name}/${matchIndex}`;
}

/** One of each feature's parts, in every combination: mostly there is one. */
function variantsOf(all: readonly (readonly RouteParts[])[]): readonly (readonly RouteParts[])[] {
  if (all.every(({ length }) => length === 1)) return [all.flat()];
  return all.reduce<readonly (readonly RouteParts[])[]>(
    (variants, parts) => variants.flatMap((some) => parts.map((part) => [...some, part])),
    [[]],
  );
}

interface Setting {
  readonly limits: readonly Limit[];
  readonly names: ChainNames;
}

function compose(
  base: Pick<Route, 'name' | 'match' | 'metadata'>,
  parts: readonly RouteParts[],
  { limits, names }: Setting,
): Pick<RouteText, 'route' | 'filters'> {
  const headers = parts.flatMap((part) => part.matchHeaders ?? []);
  const answer = parts.find((part) => part.answer !== undefined)?.answer;
  const edits = headerEdits(parts);
  const whole = {
    ...base,
    match: headers.length === 0 ? base.match : { ...base.match, headers: [...(base.match.headers ?? []), ...headers] },
  };
  if (answer !== undefined) {
    const limited = () => ({ [filterNames.limits(names.chain)]: localRateLimitPerRoute(limits, names.issuers) });
    return { route: { ...whole, ...answer, ...edits }, filters: limits.length === 0 ? undefined : limited() };
  }
  const forward = Object.assign({}, whileClusterIsNew, ...parts.map((part) => part.forward)) as RouteAction;
  const limited = limits.length === 0 ? {} : { rate_limits: rateLimits(limits, names.issuers) };
  return { route: { ...whole, route: { ...forward, ...limited }, ...edits }, filters: undefined };
}

/** What a new host answered before it was there; the delivery tells of it and of its clusters in one moment. */
const whileClusterIsNew: RouteAction = { cluster_not_found_response_code: 'NOT_FOUND' };

/** In the order of the features: a later one overwrites what an earlier one set. */
function headerEdits(parts: readonly RouteParts[]): HeaderEdits {
  const edits: Record<string, readonly unknown[]> = {};
  for (const [name, list] of parts.flatMap(({ route = {} }) => Object.entries(route))) {
    edits[name] = [...(edits[name] ?? []), ...list];
  }
  return edits;
}

/**
 * What holds for each route of a chain that says nothing else, also for one that answers 404, 421 or 500: no token is
 * needed, and a bad one is refused. Never a part of ALLOW: what is forgotten stays shut.
 */
export function commonFilters({ chain }: ChainNames): PerFilter {
  const deny = withFailedToken({ action: 'DENY', policies: {} });
  return {
    [filterNames.jwt(chain)]: jwtPerRoute(needed([])),
    [filterNames.deny]: rbacPerRoute(deny, undefined, 'deny'),
  };
}

/** Each route opens the chain's guards for itself, and by no more than its Decision; and what it asks of tokens, where the route does not. */
export function guardFilters(
  guard: Extract<Guard, { readonly kind: 'guarded' }>,
  { chain }: ChainNames,
  tokens: PerFilter | undefined,
): PerFilter {
  const { shadow, issuers } = guard;
  const deny = denyRules(guard);
  const counted = shadow === undefined ? undefined : denyRules(shadow);
  // Takes the place of the chain's. Where a token is needed, jwt_authn has refused a bad one.
  const own = issuers.length === 0 ? withFailedToken(deny) : deny;
  const refusing = [deny, counted].some((rules) => Object.keys(rules?.policies ?? {}).length > 0);
  return {
    ...(issuers.length === 0 || tokens !== undefined ? {} : { [filterNames.jwt(chain)]: jwtPerRoute(needed(issuers)) }),
    ...(refusing ? { [filterNames.deny]: rbacPerRoute(own, counted, 'deny') } : {}),
    [filterNames.allow]: rbacPerRoute(
      allowRules(guard),
      shadow === undefined ? undefined : allowRules(shadow),
      'allow',
    ),
  };
}

function rbacPerRoute(...rules: Parameters<typeof rbac>): TypedConfig {
  return { '@type': types.rbacPerRoute, rbac: rbac(...rules) as unknown as Json };
}

export function chainNames(chain: Chain): ChainNames {
  return { chain: chain.name, issuers: chain.uses.issuers, accepted: chain.accepted?.issuers };
}
