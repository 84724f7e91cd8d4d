/** The mesh's certificate in the Pod of an Envoy: Istio's agent writes it, and Envoy reads it, again each time that it is renewed. */
import { type Json, types } from '../envoy/json.ts';
import { fileSource, type NamedConfig } from '../envoy/listener.ts';

/** Written by the agent, which swaps each of them as a whole (OUTPUT_CERTS). */
const files = { key: 'key.pem', chain: 'cert-chain.pem', roots: 'root-cert.pem' } as const;

const own = 'mesh-identity';
const roots = 'mesh-roots';

/** What stands beside Envoy's resources, by file name: where the certificate and the mesh's roots are found. */
export function meshSecrets(identity: string): ReadonlyMap<string, string> {
  const watched_directory = { path: identity };
  const pair = {
    certificate_chain: { filename: `${identity}/${files.chain}` },
    private_key: { filename: `${identity}/${files.key}` },
    watched_directory,
  };
  const validation_context = { trusted_ca: { filename: `${identity}/${files.roots}` }, watched_directory };
  return new Map([
    [secretFile(own), secretText({ name: own, tls_certificate: pair })],
    [secretFile(roots), secretText({ name: roots, validation_context })],
  ]);
}

/** Whether a file that Envoy's resources name is one of `meshSecrets`. */
export function isMeshSecret(file: string): boolean {
  return file === secretFile(own) || file === secretFile(roots);
}

function secretFile(name: string): string {
  return `sds-${name}.json`;
}

function secretText(secret: object): string {
  const response = { version_info: '1', resources: [{ '@type': types.secret, ...secret }] };
  return `${JSON.stringify(response, undefined, 2)}\n`;
}

/** As a cluster is not used before they are there, Envoy goes on with what it had; a new one is not Ready. */
function secretConfig(directory: string, name: string): Json {
  return { name, sds_config: { ...fileSource(directory, secretFile(name)), initial_fetch_timeout: '0s' } };
}

/** What Istio's own clients offer: a sidecar that takes both tells TLS of the mesh by it, and HTTP from other protocols. */
const alpn = {
  'HTTP/1.1': ['istio-http/1.1', 'istio', 'http/1.1'],
  'HTTP/2': ['istio-h2', 'istio', 'h2'],
} as const;

export interface MeshPeer {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  /** Principals without `spiffe://`. */
  readonly peers: readonly string[];
}

/** The server must be one of the peers. */
export function meshTls(directory: string, { namespace, service, port, protocol, peers }: MeshPeer): NamedConfig {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': types.upstreamTls,
      // For `connection.sni` of others' policies; sidecars choose nothing by it.
      sni: `outbound_.${port}_._.${service}.${namespace}.svc.cluster.local`,
      common_tls_context: {
        alpn_protocols: alpn[protocol],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        tls_certificate_sds_secret_configs: [secretConfig(directory, own)],
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: peers.map((peer) => ({
              san_type: 'URI',
              matcher: { exact: `spiffe://${peer}` },
            })),
          },
          validation_context_sds_secret_config: secretConfig(directory, roots),
        },
      },
    },
  };
}
