/** What the policies mean for a caller inside the mesh: read from the resolved policies one by one, not from what was made of them. */

import type { RouteEntry } from '../ir/gateway.ts';
import type { Policy, PolicyPart } from '../ir/guard.ts';
import type { Service } from '../kube/core.ts';
import { keyOf, type ObjectKey } from '../kube/object.ts';
import type { Collection } from '../kube/snapshot.ts';
import type { Conjunction } from '../policy/decision.ts';
import { evaluate, type RequestFacts } from '../policy/evaluate.ts';
import { namesIdentity } from '../policy/planes.ts';
import { routeName } from '../render/route.ts';
import { ruleNames } from '../resolve/explain/words.ts';
import type { AuthUnit } from '../resolve/policy-unit.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { editedHeaders } from './could-come.ts';
import { rewritten } from './edge/forward.ts';
import type { TableRoute, VirtualHostTable } from './edge/parsed.ts';
import { chooseRoute, listsOf } from './edge/table.ts';
import type { EdgeRequest } from './edge.ts';
import type { MeshCall } from './mesh-answer.ts';
import { clustersOf, doorsOf } from './regions/doors.ts';
import { keySetOf } from './regions/issuers.ts';
import { pathsBefore } from './regions/preimages.ts';
import { somewhere } from './regions/space.ts';
import { type Destination, type ProofWorld, sameDestination } from './world.ts';

export interface Meant {
  readonly admitted: boolean;
  readonly status: 200 | 401 | 403;
  /** A clause: `AuthPolicy shop/orders: billing-job`. */
  readonly because: string;
}

export type Meaning = (destination: Destination, call: MeshCall) => Meant;

export function meaningOf(resolution: Resolution, world: ProofWorld, services: Collection<Service>): Meaning {
  const entries = entriesByRoute(resolution);
  const units = [...resolution.authPolicies.values()];
  return (destination, call) => {
    const { meant } = destination.workload;
    if (!isClosed(destination)) return { admitted: true, status: 200, because: 'no policy closes the port' };
    const facts = factsOf(destination, call);
    if (facts === undefined) return { admitted: false, status: 401, because: 'the token is of no issuer known here' };
    if (call.principal === undefined) return refused('a caller without an identity is nobody');
    const behind = servicePolicies(units, destination, services.get(keyOf(meant.namespace, destination.service)));
    if (behind.some(({ policy }) => policy.broken !== undefined)) return refused('a policy on the Service is broken');
    const byService = sayOf(
      behind.map(({ policy }): Pick<PolicyPart, 'policy'> => ({ policy })),
      facts,
    );
    if (!byService.admitted) return byService;
    const byRoutes = takenBy(destination, call, world).flatMap(({ route, path }) => {
      const changed = editedHeaders(route);
      // Its policies are about paths as the edge sees them.
      return (entries.get(route.name) ?? []).map((entry) => sayOfEntry(entry, { ...facts, path }, changed));
    });
    const denied = byRoutes.find(({ denies }) => denies);
    if (denied !== undefined) return denied.says;
    if (behind.some(({ policy }) => policy.opens)) return byService;
    const named = byRoutes.find(({ says }) => says.admitted);
    return named?.says ?? refused('no rule names the caller');
  };
}

function refused(because: string): Meant {
  return { admitted: false, status: 403, because };
}

function isClosed({ workload, service, port }: Destination): boolean {
  const { closed } = workload.meant;
  return closed === 'all' || closed.some((one) => one.service === service && one.port === port);
}

