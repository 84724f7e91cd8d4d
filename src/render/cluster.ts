/** Clusters of a gateway: one a Service port, one a host that keys are fetched from, and the collector of its spans. */
import { type Json, types } from '../envoy/json.ts';
import { clusterName, collectorName, jwksClusterName } from '../features/names.ts';
import type { Backend, Gateway } from '../ir/gateway.ts';
import type { Endpoints, Placement } from '../ir/placement.ts';
import { keyOf } from '../kube/object.ts';
import { type Fragment, leaf } from './fragment.ts';
import { meshTls } from './mesh-identity.ts';

export type Clusters = (gateway: Pick<Gateway, 'chains' | 'telemetry' | 'identities'>) => readonly Fragment[];

/** Sorted by name. Endpoints are asked for each time; the text is remembered while they are the same. */
export function clusters(placement: Placement): Clusters {
  let known: ReadonlyMap<string, Fragment> = new Map();
  return ({ chains, telemetry: { tracing }, identities }) => {
    const used = new Map<string, Fragment>();
    const byName = new Map<string, Fragment>();
    const put = (name: string, about: string, make: () => object) => {
      const key = `${name} ${about}`;
      const fragment = known.get(key) ?? leaf(make());
      used.set(key, fragment);
      byName.set(name, fragment);
    };
    const putService = (name: string, backend: Backend) => {
      const endpoints = placement.endpoints(backend);
      const peers =
        placement.identity === undefined ? undefined : identities?.get(keyOf(backend.namespace, backend.service));
      const about = `${backend.protocol} ${JSON.stringify(endpoints)} ${peers?.join(' ') ?? ''}`;
      const dialled = () => transport(placement, backend, peers);
      put(name, about, () => ({ ...serviceCluster(name, backend, endpoints), ...dialled() }));
    };
    if (tracing !== undefined) putService(collectorName(tracing.backend), tracing.backend);
    for (const { backends, issuers } of chains.map(({ uses }) => uses)) {
      for (const backend of backends) putService(clusterName(backend), backend);
      for (const { keys } of issuers) {
        if (keys.kind !== 'remote') continue;
        const name = jwksClusterName(keys.uri);
        put(name, keys.uri, () => jwksCluster(name, keys.uri, placement));
      }
    }
    known = used;
    return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, fragment]) => fragment);
  };
}

/** Shared by all: the buffers and breakers of Envoy's edge documentation. */
const common = {
  connect_timeout: '5s',
  per_connection_buffer_limit_bytes: 32_768,
  circuit_breakers: {
    thresholds: [
      {
        max_connections: 1024,
        max_pending_requests: 1024,
        max_requests: 1024,
        retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 3 },
      },
    ],
  },
};

function serviceCluster(name: string, backend: Backend, endpoints: Endpoints): object {
  return {
    '@type': types.cluster,
    name,
    ...common,
    ...discovery(name, endpoints),
    ignore_health_on_host_removal: true,
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: 'envoy.load_balancing_policies.least_request',
            typed_config: { '@type': types.leastRequest },
          },
        },
      ],
    },
    ...(backend.protocol === 'HTTP/2' ? { typed_extension_protocol_options: http2 } : {}),
  };
}

/** In clear text while nobody knows who must answer. */
function transport({ directory }: Placement, backend: Backend, peers: readonly string[] = []): object {
  return peers.length === 0 ? {} : { transport_socket: meshTls(directory, { ...backend, peers }) };
}

const http2: Json = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': types.upstreamHttp,
    explicit_http_config: { http2_protocol_options: {} },
  },
};

/** A Service may be younger in the cluster's DNS than here, and Envoy asks again after five seconds otherwise. */
const whileUnknown = { base_interval: '0.2s', max_interval: '2s' };

/** STATIC takes addresses only; names are resolved, with a last dot so that no search domain is tried. */
function discovery(name: string, endpoints: Endpoints): object {
  if (endpoints.kind === 'dns') {
    return {
      type: 'STRICT_DNS',
      dns_lookup_family: 'V4_PREFERRED',
      respect_dns_ttl: true,
      dns_failure_refresh_rate: whileUnknown,
      load_assignment: assignment(name, [{ host: `${endpoints.host}.`, port: endpoints.port }]),
    };
  }
  const named = endpoints.addresses.some(({ host }) => !/^[0-9.]+$|:/.test(host));
  return {
    type: named ? 'STRICT_DNS' : 'STATIC',
    ...(named ? { dns_lookup_family: 'V4_PREFERRED' } : {}),
    load_assignment: assignment(name, endpoints.addresses),
  };
}

function assignment(
  cluster_name: string,
  addresses: readonly { readonly host: string; readonly port: number }[],
): object {
  if (addresses.length === 0) return { cluster_name };
  return {
    cluster_name,
    endpoints: [
      {
        lb_endpoints: addresses.map(({ host, port }) => ({
          endpoint: { address: { socket_address: { address: host, port_value: port } } },
        })),
      },
    ],
  };
}

/** Statistics take what precedes a dot for a cluster's name. */
function jwksCluster(name: string, uri: string, placement: Placement): object {
  const url = new URL(uri);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return {
    '@type': types.cluster,
    name,
    alt_stat_name: name.replaceAll('.', '_'),
    ...common,
    ...discovery(name, { kind: 'addresses', addresses: [{ host, port }] }),
    ...(secure ? { transport_socket: upstreamTls(host, placement) } : {}),
  };
}

/** The server must prove to be the host: TLS without a SAN check would accept anybody's certificate. */
function upstreamTls(host: string, placement: Placement): object {
  const address = /^[0-9.]+$|:/.test(host);
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': types.upstreamTls,
      ...(address ? {} : { sni: host }),
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
        validation_context: {
          trusted_ca: { filename: placement.trustedCertificates },
          match_typed_subject_alt_names: [{ san_type: address ? 'IP_ADDRESS' : 'DNS', matcher: { exact: host } }],
        },
      },
    },
  };
}
