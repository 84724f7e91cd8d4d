/** What it all means: snapshot in, gateways and findings out. Pure; what is remembered between calls only saves work. */
import { defaultClass } from '../ir/class-name.ts';
import type { Gateway } from '../ir/gateway.ts';
import type { Policy } from '../ir/guard.ts';
import type { Mesh } from '../ir/mesh.ts';
import type { KubeObject, ObjectKey } from '../kube/object.ts';
import type { Collection, Snapshot } from '../kube/snapshot.ts';
import type { Finding } from '../status/finding.ts';
import { conflictsAt } from './conflicts.ts';
import { findingsOf } from './findings.ts';
import { type GatewayUnit, resolveGateway } from './gateway-unit.ts';
import { guardMemo } from './guard.ts';
import { changedKeys, memoise, type Results, rememberLast } from './memo.ts';
import { withAccepted } from './mesh/accepted.ts';
import { withIdentities } from './mesh/identities.ts';
import { meshStage } from './mesh/mesh.ts';
import { replaced } from './patched.ts';
import { targetIndex } from './policy-index.ts';
import {
  type AuthUnit,
  type Dangling,
  type LimitUnit,
  resolveAuthUnit,
  resolveDangling,
  resolveLimitUnit,
} from './policy-unit.ts';
import { type RouteUnit, resolveRoute } from './route-unit.ts';
import { gatewayTables } from './tables.ts';
import type { AttachedLimits, ObjectWorld, PolicyWorld, RouteWorld } from './world.ts';

export interface Resolution {
  /** Of the ApiGateways that are ours. */
  readonly className: string;
  readonly gateways: ReadonlyMap<ObjectKey, Gateway>;
  readonly gatewayUnits: ReadonlyMap<ObjectKey, GatewayUnit>;
  readonly routes: ReadonlyMap<ObjectKey, RouteUnit>;
  readonly authPolicies: ReadonlyMap<ObjectKey, AuthUnit>;
  readonly rateLimitPolicies: ReadonlyMap<ObjectKey, LimitUnit>;
  /** What is enforced behind the gateways. */
  readonly mesh: Mesh;
  readonly findings: readonly Finding[];
  readonly references: References;
}

/** By the key of what is wanted: who wants it. */
export type Wanted = ReadonlyMap<ObjectKey, ReadonlySet<ObjectKey>>;

/** Objects that others name, whether they are there or not. */
export interface References {
  /** Secrets that ApiGateways name. */
  readonly certificates: () => Wanted;
  /** Secrets and ConfigMaps that AuthPolicies name; and ConfigMaps with Istio's MeshConfig, of ApiGateways in its mesh. */
  readonly keySets: (kind: 'Secret' | 'ConfigMap') => Wanted;
  /** URIs of key sets that AuthPolicies name. */
  readonly fetched: () => Wanted;
  /** Services that a Route names. */
  readonly services: (route: ObjectKey) => readonly ObjectKey[];
}

export type Resolver = (snapshot: Snapshot) => Resolution;

/** Keep it: it remembers what did not change. */
export function resolver(className: string = defaultClass): Resolver {
  let stages: Stages | undefined;
  return (snapshot) => {
    const usual = stages ?? newStages(className);
    // Should a stage throw, some have seen this snapshot and some have not: the next one is resolved from scratch.
    stages = undefined;
    const resolution = resolve(snapshot, usual);
    stages = usual;
    return resolution;
  };
}

type Stages = ReturnType<typeof newStages>;

function newStages(className: string) {
  const guards = guardMemo();
  return {
    inOrder: {
      AuthPolicy: byName(),
      RateLimitPolicy: byName(),
      ApiGateway: byName(),
    },
    authPolicies: memoise<KubeObject, ObjectWorld, AuthUnit>(resolveAuthUnit),
    authOn: targetIndex<Policy>(),
    rateLimitPolicies: memoise<KubeObject, ObjectWorld, LimitUnit>(resolveLimitUnit),
    limitsOn: targetIndex<AttachedLimits>(),
    gatewayUnits: memoise<KubeObject, PolicyWorld, GatewayUnit>(resolveGateway),
    className,
    contexts: chosen(({ context, className: of }: GatewayUnit) => (of === className ? context : undefined)),
    elsewhere: chosen(({ className: of }: GatewayUnit) => (of === className ? undefined : of)),
    routes: memoise<KubeObject, RouteWorld, RouteUnit>((object, look) => resolveRoute(object, look, guards)),
    tables: gatewayTables(),
    rivals: chosen(({ context, className: of }: GatewayUnit) =>
      of !== className && context?.mesh !== undefined ? of : undefined,
    ),
    identities: withIdentities(),
    mesh: meshStage(className),
    accepted: withAccepted(),
    danglingAuth: memoise<AuthUnit, ObjectWorld, Dangling>(resolveDangling),
    danglingLimits: memoise<LimitUnit, ObjectWorld, Dangling>(resolveDangling),
    findings: findingsOf(),
  };
}