/** Nothing that only an edge sees has a value. Undefined for a token that nobody verifies. */
function factsOf({ workload }: Destination, call: MeshCall): RequestFacts | undefined {
  const { token, principal } = call;
  const facts = {
    method: call.method,
    path: call.path.replace(/[?#].*$/s, ''),
    host: call.host,
    headers: call.headers,
    directIp: '',
    remoteIp: '',
    ...(principal === undefined ? {} : { principal }),
  };
  const known = workload.meant.issuers;
  if (token === undefined || known.length === 0) return facts;
  const issuers = known.filter(
    ({ issuer, keys }) => issuer === token.issuer && (token.jwks === undefined || token.jwks.includes(keySetOf(keys))),
  );
  if (token.bad === true || issuers.length === 0) return undefined;
  return { ...facts, token: { issuers: issuers.map(({ id }) => id), claims: { ...token.claims, iss: token.issuer } } };
}

export function servicePolicies(
  units: readonly AuthUnit[],
  { workload, service, port }: Destination,
  object: Service | undefined,
): readonly AuthUnit[] {
  const { namespace } = workload.meant;
  const targets = [`Service ${keyOf(namespace, service)}`, `Namespace ${namespace}`];
  const name = object?.spec?.ports?.find((one) => one.port === port)?.name;
  return units.filter(
    ({ policy, attached }) =>
      policy.mode === 'Enforce' &&
      attached.some(
        ({ target, sectionName }) => targets.includes(target) && (sectionName === undefined || sectionName === name),
      ),
  );
}

function sayOf(parts: readonly Pick<PolicyPart, 'policy'>[], facts: RequestFacts): Meant {
  for (const { policy } of parts) {
    const { admitted, because, by } = evaluate(policy.decision, facts);
    const name = `AuthPolicy ${policy.ref.namespace}/${policy.ref.name}`;
    if (!admitted)
      return refused(because === 'denied' ? `${name} denies it: ${rulesOf(by)}` : `${name} does not allow it`);
  }
  const last = parts.at(-1);
  const by = last === undefined ? undefined : evaluate(last.policy.decision, facts).by;
  const because =
    last === undefined
      ? 'no policy'
      : `AuthPolicy ${last.policy.ref.namespace}/${last.policy.ref.name}: ${rulesOf(by)}`;
  return { admitted: true, status: 200, because };
}

function rulesOf(by: Conjunction | undefined): string {
  return ruleNames(by?.sources ?? []);
}

/** By name as Envoy has it: an entry under each host. */
export function entriesByRoute({ gateways }: Resolution): ReadonlyMap<string, readonly RouteEntry[]> {
  const all = [...gateways.values()]
    .filter(({ mesh }) => mesh !== undefined)
    .flatMap(({ chains }) => chains.flatMap(({ virtualHosts }) => virtualHosts.flatMap(({ entries }) => entries)));
  return Map.groupBy(all, routeName);
}

interface Taken {
  readonly route: TableRoute;
  /** As the edge would have seen it. */
  readonly path: string;
}

/** Routes that would take the request, if it came through an edge, whatever its host. */
function takenBy(destination: Destination, call: MeshCall, { gateways, destinations }: ProofWorld): readonly Taken[] {
  const leads = (route: TableRoute) =>
    clustersOf(route).some((cluster) => sameDestination(destinations.get(cluster), destination));
  const taking = gateways
    .filter(({ identity }) => identity !== undefined)
    .flatMap(({ edge }) => doorsOf(edge).flatMap(({ table }) => table.virtual_hosts))
    .flatMap((host) =>
      listsOf(host)
        .flat()
        .filter(leads)
        .flatMap((route) => pathsTaken(host, route, call).map((path): Taken => ({ route, path }))),
    );
  return [...new Map(taking.map((one) => [`${one.route.name} ${one.path}`, one])).values()];
}

function pathsTaken(host: VirtualHostTable, route: TableRoute, { method, path, headers }: MeshCall): readonly string[] {
  const bare = path.replace(/[?#].*$/s, '');
  return pathsBefore(route.match, route.route ?? {}, bare).filter((before) => {
    const request: EdgeRequest = {
      port: 0,
      scheme: 'http',
      sni: '',
      method,
      authority: 'any.test',
      path: before,
      headers,
      directIp: somewhere,
      remoteIp: somewhere,
    };
    return (
      chooseRoute(host, request)?.name === route.name && rewritten(route.match, route.route ?? {}, before) === bare
    );
  });
}

interface EntrySays {
  readonly says: Meant;
  /** Refuses the caller by its identity, whoever else would admit it. */
  readonly denies: boolean;
}

/**
 * Those alone are admitted whom a rule names; never what a rule says of the outside. What it says of a header that the edge
 * changes on the way is about nothing that a caller sends.
 */
function sayOfEntry({ guard, rule }: RouteEntry, facts: RequestFacts, changed: ReadonlySet<string>): EntrySays {
  if (guard.kind === 'blocked' || rule.blocked !== undefined)
    return { says: refused('the rule is blocked'), denies: false };
  const parts = guard.parts
    .filter(({ on }) => on !== 'service')
    .map(({ policy }) => ({ policy: asInside(policy, changed) }));
  const denied = parts
    .flatMap(({ policy }) => policy.decision.deny)
    .find((one) => namesIdentity(one) && matches(one, facts));
  if (denied !== undefined) return { says: refused(`denied by ${rulesOf(denied)}`), denies: true };
  if (!guard.covered) return { says: refused('no policy covers the rule'), denies: false };
  const says = sayOf(parts, facts);
  const naming = parts
    .flatMap(({ policy }) => policy.decision.allow)
    .find((one) => namesIdentity(one) && matches(one, facts));
  if (!says.admitted) return { says, denies: false };
  if (naming === undefined) return { says: refused('no rule names the caller'), denies: false };
  const policy = parts.find((part) => part.policy.decision.allow.includes(naming))?.policy.ref;
  return { says: { ...says, because: `AuthPolicy ${keyName(policy)}: ${rulesOf(naming)}` }, denies: false };
}

function asInside(policy: Policy, changed: ReadonlySet<string>): Policy {
  const { allow, deny } = policy.decision;
  const isLost = ({ constraints }: Conjunction) =>
    constraints.some(({ attribute }) => attribute.kind === 'header' && changed.has(attribute.name));
  return { ...policy, decision: { deny, allow: allow.filter((one) => !isLost(one)) } };
}

function keyName(ref: { readonly namespace: string; readonly name: string } | undefined): ObjectKey {
  return ref === undefined ? '' : keyOf(ref.namespace, ref.name);
}

function matches(one: Conjunction, facts: RequestFacts): boolean {
  return evaluate({ deny: [], allow: [one] }, facts).admitted;
}
