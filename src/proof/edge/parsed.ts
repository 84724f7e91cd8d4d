/** The files of one edge, parsed back: what Envoy is told, and nothing that it was made of. */

import type { FilterChain, Listener, NamedConfig } from '../../envoy/listener.ts';
import type { HeaderEdits, Route } from '../../envoy/route.ts';

export type Resource = Readonly<Record<string, unknown>> & { readonly name?: string };

/** Per filter name, as routes, virtual hosts and tables configure it. */
export type PerFilter = Readonly<Record<string, Resource>>;

export interface RouteTable extends HeaderEdits {
  readonly name: string;
  readonly ignore_port_in_host_matching?: boolean;
  readonly typed_per_filter_config?: PerFilter;
  readonly virtual_hosts: readonly VirtualHostTable[];
}

export interface VirtualHostTable extends HeaderEdits {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes?: readonly TableRoute[];
  readonly matcher?: Tree;
  readonly typed_per_filter_config?: PerFilter;
}

export type TableRoute = Omit<Route, 'typed_per_filter_config'> & { readonly typed_per_filter_config?: PerFilter };

export interface Tree {
  readonly matcher_tree: {
    readonly input: { readonly typed_config: { readonly header_name: string } };
    readonly prefix_match_map: { readonly map: Readonly<Record<string, Leaf>> };
  };
  readonly on_no_match: Leaf;
}

interface Leaf {
  readonly action: { readonly typed_config: { readonly routes: readonly TableRoute[] } };
}

export interface HttpManager {
  readonly rds: { readonly route_config_name: string };
  readonly http_filters: readonly (NamedConfig | Discovered)[];
  readonly local_reply_config?: { readonly mappers: readonly ReplyMapper[] };
}

export interface Discovered {
  readonly name: string;
  readonly config_discovery: { readonly type_urls: readonly string[] };
}

export interface ReplyMapper {
  readonly filter: { readonly extension_filter: { readonly typed_config: { readonly expression: string } } };
  readonly status_code: number;
}

export interface ParsedEdge {
  readonly listeners: ReadonlyMap<string, Listener>;
  readonly tables: ReadonlyMap<string, RouteTable>;
  /** Filters that are discovered by themselves, by name. */
  readonly extensions: ReadonlyMap<string, Resource>;
}

/** `files` are DiscoveryResponses in JSON. */
export function parseEdge(files: readonly { readonly name: string; readonly text: string }[]): ParsedEdge {
  const of = (kind: string) =>
    files
      .filter(({ name }) => name.startsWith(kind))
      .flatMap(({ text }) => (JSON.parse(text) as { readonly resources: readonly Resource[] }).resources)
      .map((resource) => [resource.name ?? '', resource] as const);
  return {
    listeners: new Map(of('lds') as unknown as [string, Listener][]),
    tables: new Map(of('rds-') as unknown as [string, RouteTable][]),
    extensions: new Map(of('ecds-').map(([name, { typed_config }]) => [name, typed_config as Resource])),
  };
}

export function managerOf({ filters }: FilterChain): HttpManager | undefined {
  const found = filters.find(({ name }) => name === 'envoy.filters.network.http_connection_manager');
  return found?.typed_config as unknown as HttpManager | undefined;
}
