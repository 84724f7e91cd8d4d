/** What it all means: snapshot in, gateways and findings out. Pure; what is remembered between calls only saves work. */
import { defaultClass } from '../api/api-gateway.ts';
import type { Gateway } from '../ir/gateway.ts';
import type { Policy } from '../ir/guard.ts';
import { type KubeObject, keyOf, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Collection, Snapshot } from '../kube/snapshot.ts';
import type { Finding } from '../status/finding.ts';
import { type GatewayUnit, resolveGateway } from './gateway-unit.ts';
import { guardMemo } from './guard.ts';
import { memoise, rememberLast, stabilise } from './memo.ts';
import { type Attached, indexByTarget } from './policy-index.ts';
import { type AuthUnit, type LimitUnit, resolveAuthUnit, resolveLimitUnit } from './policy-unit.ts';
import { type RouteUnit, resolveRoute } from './route-unit.ts';
import { gatewayTables } from './tables.ts';
import type { AttachedLimits, ObjectWorld, PolicyWorld, RouteWorld } from './world.ts';

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
  const guards = guardMemo();
  const authUnits = memoise<KubeObject, ObjectWorld, AuthUnit>(resolveAuthUnit);
  const limitUnits = memoise<KubeObject, ObjectWorld, LimitUnit>(resolveLimitUnit);
  const gatewayUnitsOf = memoise<KubeObject, PolicyWorld, GatewayUnit>(resolveGateway);
  const routeUnits = memoise<KubeObject, RouteWorld, RouteUnit>((object, look) => resolveRoute(object, look, guards));
  const [authInOrder, limitsInOrder, gatewaysInOrder] = [0, 1, 2].map(() => rememberLast(inOrder)) as [
    Order,
    Order,
    Order,
  ];
  const authIndex = targetIndex<Policy>();
  const limitIndex = targetIndex<AttachedLimits>();
  const contextsOf = gatewayContexts(className);
  const tables = gatewayTables();
  const findings = allFindings();
  return (snapshot) => {
    const world: ObjectWorld = snapshot;
    const authPolicies = authUnits(authInOrder(snapshot.AuthPolicy), world);
    const rateLimitPolicies = limitUnits(limitsInOrder(snapshot.RateLimitPolicy), world);
    const policyWorld: PolicyWorld = {
      ...world,
      authOn: authIndex(authPolicies),
      limitsOn: limitIndex(rateLimitPolicies),
    };
    const gatewayUnits = gatewayUnitsOf(gatewaysInOrder(snapshot.ApiGateway), policyWorld);
    const contexts = contextsOf(gatewayUnits);
    const routes = routeUnits(snapshot.Route, { ...policyWorld, gateways: contexts });
    return {
      gateways: tables(contexts, routes),
      gatewayUnits,
      routes,
      authPolicies,
      rateLimitPolicies,
      findings: findings(snapshot, { gatewayUnits, routes, authPolicies, rateLimitPolicies }),
    };
  };
}

type Order = (objects: Collection) => Collection;

/** By name, so that what depends on order (of policies on one path, say) does not depend on arrival. */
function inOrder(objects: Collection): Collection {
  return new Map([...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

type Units<U> = ReadonlyMap<ObjectKey, U>;

/** The policies by target; lists that stay the same keep their identity. */
function targetIndex<P>(): (units: Units<{ readonly attached: readonly Attached<P>[] }>) => Index<P> {
  let index: Index<P> = new Map();
  return rememberLast((units) => {
    index = stabilise(index, indexByTarget([...units.values()].map(({ attached }) => attached)));
    return index;
  });
}

type Index<P> = ReadonlyMap<string, readonly Attached<P>[]>;

/** Those of our class that can be read; the same Map while they are the same. */
function gatewayContexts(className: string): (units: Units<GatewayUnit>) => RouteWorld['gateways'] {
  let contexts: RouteWorld['gateways'] = new Map();
  return rememberLast((units) => {
    const ours = [...units].flatMap(([key, { context, className: of }]) =>
      context === undefined || of !== className ? [] : [[key, context] as const],
    );
    const same = ours.length === contexts.size && ours.every(([key, context]) => contexts.get(key) === context);
    contexts = same ? contexts : new Map(ours);
    return contexts;
  });
}

type Found = Pick<Resolution, 'gatewayUnits' | 'routes' | 'authPolicies' | 'rateLimitPolicies'>;

function allFindings(): (snapshot: Snapshot, found: Found) => readonly Finding[] {
  const own = rememberLast(findingsOf);
  const dangling = rememberLast(danglingOf);
  return ({ Route, ApiGateway }, { gatewayUnits, routes, authPolicies, rateLimitPolicies }) => [
    ...own(gatewayUnits, routes, authPolicies, rateLimitPolicies),
    ...dangling(Route, ApiGateway, authPolicies, rateLimitPolicies),
  ];
}

function findingsOf(...collections: readonly Units<{ readonly findings: readonly Finding[] }>[]): readonly Finding[] {
  const all: Finding[] = [];
  for (const units of collections) {
    for (const { findings } of units.values()) all.push(...findings);
  }
  // A mistake in a policy is found once on every route that it guards.
  return [...new Map(all.map((finding) => [findingKey(finding), finding])).values()];
}

function danglingOf(
  routes: Collection,
  gateways: Collection,
  ...policies: readonly Units<Pick<AuthUnit, 'dangling'>>[]
): readonly Finding[] {
  return policies.flatMap((units) => [...units.values()].flatMap((unit) => unit.dangling(routes, gateways)));
}

function findingKey({ about, at, reason, message }: Finding): string {
  return `${refKey(about)} ${at} ${reason} ${message}`;
}

function refKey({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${keyOf(namespace, name)}`;
}
