/** Where requests may enter an edge. */

import type { RbacRules } from '../../envoy/rbac.ts';
import { managerOf, type RouteTable, type TableRoute, type VirtualHostTable } from '../edge/parsed.ts';
import type { ParsedEdge } from '../edge.ts';

export interface Door {
  readonly port: number;
  readonly scheme: 'http' | 'https';
  readonly sni: string;
  readonly table: RouteTable;
}

export function doorsOf({ listeners, tables }: ParsedEdge): readonly Door[] {
  return [...listeners.values()].flatMap(({ name, filter_chains }) => {
    const port = Number(/^tcp-(\d+)$/.exec(name)?.[1]);
    if (Number.isNaN(port)) return [];
    return filter_chains.flatMap((chain): readonly Door[] => {
      const table = tables.get(managerOf(chain)?.rds.route_config_name ?? '');
      const [server = 'any.test'] = chain.filter_chain_match?.server_names ?? [];
      const scheme = chain.transport_socket === undefined ? 'http' : 'https';
      return table === undefined ? [] : [{ port, scheme, sni: sampleHost(server), table }];
    });
  });
}

/** One host that a domain of a table holds. */
export function sampleHost(domain: string): string {
  if (domain === '*') return 'other.test';
  return domain.startsWith('*.') ? `any${domain.slice(1)}` : domain;
}

/** Of every RBAC filter, as the route has them. */
export function rulesOf(table: RouteTable, host: VirtualHostTable, route: TableRoute): readonly RbacRules[] {
  const own = { ...table.typed_per_filter_config, ...host.typed_per_filter_config, ...route.typed_per_filter_config };
  return Object.values(own).flatMap((config) => {
    const rules = (config['rbac'] as { readonly rules?: RbacRules } | undefined)?.rules;
    return rules === undefined ? [] : [rules];
  });
}

export function clustersOf({ route: action }: TableRoute): readonly string[] {
  return action?.weighted_clusters?.clusters.map(({ name }) => name) ?? [action?.cluster ?? ''];
}
