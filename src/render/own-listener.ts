/** Listeners of ours, which no user asked for: small, quick to time out, and open when the rest is overloaded. */
import { type Json, types } from '../envoy/json.ts';
import type { StaticListener } from '../envoy/listener.ts';
import type { SocketAddress } from '../ir/placement.ts';

export interface OwnListener {
  readonly name: string;
  readonly at: SocketAddress;
  /** envoy.config.route.v3.Route; what none of them matches is 404. */
  readonly routes: readonly Json[];
  /** Before the router. */
  readonly filters?: readonly Json[];
  /** Longest silence within a request, in seconds. */
  readonly patience?: number;
}

/** Probes, a few scrapers, the operator: whoever opens more is none of these. */
const mostConnections = 64;

export function ownListener({ name, at, routes, filters = [], patience = 15 }: OwnListener): StaticListener {
  const router = { name: 'envoy.filters.http.router', typed_config: { '@type': types.router } };
  return {
    name,
    address: { socket_address: { address: at.address, port_value: at.port } },
    per_connection_buffer_limit_bytes: 32_768,
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    filter_chains: [
      {
        name,
        filters: [
          {
            name: 'envoy.filters.network.connection_limit',
            typed_config: { '@type': types.connectionLimit, stat_prefix: name, max_connections: mostConnections },
          },
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': types.httpConnectionManager,
              stat_prefix: name,
              route_config: {
                name,
                virtual_hosts: [{ name, domains: ['*'], routes: [...routes, notFound] }],
              },
              ...connection,
              stream_idle_timeout: `${patience}s`,
              http_filters: [...filters, router],
            },
          },
        ],
      },
    ],
  };
}

const notFound: Json = { match: { prefix: '/' }, direct_response: { status: 404 } };

/** Paths are matched as they came: what is normalised could be one thing here and another one at the admin interface. */
const connection: { readonly [field: string]: Json } = {
  use_remote_address: true,
  normalize_path: false,
  path_with_escaped_slashes_action: 'REJECT_REQUEST',
  common_http_protocol_options: { idle_timeout: '30s', headers_with_underscores_action: 'REJECT_REQUEST' },
  http2_protocol_options: {
    max_concurrent_streams: 16,
    initial_stream_window_size: 65_536,
    initial_connection_window_size: 1_048_576,
  },
  request_headers_timeout: '5s',
  request_timeout: '5s',
  max_request_headers_kb: 8,
  generate_request_id: false,
  server_header_transformation: 'PASS_THROUGH',
};

/** envoy.config.route.v3.RouteMatch: GET of exactly this path, with any query. */
export function getOf(path: string, headers: readonly Json[] = []): Json {
  return { path, headers: [{ name: ':method', string_match: { exact: 'GET' } }, ...headers] };
}
