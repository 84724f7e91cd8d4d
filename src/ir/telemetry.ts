/** What the Envoys of a gateway tell of each request, resolved. */
import type { Backend } from './backend.ts';

export interface Telemetry {
  /** Undefined: none is written. */
  readonly accessLog: AccessLog | undefined;
  readonly tracing: Tracing | undefined;
}

/** A field of a line, or an attribute of a span, beside those that all have. */
export interface Extra {
  readonly name: string;
  readonly from:
    | { readonly kind: 'requestHeader' | 'responseHeader'; readonly header: string }
    | { readonly kind: 'value'; readonly value: string };
}

export interface AccessLog {
  /** Whether the query of the URL is logged. */
  readonly query: boolean;
  readonly fields: readonly Extra[];
  readonly filter: {
    readonly minStatus?: number;
    readonly samplePercent?: number;
    /** Without their queries. */
    readonly excludePaths: readonly string[];
  };
}

export interface Tracing {
  /** Collector; HTTP/2 for gRPC, whatever its Service says. */
  readonly backend: Backend;
  readonly protocol: 'GRPC' | 'HTTP';
  /** Of 10,000 requests. */
  readonly samples: number;
  readonly attributes: readonly Extra[];
}
