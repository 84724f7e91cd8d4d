/** Whether a workload may admit what no edge sends on: where a report says what the edge alone asks, and in nothing beside it. */

import type { RbacRules } from '../envoy/rbac.ts';
import { type Coming, editedHeaders, leadsTo, type Place, placesOf } from './could-come.ts';
import { limitBy, policiesOn, reportOn, rulesIn } from './declared.ts';
import { type Limit, leftToTheEdge } from './difference.ts';
import { rewritten } from './edge/forward.ts';
import type { PerFilter, TableRoute, VirtualHostTable } from './edge/parsed.ts';
import { listFor, listsOf, routeMatches } from './edge/table.ts';
import { answerAtEdge, type EdgeRequest } from './edge.ts';
import type { Door } from './regions/doors.ts';
import { pathsBefore } from './regions/preimages.ts';
import { somewhere } from './regions/space.ts';
import { fateOfPath, isMatchSaid, saidMatch, saidRules, type Way } from './unsaid.ts';

/** What says so; undefined where nothing does. */
export function leftToEdge(coming: Coming): Limit | undefined {
  const places = [...placesOf(coming)];
  // What such a route admits, the workload may take for what another one denies: then it repeats no deny.
  const unsure = places.some(isBlurred);
  for (const place of places) {
    const limit = leftAt(place, unsure);
    if (limit !== undefined) return limit;
  }
  return undefined;
}

/** Of a workload whose proxy sees identities alone: by any route to it that lets somebody through. */
export function leftToEdgeAtLayer4(coming: Coming): Limit | undefined {
  for (const { host, route, door } of placesOf(coming)) {
    const admitting = Object.values(filtersOf(door, host, route)).some(({ rbac }) => admitsSome(rbac));
    const report = reportOn(coming.destination.workload, policiesOn(route), undefined);
    if (admitting && report !== undefined) return limitBy(report);
  }
  return undefined;
}

function admitsSome(rbac: unknown): boolean {
  const { rules } = (rbac ?? {}) as { readonly rules?: RbacRules };
  return rules?.action === 'ALLOW' && Object.keys(rules.policies).length > 0;
}

/** Whether Istio has no words for which requests it takes, whatever they are. */
function isBlurred(place: Place): boolean {
  const { door, host, route } = place;
  const way = wayOf(place);
  const [domain = '*'] = host.domains;
  const narrower = narrowerThan(domain, door);
  const hosts = [...(domain === '*' ? [] : [domain]), ...narrower];
  return (
    hosts.some(isWild) ||
    (hosts.length > 0 && way.route.host_rewrite_literal !== undefined) ||
    listsOf(host)
      .filter((list) => list.includes(route))
      .some((list) => list.slice(0, list.indexOf(route) + 1).some(({ match }) => !isMatchSaid(match, way)))
  );
}

function narrowerThan(domain: string, { table }: Door): readonly string[] {
  const all = table.virtual_hosts.flatMap(({ domains }) => domains);
  return all.filter((other) => other !== domain && holdsHost(domain, other));
}

function isWild(domain: string): boolean {
  return domain.startsWith('*.');
}

function leftAt(place: Place, unsure: boolean): Limit | undefined {
  const { share, host, route } = place;
  const fate = hostFate(place);
  if (fate === 'another') return undefined;
  const way = wayOf(place);
  const written = share.path.replace(/\?.*$/s, '');
  const free = fateOfPath(way) === 'lost' || route.match.safe_regex !== undefined;
  for (const path of pathsTo(place, written)) {
    const request = requestOf(place, path);
    if (!routeMatches(saidMatch(way), request)) continue;
    const lists = free ? listsOf(host) : [listFor(host, request)];
    for (const list of lists.filter((one) => one.includes(route))) {
      const before = list.slice(0, list.indexOf(route));
      if (before.some(({ match }) => isMatchSaid(match, way) && routeMatches(match, request))) continue;
      const blurred =
        fate === 'blurred' || !isMatchSaid(route.match, way) || before.some(({ match }) => !isMatchSaid(match, way));
      const limit = admittedBy({ ...place, way, blurred, unsure }, request);
      if (limit !== undefined) return limit;
    }
  }
  return undefined;
}

/** Those that the route turns into it; where nothing of them is kept, any stands for all. */
function pathsTo({ route: { match, route = {} } }: Place, path: string): readonly string[] {
  if (match.safe_regex !== undefined) return [path];
  const before = pathsBefore(match, route, path).filter((one) => rewritten(match, route, one) === path);
  return [...new Set(before)];
}