function resolve(snapshot: Snapshot, stages: Stages): Resolution {
  const world: ObjectWorld = snapshot;
  const { inOrder } = stages;
  const authPolicies = stages.authPolicies(inOrder.AuthPolicy(snapshot.AuthPolicy), world);
  const rateLimitPolicies = stages.rateLimitPolicies(inOrder.RateLimitPolicy(snapshot.RateLimitPolicy), world);
  const attached = { authOn: stages.authOn(authPolicies), limitsOn: stages.limitsOn(rateLimitPolicies) };
  const policyWorld: PolicyWorld = { ...world, ...attached };
  const gatewayUnits = stages.gatewayUnits(inOrder.ApiGateway(snapshot.ApiGateway), policyWorld);
  const contexts = stages.contexts(gatewayUnits.all);
  const elsewhere = stages.elsewhere(gatewayUnits.all);
  const routes = stages.routes(snapshot.Route, { ...policyWorld, gateways: contexts, elsewhere });
  const reaching = stages.identities(stages.tables(contexts, routes.changes), snapshot);
  const own = stages.findings(
    gatewayUnits,
    routes,
    authPolicies,
    rateLimitPolicies,
    stages.danglingAuth(authPolicies.all, world),
    stages.danglingLimits(rateLimitPolicies.all, world),
  );
  const rivals = stages.rivals(gatewayUnits.all);
  const mesh = stages.mesh({ gateways: reaching, rivals, snapshot, authOn: attached.authOn });
  const gateways = stages.accepted(reaching, mesh.workloads);
  const more = [...conflictsAt([...gateways.values()]), ...mesh.findings];
  return {
    className: stages.className,
    gateways,
    gatewayUnits: gatewayUnits.all,
    routes: routes.all,
    authPolicies: authPolicies.all,
    rateLimitPolicies: rateLimitPolicies.all,
    mesh,
    findings: more.length === 0 ? own : [...own, ...more],
    references: referencesOf(gatewayUnits, authPolicies, routes),
  };
}

type Reads = Pick<Results<object>, 'reads'>;

function referencesOf(gateways: Reads, policies: Reads, routes: Pick<Results<object>, 'readsOf'>): References {
  return {
    certificates: () => gateways.reads('Secret'),
    keySets: (kind) =>
      kind === 'Secret' ? policies.reads(kind) : new Map([...gateways.reads(kind), ...policies.reads(kind)]),
    fetched: () => policies.reads('FetchedKeys'),
    services: (route) => routes.readsOf(route, 'Service') as readonly ObjectKey[],
  };
}

/** So that what depends on order does not depend on arrival. Sorted anew only when names come or go. */
function byName(): (objects: Collection) => Collection {
  let last: Collection = new Map();
  let sorted: Collection = new Map();
  return (objects) => {
    const changed = changedKeys(last, objects);
    const isSteady = changed.every((key) => last.has(key) && objects.has(key));
    last = objects;
    if (!isSteady) sorted = new Map([...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    else if (changed.length > 0) sorted = replaced(sorted, new Map(changed.map((key) => [key, objects.get(key)])));
    return sorted;
  };
}

type Units<U> = ReadonlyMap<ObjectKey, U>;

/** What of each unit is wanted; the same Map while it holds the same. */
function chosen<U, V>(choose: (unit: U) => V | undefined): (units: Units<U>) => Units<V> {
  let before: Units<V> = new Map();
  return rememberLast((units) => {
    const found = [...units].flatMap(([key, unit]) => {
      const value = choose(unit);
      return value === undefined ? [] : [[key, value] as const];
    });
    const same = found.length === before.size && found.every(([key, value]) => before.get(key) === value);
    before = same ? before : new Map(found);
    return before;
  });
}
