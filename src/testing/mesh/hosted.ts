/** What istiod sends a proxy, as listeners of an ordinary Envoy: filters and normalisation as they are, the surroundings ours. */
import { types, typeUrl } from '../../envoy/json.ts';
import type { JsonObject } from '../compile.ts';
import type { Authority } from './authority.ts';

/** One port of one workload, at an address of its own: its port is what `destination_port` is compared with. */
interface Place {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** `virtualInbound`, `main_internal`. */
  readonly listener: JsonObject;
}

export interface HostedSidecar extends Place {
  readonly kind: 'sidecar';
}

/** A Service behind a waypoint. */
export interface HostedService extends Place {
  readonly kind: 'waypoint';
  /** `orders.shop`. */
  readonly service: string;
}

export type Hosted = HostedSidecar | HostedService;

/** Of the answer: the path as the filters saw it. */
export const pathHeader = 'x-path';

/** Answers what no filter refuses; the body names the workload. */
export function admittedBody(id: string): string {
  return `admitted ${id}`;
}

/** envoy.config.listener.v3.Listener */
export function listenerFor(hosted: Hosted, authority: Authority): JsonObject {
  const { id, address, port } = hosted;
  return {
    name: id,
    address: { socket_address: { address, port_value: port } },
    ...(hosted.kind === 'sidecar' ? sidecar(hosted, authority) : waypoint(hosted, authority)),
  };
}

/** All of its chains, so that PeerAuthentication's choice among them is kept. */
function sidecar({ id, listener }: HostedSidecar, authority: Authority): JsonObject {
  return {
    // Without iptables there is no other destination.
    listener_filters: objects(listener['listener_filters']).filter(({ name }) => name !== originalDestination),
    listener_filters_timeout: listener['listener_filters_timeout'],
    continue_on_listener_filters_timeout: listener['continue_on_listener_filters_timeout'],
    filter_chains: objects(listener['filter_chains']).map((chain) => ({
      ...chain,
      filters: objects(chain['filters']).map((filter) => answering(filter, id)),
      ...(chain['transport_socket'] === undefined
        ? {}
        : { transport_socket: withCertificates(object(chain['transport_socket']), authority) }),
    })),
  };
}

const originalDestination = 'envoy.filters.listener.original_dst';

/** The chain of the Service, behind mutual TLS as ztunnel's tunnel has it. */
function waypoint({ id, listener, service, port }: HostedService, authority: Authority): JsonObject {
  const begin = `inbound-vip|${port}|http|${service}.svc.cluster.local`;
  const chain = objects(listener['filter_chains']).find(({ name }) => String(name) === begin);
  if (chain === undefined) throw new Error(`the waypoint has no chain ${begin}`);
  return {
    filter_chains: [
      {
        filters: objects(chain['filters']).map((filter) => withPeer(answering(filter, id))),
        transport_socket: tunnel(authority),
      },
    ],
  };
}

function answering(filter: JsonObject, id: string): JsonObject {
  const config = object(filter['typed_config']);
  if (config['@type'] !== types.httpConnectionManager) return filter;
  // Tracing decides nothing, and names tags that older Envoys do not know.
  const { tracing: _, ...rest } = config;
  const table = object(config['route_config']);
  const hosts = objects(table['virtual_hosts']).map((host) => ({
    ...host,
    routes: objects(host['routes']).map(({ route: __, ...route }) => ({
      ...route,
      direct_response: { status: 200, body: { inline_string: admittedBody(id) } },
      response_headers_to_add: [{ header: { key: pathHeader, value: '%REQ(:PATH)%' } }],
    })),
  }));
  return { ...filter, typed_config: { ...rest, route_config: { ...table, virtual_hosts: hosts } } };
}

/** ztunnel's word on who calls, said by the certificate here; and without the one filter that only Istio's own Envoy has. */
function withPeer(filter: JsonObject): JsonObject {
  const config = object(filter['typed_config']);
  const filters = objects(config['http_filters']).filter(({ name }) => name !== 'waypoint_upstream_peer_metadata');
  return { ...filter, typed_config: { ...config, http_filters: [peerPrincipal, ...filters] } };
}

const peerPrincipal: JsonObject = {
  name: 'peer_principal',
  typed_config: {
    '@type': types.setFilterState,
    on_request_headers: [
      {
        object_key: 'io.istio.peer_principal',
        factory_key: 'envoy.string',
        format_string: { text_format_source: { inline_string: '%DOWNSTREAM_PEER_URI_SAN%' } },
      },
    ],
  },
};

/** The agent's SDS, answered. */
function withCertificates(socket: JsonObject, authority: Authority): JsonObject {
  const context = object(socket['typed_config']);
  const {
    tls_certificate_sds_secret_configs: _,
    combined_validation_context: checked,
    ...common
  } = object(context['common_tls_context']);
  const validation = object(object(checked ?? {})['default_validation_context'] ?? {});
  const filled = {
    ...common,
    tls_certificates: [ownCertificate(authority)],
    validation_context: { ...validation, trusted_ca: { inline_string: authority.certificate } },
  };
  return { ...socket, typed_config: { ...context, common_tls_context: filled } };
}

function tunnel(authority: Authority): JsonObject {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': typeUrl('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [ownCertificate(authority)],
        validation_context: { trusted_ca: { inline_string: authority.certificate } },
      },
    },
  };
}

function ownCertificate(authority: Authority): JsonObject {
  const { certificate, key } = authority.identity('cluster.local/ns/test/sa/workload');
  return { certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } };
}

function object(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('istiod sent no object there');
  return value as JsonObject;
}

function objects(value: unknown): readonly JsonObject[] {
  return (Array.isArray(value) ? value : []) as readonly JsonObject[];
}