function wayOf({ gateway, door, route, share }: Place): Way {
  const providers = [...gateway.edge.extensions.values()].flatMap(({ providers: known }) =>
    Object.entries((known ?? {}) as Readonly<Record<string, { readonly issuer?: string }>>),
  );
  const issuers = new Map(providers.map(([id, { issuer }]) => [id, issuer]));
  return {
    route: route.route ?? {},
    match: route.match,
    edited: editedHeaders(route),
    oddPort: hasOddPort(share.host, door),
    rivals: (id) => [...issuers].flatMap(([other, issuer]) => (issuer === issuers.get(id) ? [other] : [])),
  };
}

function hasOddPort(host: string, { port }: Door): boolean {
  const written = /:(\d+)$/.exec(host)?.[1];
  return written !== undefined && Number(written) !== port;
}

/** `blurred`: Istio has no words for all hosts of the virtual host, and no others. */
function hostFate({ door, host, route, share }: Place): 'own' | 'blurred' | 'another' {
  const [domain = '*'] = host.domains;
  const written = share.host.toLowerCase().replace(/:\d+$/, '');
  const narrower = narrowerThan(domain, door);
  if (route.route?.host_rewrite_literal !== undefined) {
    return domain === '*' && narrower.length === 0 ? 'own' : 'blurred';
  }
  const owners = narrower.filter((other) => holdsHost(other, written));
  // Of endings it can be said that they are another's without a port and with the listener's; and exact hosts are not, below one.
  const isSaid = owners.length > 0 && !(owners.some(isWild) && hasOddPort(share.host, door));
  if (isSaid) return 'another';
  if (isWild(domain)) return 'blurred';
  if (!holdsHost(domain, written)) return 'another';
  return narrower.some(isWild) ? 'blurred' : 'own';
}

/** `host` may be a domain with a wildcard itself. */
function holdsHost(domain: string, host: string): boolean {
  return domain === '*' || domain === host || (domain.startsWith('*.') && host.endsWith(domain.slice(1)));
}

function requestOf({ door: { port, scheme, sni }, share }: Place, path: string): EdgeRequest {
  return {
    port,
    scheme,
    sni,
    method: share.method,
    authority: share.host,
    path,
    headers: share.headers,
    directIp: somewhere,
    remoteIp: somewhere,
    ...(share.token === undefined ? {} : { token: share.token }),
  };
}

function filtersOf({ table }: Door, host: VirtualHostTable, route: TableRoute): PerFilter {
  return { ...table.typed_per_filter_config, ...host.typed_per_filter_config, ...route.typed_per_filter_config };
}

interface Asked extends Place {
  readonly way: Way;
  readonly blurred: boolean;
  /** Some route to the workload is. */
  readonly unsure: boolean;
}

/** The edge's own answer, with what is unsaid and declared left out of its rules. */
function admittedBy({ way, blurred, unsure, ...place }: Asked, request: EdgeRequest): Limit | undefined {
  const { gateway, door, host, route, destination } = place;
  const policies = policiesOn(route);
  const about = (name: string) => {
    const { policies: named, rules } = rulesIn(name);
    return reportOn(destination.workload, named ?? policies, rules);
  };
  // A route that nobody has a policy on has nobody to be told of it, either.
  if (blurred && policies.length > 0 && reportOn(destination.workload, policies, []) === undefined) return undefined;
  const isDeclared = (name: string) => about(name) !== undefined;
  const left: string[] = [];
  const said = Object.entries(filtersOf(door, host, route)).map(([filter, config]) => {
    const { rbac } = config as { readonly rbac?: { readonly rules?: RbacRules } };
    if (rbac?.rules === undefined) return [filter, config] as const;
    const rules = saidRules(rbac.rules, way, { isDeclared, unsure });
    left.push(...Object.keys(rbac.rules.policies).filter((name) => !Object.hasOwn(rules.policies, name)));
    return [filter, { ...config, rbac: { ...rbac, rules } }] as const;
  });
  const by: TableRoute = { ...route, typed_per_filter_config: Object.fromEntries(said) };
  const answer = answerAtEdge(gateway.edge, request, { host, by });
  if (answer.kind !== 'forwarded' || !answer.to.some(({ cluster }) => leadsTo(place, cluster))) return undefined;
  const report = [answer.by ?? '', ...left].map(about).find((one) => one !== undefined);
  if (report !== undefined) return limitBy(report);
  return blurred && policies.length === 0 ? leftToTheEdge : undefined;
}
