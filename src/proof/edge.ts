/** What an Envoy that is told these files does with one request: read from what was rendered, and from nothing else. */

import type { FilterChain, NamedConfig } from '../envoy/listener.ts';
import type { RbacRules } from '../envoy/rbac.ts';
import type { RouteAction } from '../envoy/route.ts';
import { forwarded } from './edge/forward.ts';
import { authenticate } from './edge/jwt.ts';
import {
  type Discovered,
  type HttpManager,
  managerOf,
  type ParsedEdge,
  type PerFilter,
  type RouteTable,
  type TableRoute,
  type VirtualHostTable,
} from './edge/parsed.ts';
import { type Metadata, matchingPolicy } from './edge/rbac.ts';
import { type EdgeAnswer, type EdgeRequest, type ProofToken, redirectStatus } from './edge/request.ts';
import { chooseHost, chooseRoute } from './edge/table.ts';

export { type ParsedEdge, parseEdge } from './edge/parsed.ts';
export type { EdgeAnswer, EdgeRequest, Forwarded, ProofToken } from './edge/request.ts';

export interface Asked {
  /** As if no filter refused: what would be forwarded then. */
  readonly unguarded?: boolean;
  /** As if the request were for this host. */
  readonly host?: VirtualHostTable;
  /** As if this route took it. */
  readonly by?: TableRoute;
}

export function answerAtEdge(edge: ParsedEdge, sent: EdgeRequest, asked: Asked = {}): EdgeAnswer {
  const chain = chooseChain(edge, sent);
  if (typeof chain === 'string') return { kind: 'closed', reason: chain };
  const request = asksForCertificate(chain) ? sent : withoutCertificate(sent);
  const manager = managerOf(chain);
  const table = manager === undefined ? undefined : edge.tables.get(manager.rds.route_config_name);
  const host = asked.host ?? (table === undefined ? undefined : chooseHost(table, request));
  const route = asked.by ?? (host === undefined ? undefined : chooseRoute(host, request));
  if (manager === undefined || table === undefined || host === undefined || route === undefined) {
    return { kind: 'closed', reason: `chain ${chain.name} has no route for ${request.authority}${request.path}` };
  }
  const taken = { edge, manager, table, host, route };
  const { refusal, token, by } = throughFilters(taken, request);
  if (refusal !== undefined && asked.unguarded !== true) return refusal;
  const { token: _, ...others } = request;
  return answer(taken, token === undefined ? others : { ...others, token }, by);
}

/** What a listener did not ask for it does not see. */
function asksForCertificate({ transport_socket }: FilterChain): boolean {
  const { common_tls_context: common } = (transport_socket?.typed_config ?? {}) as {
    readonly common_tls_context?: { readonly validation_context?: object };
  };
  return common?.validation_context !== undefined;
}

function withoutCertificate(request: EdgeRequest): EdgeRequest {
  const { certificate: _, ...others } = request;
  return others;
}

function chooseChain({ listeners }: ParsedEdge, { port, scheme, sni }: EdgeRequest): FilterChain | string {
  const listener = listeners.get(`tcp-${port}`);
  if (listener === undefined) return `nothing listens on port ${port}`;
  const chains = listener.filter_chains.filter(
    ({ transport_socket }) => (transport_socket !== undefined) === (scheme === 'https'),
  );
  const ranked = chains.flatMap((chain) => {
    const names = chain.filter_chain_match?.server_names ?? ['*'];
    return names.filter((name) => servesName(name, sni.toLowerCase())).map((name) => ({ chain, rank: rankOf(name) }));
  });
  return (
    ranked.toSorted((a, b) => b.rank - a.rank)[0]?.chain ?? `port ${port} has no ${scheme} for ${sni || 'no name'}`
  );
}

function servesName(name: string, sni: string): boolean {
  return name === '*' || name === sni || (name.startsWith('*.') && sni.endsWith(name.slice(1)));
}

function rankOf(name: string): number {
  if (name === '*') return 0;
  return name.startsWith('*.') ? name.length : Number.POSITIVE_INFINITY;
}

interface Taken {
  readonly edge: ParsedEdge;
  readonly manager: HttpManager;
  readonly table: RouteTable;
  readonly host: VirtualHostTable;
  readonly route: TableRoute;
}

interface Passed {
  readonly refusal: EdgeAnswer | undefined;
  /** Of the request that goes on. */
  readonly token: ProofToken | undefined;
  /** The policy of the ALLOW that admits it. */
  readonly by: string | undefined;
}

/** In their order: the first that refuses answers. */
function throughFilters({ edge, manager, table, host, route }: Taken, request: EdgeRequest): Passed {
  const own: PerFilter = {
    ...table.typed_per_filter_config,
    ...host.typed_per_filter_config,
    ...route.typed_per_filter_config,
  };
  let metadata: Metadata = {};
  let token = request.token;
  let refusal: EdgeAnswer | undefined;
  let by: string | undefined;
  const refuse = (status: number, whom: string) => {
    refusal ??= { kind: 'refused', status, route: route.name, by: whom };
  };
  for (const filter of manager.http_filters) {
    if (isDiscovered(filter)) {
      const extension = edge.extensions.get(filter.name);
      if (
        extension === undefined ||
        !filter.config_discovery.type_urls.some((type) => type.endsWith('.JwtAuthentication'))
      )
        continue;
      const found = authenticate(extension, own[filter.name], request);
      metadata = found.metadata;
      if (!found.keeps) token = undefined;
      if (found.refused !== undefined) refuse(found.refused, 'jwt_authn');
    } else {
      const rules = rbacOf(filter, own);
      const policy = rules === undefined ? undefined : matchingPolicy(rules, { request, metadata });
      if (rules?.action === 'DENY' && policy !== undefined) refuse(statusOf(manager, policy), policy);
      if (rules?.action === 'ALLOW' && policy === undefined) refuse(403, 'no rule');
      if (rules?.action === 'ALLOW') by = policy;
    }
  }
  return { refusal, token, by };
}

function isDiscovered(filter: NamedConfig | Discovered): filter is Discovered {
  return 'config_discovery' in filter;
}

/** A route's own rules take the place of the filter's; one that names none switches the filter off. */
function rbacOf(filter: NamedConfig, own: PerFilter): RbacRules | undefined {
  if (!String(filter.typed_config['@type']).endsWith('.rbac.v3.RBAC')) return undefined;
  const route = own[filter.name];
  const config = route === undefined ? filter.typed_config : (route['rbac'] ?? {});
  return (config as { readonly rules?: RbacRules }).rules;
}

/** 403, unless the connection manager answers otherwise what this policy refuses. */
function statusOf({ local_reply_config }: HttpManager, policy: string): number {
  const expression = `response.code_details == 'rbac_access_denied_matched_policy[${policy}]'`;
  const mapper = (local_reply_config?.mappers ?? []).find(
    ({ filter }) => filter.extension_filter?.typed_config?.expression === expression,
  );
  return mapper?.status_code ?? 403;
}

function answer({ table, host, route }: Taken, request: EdgeRequest, by: string | undefined): EdgeAnswer {
  if (route.direct_response !== undefined) {
    return { kind: 'answered', status: route.direct_response.status, route: route.name };
  }
  if (route.redirect !== undefined) {
    return { kind: 'answered', status: redirectStatus(route.redirect.response_code), route: route.name };
  }
  const action: RouteAction = route.route ?? {};
  return {
    kind: 'forwarded',
    route: route.name,
    ...(by === undefined ? {} : { by }),
    to: forwarded({ table, host, route: { ...route, route: action } }, request),
  };
}
