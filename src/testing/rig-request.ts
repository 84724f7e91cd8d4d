/** What a test sends, and what came of it. */
import type { TestCertificate } from './rig-certificates.ts';
import type { Token } from './rig-tokens.ts';

export type HeaderPair = readonly [name: string, value: string];

export interface Answer {
  readonly status: number;
  /** Lower-case names, in order, duplicates included. */
  readonly headers: readonly HeaderPair[];
  readonly body: string;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  /** Of HTTP/2 alone. */
  readonly trailers?: readonly HeaderPair[];
}

export interface Received {
  /** `namespace/service`. */
  readonly service: string;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  readonly method: string;
  /** With the query, as it was sent. */
  readonly path: string;
  /** Host, or `:authority`. */
  readonly authority: string;
  /** In order, duplicates included, names as sent; without pseudo-headers. */
  readonly headers: readonly HeaderPair[];
}

export interface RigRequest {
  /** GET when absent. */
  readonly method?: string;
  /** Request target as it is sent; `/` when absent. */
  readonly path?: string;
  /** Host or `:authority` as it is sent, `shop.example.com` when absent; '' sends none. */
  readonly host?: string;
  /** Port of the listener as the manifest says; 80 when absent. */
  readonly port?: number;
  /** HTTP/1.1 when absent. */
  readonly protocol?: 'HTTP/1.1' | 'HTTP/2';
  /** SNI towards an HTTPS listener; the host without its port when absent. */
  readonly serverName?: string;
  /** That the client shows. */
  readonly certificate?: TestCertificate;
  readonly headers?: readonly HeaderPair[];
  /** Sent as `Authorization: Bearer`. */
  readonly token?: Token;
  /** Address to connect from; 127.0.0.1 when absent. */
  readonly from?: string;
  readonly body?: string;
  /** Why `explain` cannot be asked about this request. Every other one must be answered as `explain` says. */
  readonly unexplained?: string;
}

export interface Exchange {
  readonly request: RigRequest;
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: string;
  readonly trailers: readonly HeaderPair[];
  /** First value of a header of the answer. */
  readonly header: (name: string) => string | undefined;
  /** What a backend received; undefined when none was reached. */
  readonly received: Received | undefined;
}

/** What came of a request: an exchange, or no connection. */
export type Attempt = Exchange | { readonly request: RigRequest; readonly error: Error };

/** The header fields that are sent, beside Host and those of the framing. */
export function headersOf({ headers = [], token }: RigRequest): readonly HeaderPair[] {
  return [...(token === undefined ? [] : [['authorization', `Bearer ${token.text}`] as const]), ...headers];
}

export const usualHost = 'shop.example.com';
