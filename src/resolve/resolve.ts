/** What it all means: snapshot in, gateways and findings out. Pure; what is remembered between calls only saves work. */
import { defaultClass } from '../api/api-gateway.ts';
import type { Gateway } from '../ir/gateway.ts';
import type { Policy } from '../ir/guard.ts';
import { type KubeObject, keyOf, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import type { Finding } from '../status/finding.ts';
import { type ChainBuilder, chainBuilder } from './chains.ts';

import { type GatewayUnit, resolveGateway } from './gateway-unit.ts';
import { memoise, stabilise } from './memo.ts';
import { type Attached, indexByTarget } from './policy-index.ts';
import { type AuthUnit, type LimitUnit, resolveAuthUnit, resolveLimitUnit } from './policy-unit.ts';
import { type RoutePlacement, type RouteUnit, resolveRoute } from './route-unit.ts';
import type { AttachedLimits, GatewayContext, ObjectWorld, PolicyWorld, RouteWorld } from './world.ts';

export interface Resolution {
  readonly gateways: ReadonlyMap<ObjectKey, Gateway>;
  readonly gatewayUnits: ReadonlyMap<ObjectKey, GatewayUnit>;
  readonly routes: ReadonlyMap<ObjectKey, RouteUnit>;
  readonly authPolicies: ReadonlyMap<ObjectKey, AuthUnit>;
  readonly rateLimitPolicies: ReadonlyMap<ObjectKey, LimitUnit>;
  readonly findings: readonly Finding[];
}

export type Resolver = (snapshot: Snapshot) => Resolution;

export function resolver(className: string = defaultClass): Resolver {
  const authUnit = memoise<KubeObject, ObjectWorld, AuthUnit>(resolveAuthUnit);
  const limitUnit = memoise<KubeObject, ObjectWorld, LimitUnit>(resolveLimitUnit);
  const gatewayUnit = memoise<KubeObject, PolicyWorld, GatewayUnit>(resolveGateway);
  const routeUnit = memoise<KubeObject, RouteWorld, RouteUnit>(resolveRoute);
  const tables = gatewayTables();
  let authOn: PolicyWorld['authOn'] = new Map();
  let limitsOn: PolicyWorld['limitsOn'] = new Map();
  let contexts: RouteWorld['gateways'] = new Map();
  return (snapshot) => {
    const world: ObjectWorld = snapshot;
    const authPolicies = inOrder(snapshot.AuthPolicy, (object) => authUnit(object, world));
    const rateLimitPolicies = inOrder(snapshot.RateLimitPolicy, (object) => limitUnit(object, world));
    authOn = stabilise<Attached<Policy>>(authOn, indexByTarget(mapValues(authPolicies, ({ attached }) => attached)));
    limitsOn = stabilise<Attached<AttachedLimits>>(
      limitsOn,
      indexByTarget(mapValues(rateLimitPolicies, ({ attached }) => attached)),
    );
    const policyWorld: PolicyWorld = { ...world, authOn, limitsOn };
    const gatewayUnits = inOrder(snapshot.ApiGateway, (object) => gatewayUnit(object, policyWorld));
    contexts = sameContexts(contexts, contextsOf(gatewayUnits, className));
    const routeWorld: RouteWorld = { ...policyWorld, gateways: contexts };
    const routes = new Map<ObjectKey, RouteUnit>();
    for (const [key, object] of snapshot.Route) routes.set(key, routeUnit(object, routeWorld));
    const targets = [...authPolicies.values(), ...rateLimitPolicies.values()];
    return {
      gateways: tables(contexts, routes),
      gatewayUnits,
      routes,
      authPolicies,
      rateLimitPolicies,
      findings: [
        ...findingsOf([...gatewayUnits.values(), ...routes.values(), ...targets]),
        ...targets.flatMap((unit) => unit.dangling(routeWorld)),
      ],
    };
  };
}

/** By name, so that what depends on order (of policies on one path, say) does not depend on arrival. */
function inOrder<T>(
  objects: ReadonlyMap<ObjectKey, KubeObject>,
  unit: (object: KubeObject) => T,
): ReadonlyMap<ObjectKey, T> {
  const keys = [...objects.keys()].toSorted();
  return new Map(
    keys.flatMap((key) => {
      const object = objects.get(key);
      return object === undefined ? [] : [[key, unit(object)] as const];
    }),
  );
}

function mapValues<V, T>(map: ReadonlyMap<string, V>, value: (value: V) => T): readonly T[] {
  return [...map.values()].map(value);
}

function contextsOf(
  units: ReadonlyMap<ObjectKey, GatewayUnit>,
  className: string,
): ReadonlyMap<ObjectKey, GatewayContext> {
  const ours = [...units].flatMap(([key, { context, className: of }]) =>
    context === undefined || of !== className ? [] : [[key, context] as const],
  );
  return new Map(ours);
}

function sameContexts<V>(previous: ReadonlyMap<string, V>, next: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  const same = previous.size === next.size && [...next].every(([key, value]) => previous.get(key) === value);
  return same ? previous : next;
}

function findingsOf(units: readonly { readonly findings: readonly Finding[] }[]): readonly Finding[] {
  const all: Finding[] = [];
  for (const { findings } of units) {
    if (findings.length > 0) all.push(...findings);
  }
  // A mistake in a policy is found once on every route that it guards.
  return [...new Map(all.map((finding) => [findingKey(finding), finding])).values()];
}

function findingKey({ about, at, reason, message }: Finding): string {
  return `${refKey(about)} ${at} ${reason} ${message}`;
}

function refKey({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${keyOf(namespace, name)}`;
}

/** The route tables of every gateway. */
function gatewayTables(): (
  contexts: ReadonlyMap<ObjectKey, GatewayContext>,
  routes: ReadonlyMap<ObjectKey, RouteUnit>,
) => ReadonlyMap<ObjectKey, Gateway> {
  const builders = new Map<ObjectKey, ChainBuilder>();
  return (contexts, routes) => {
    const placements = placementsByGateway(routes);
    for (const key of builders.keys()) if (!contexts.has(key)) builders.delete(key);
    return new Map(
      [...contexts].map(([key, context]) => {
        const build = builders.get(key) ?? chainBuilder();
        builders.set(key, build);
        return [key, gatewayOf(context, placements.get(key) ?? [], build)] as const;
      }),
    );
  };
}

function placementsByGateway(routes: ReadonlyMap<ObjectKey, RouteUnit>): ReadonlyMap<ObjectKey, RoutePlacement[]> {
  const byGateway = new Map<ObjectKey, RoutePlacement[]>();
  for (const { placements } of routes.values()) {
    for (const placement of placements) {
      const list = byGateway.get(placement.gateway);
      if (list === undefined) byGateway.set(placement.gateway, [placement]);
      else list.push(placement);
    }
  }
  return byGateway;
}

function gatewayOf(context: GatewayContext, placements: readonly RoutePlacement[], build: ChainBuilder): Gateway {
  const attached = new Map<string, number>();
  for (const { listener } of placements) attached.set(listener, (attached.get(listener) ?? 0) + 1);
  return {
    ref: context.ref,
    trustedHops: context.trustedHops,
    listeners: context.listeners.map(({ spec: { name, port, protocol, hostname }, served }) => ({
      name,
      port,
      protocol,
      ...(hostname === undefined ? {} : { hostname }),
      served,
      attachedRoutes: attached.get(name) ?? 0,
    })),
    chains: build(context, placements),
  };
}
