/** envoy.config.listener.v3 and HttpConnectionManager: the fields that we write. */
import type { Json, TypedConfig } from './json.ts';

export interface NamedConfig {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/** envoy.config.core.v3.ConfigSource that reads a file; the watched directory is the mount whose `..data` moves. */
export interface FileSource {
  readonly resource_api_version: 'V3';
  readonly path_config_source: { readonly path: string; readonly watched_directory: { readonly path: string } };
}

export interface DiscoveredFilter {
  readonly name: string;
  readonly config_discovery: { readonly config_source: FileSource; readonly type_urls: readonly string[] };
}

export interface FilterChain {
  readonly name: string;
  readonly filter_chain_match?: { readonly server_names: readonly string[] };
  readonly transport_socket?: NamedConfig;
  readonly filters: readonly NamedConfig[];
}

/** As it stands in a bootstrap, which needs no type. */
export interface StaticListener {
  readonly name: string;
  readonly address: { readonly socket_address: { readonly address: string; readonly port_value: number } };
  readonly per_connection_buffer_limit_bytes: number;
  readonly enable_reuse_port?: boolean;
  readonly listener_filters?: readonly NamedConfig[];
  readonly filter_chains: readonly FilterChain[];
  readonly [field: string]: Json | undefined | readonly FilterChain[] | readonly NamedConfig[];
}

export interface Listener extends StaticListener {
  readonly '@type': string;
}

/** A file `name` in `directory`, which is swapped as a whole: through `..data`, because links to new files come after it. */
export function fileSource(directory: string, name: string): FileSource {
  return {
    resource_api_version: 'V3',
    path_config_source: { path: `${directory}/..data/${name}`, watched_directory: { path: directory } },
  };
}
