/** Where a rendered gateway will run: the only difference between a cluster and a laptop. */
import type { ObjectRef } from '../kube/object.ts';
import type { Backend } from './gateway.ts';

export type Endpoints =
  | { readonly kind: 'dns'; readonly host: string; readonly port: number }
  | { readonly kind: 'addresses'; readonly addresses: readonly { readonly host: string; readonly port: number }[] };

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export interface Placement {
  /** Directory that Envoy reads its resources from. */
  readonly directory: string;
  /** Directory with one folder `<namespace>.<name>` a TLS Secret, holding tls.crt and tls.key. */
  readonly certificates: string;
  /**
   * Where each folder is a volume: the name in it of what a kubelet swaps. Names of files that are new come after the swap,
   * which is the one moment at which Envoy looks at them.
   */
  readonly certificatesSwap?: string;
  /** Where Istio's agent keeps the certificate of the mesh; where there is none, nothing is dialled with it. */
  readonly identity?: string;
  /** PEM bundle that remote JWKS servers are checked against. */
  readonly trustedCertificates: string;
  /** False where a port that is taken must be an error rather than shared (SO_REUSEPORT). */
  readonly sharePorts: boolean;
  /** Where Envoy says that it is ready, for whoever cannot ask its admin interface. */
  readonly readiness?: SocketAddress;
  /**
   * Present where a file may not be large: then large route tables are protobuf. Says whether a table was when it was
   * published last, so that a restart changes nothing.
   */
  readonly compactBefore?: (gateway: ObjectRef, chain: string) => boolean;
  bind(gateway: ObjectRef, port: number): SocketAddress;
  endpoints(backend: Backend): Endpoints;
}
