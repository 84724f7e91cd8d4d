/** envoy.config.bootstrap.v3.Bootstrap: where an Envoy finds its files, and the limits that protect the process itself. */
import { type Json, typeUrl } from '../envoy/json.ts';
import { fileSource } from '../envoy/listener.ts';
import type { SocketAddress } from '../ir/placement.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';
import { cdsFile, ldsFile } from './names.ts';
import { adminClusters, type Drain, drainListener, operationsListener } from './operations.ts';

export interface BootstrapOptions {
  /** Memory that the process may use, in bytes; its heap is bounded when this is known. */
  readonly memoryLimit?: number | undefined;
  /** Without it, who starts the process adds the admin interface. */
  readonly admin?: AdminOptions;
}

export interface AdminOptions {
  /** Of a Unix socket in a directory of the process's own. */
  readonly path: string;
  /** Where statistics may be read. */
  readonly operations?: SocketAddress;
  readonly drain?: Drain;
}

/** `directory` is the placement's. */
export function bootstrap(gateway: ObjectRef, directory: string, options: BootstrapOptions = {}): object {
  return {
    node: { id: keyOf(gateway.namespace, gateway.name), cluster: keyOf(gateway.namespace, gateway.name) },
    ...(options.admin === undefined ? {} : reachable(options.admin)),
    dynamic_resources: { lds_config: fileSource(directory, ldsFile), cds_config: fileSource(directory, cdsFile) },
    stats_config: statsConfig(gateway),
    overload_manager: overloadManager(options.memoryLimit),
    layered_runtime: { layers: [{ name: 'static', static_layer: runtime }] },
  };
}

/**
 * Every statistic says of which gateway it is, however it is scraped. Not `namespace`: that is what scrapers call the
 * Pod's. Of names with dots Envoy would take the first part for the label, and the others for the name of the metric.
 */
export function statsConfig({ namespace, name }: ObjectRef): Json {
  return {
    stats_tags: [
      { tag_name: 'gateway_namespace', fixed_value: namespace },
      { tag_name: 'gateway', fixed_value: name },
      ...dotted.map(([tag_name, regex]) => ({ tag_name, regex })),
    ],
  };
}

/** Group 1 is taken out of the name, group 2 is the label's value. */
const dotted = [
  ['envoy.filter_config', '^extension_config_discovery\\.http_filter\\.((.+?)\\.)(?:config_|init_|update_|version)'],
  ['envoy.secret', '^sds\\.((.+?)\\.)(?:init_|key_|update_|version)'],
  ['envoy.certificate', '^listener\\..+?\\.ssl\\.certificate\\.((.+)\\.)expiration_unix_time_seconds$'],
] as const;

function reachable({ path, operations, drain }: AdminOptions): object {
  const listeners = [
    ...(operations === undefined ? [] : [operationsListener(operations)]),
    ...(drain === undefined ? [] : [drainListener(drain)]),
  ];
  return {
    admin: { address: { pipe: { path, mode: 0o600 } }, ignore_global_conn_limit: true },
    static_resources: { listeners, clusters: adminClusters(path) },
  };
}

/** Expressions are checked with RE2's limits before they get here; Envoy's own limit of 100 refuses ordinary ones. */
const runtime: Json = {
  're2.max_program_size.error_level': 4_294_967_295,
  're2.max_program_size.warn_level': 4_294_967_295,
};

const connections = 'envoy.resource_monitors.global_downstream_max_connections';
const heap = 'envoy.resource_monitors.fixed_heap';
/** What is left is for what Envoy allocates past its heap. */
const heapShare = 0.8;

/** Values of Envoy's edge documentation. */
function overloadManager(memoryLimit: number | undefined): Json {
  const monitors: readonly Json[] = [
    {
      name: connections,
      typed_config: {
        '@type': typeUrl('envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig'),
        max_active_downstream_connections: 50_000,
      },
    },
  ];
  if (memoryLimit === undefined) return { resource_monitors: monitors };
  const bounded = {
    name: heap,
    typed_config: {
      '@type': typeUrl('envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig'),
      max_heap_size_bytes: Math.floor(memoryLimit * heapShare),
    },
  };
  return {
    refresh_interval: '0.25s',
    resource_monitors: [...monitors, bounded],
    actions: [action('shrink_heap', 0.95), action('stop_accepting_requests', 0.98)],
  };
}

function action(name: string, threshold: number): Json {
  return { name: `envoy.overload_actions.${name}`, triggers: [{ name: heap, threshold: { value: threshold } }] };
}
