/** One Envoy listener a port: its chains, told apart by SNI where they terminate TLS. */
import { type Json, types } from '../envoy/json.ts';
import { type FilterChain, fileSource, type Listener, type NamedConfig } from '../envoy/listener.ts';
import type { Chain, Gateway } from '../ir/gateway.ts';
import type { Placement } from '../ir/placement.ts';
import { connectionManager } from './connection-manager.ts';
import { sdsFile, secretName } from './names.ts';
import { readinessListener } from './readiness.ts';

export interface Context {
  readonly gateway: Gateway;
  readonly placement: Placement;
  /** Chains whose route table is protobuf. */
  readonly compact: ReadonlySet<string>;
}

export function listeners(context: Context): readonly Listener[] {
  const { gateway, placement } = context;
  const ports = [...new Set(gateway.chains.map(({ port }) => port))].toSorted((a, b) => a - b);
  const served = ports.map((port) =>
    listener(
      port,
      gateway.chains.filter((chain) => chain.port === port),
      context,
    ),
  );
  return placement.readiness === undefined ? served : [...served, readinessListener(placement.readiness)];
}

function listener(port: number, chains: readonly Chain[], context: Context): Listener {
  const { gateway, placement } = context;
  const { address, port: bound } = placement.bind(gateway.ref, port);
  const tls = chains.some(({ protocol }) => protocol === 'HTTPS');
  return {
    '@type': types.listener,
    name: `tcp-${port}`,
    address: { socket_address: { address, port_value: bound } },
    per_connection_buffer_limit_bytes: 32_768,
    ...(placement.sharePorts ? {} : { enable_reuse_port: false }),
    ...(tls ? { listener_filters: [tlsInspector] } : {}),
    filter_chains: chains.map((chain) => filterChain(chain, context)),
  };
}

const tlsInspector: NamedConfig = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': types.tlsInspector },
};

function filterChain(chain: Chain, { gateway, placement, compact }: Context): FilterChain {
  return {
    name: chain.name,
    ...(chain.serverName === undefined ? {} : { filter_chain_match: { server_names: [chain.serverName] } }),
    ...(chain.protocol === 'HTTPS' ? { transport_socket: downstreamTls(chain, placement) } : {}),
    filters: [
      {
        name: 'envoy.filters.network.http_connection_manager',
        typed_config: connectionManager(chain, gateway, {
          directory: placement.directory,
          compact: compact.has(chain.name),
        }),
      },
    ],
  };
}

/** TLS 1.2 and newer with Envoy's own ciphers; the certificate is chosen by SNI among the listener's. */
function downstreamTls(chain: Chain, placement: Placement): NamedConfig {
  const clients = chain.clientValidation;
  const secrets = chain.certificates.map(({ secret }) => ({
    name: secretName(secret),
    sds_config: fileSource(placement.directory, sdsFile(secret)),
  }));
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': types.downstreamTls,
      ...(clients?.required === true ? { require_client_certificate: true } : {}),
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
        tls_certificate_sds_secret_configs: secrets as unknown as Json,
        ...(clients === undefined ? {} : { validation_context: { trusted_ca: { inline_string: clients.roots } } }),
      },
    },
  };
}
