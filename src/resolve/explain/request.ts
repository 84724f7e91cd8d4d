/** A request as Envoy sees it after its own checks and clean-ups, before it looks for a route; or the answer that ends it there. */
import type { Gateway } from '../../ir/gateway.ts';
import { clientBehind } from './client-address.ts';
import { type HeldHeaders, headerProblem, heldHeaders, linesOf } from './headers.ts';
import { normaliseTarget } from './normalise-path.ts';
import type { ExplainRequest, Outcome } from './types.ts';

export interface Address {
  readonly scheme: 'http' | 'https';
  /** Without port; an IPv6 address keeps its brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Host and port as written. */
  readonly authority: string;
  /** Path and query as written. */
  readonly target: string;
}

/** A URL in parts, nothing cleaned up (`new URL` would resolve the dots that are to be explained); undefined when it is none. */
export function addressOf(url: string): Address | undefined {
  const parts = /^(https?):\/\/([^/?#]+)(.*)$/is.exec(url);
  if (parts === null) return undefined;
  const [, written = '', authority = '', rest = ''] = parts;
  const scheme = written.toLowerCase() === 'https' ? 'https' : 'http';
  const [, hostname = '', digits] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority) ?? [];
  if (hostname === '') return undefined;
  const port = digits === undefined ? (scheme === 'https' ? 443 : 80) : Number(digits);
  return { scheme, hostname, port, authority, target: rest.startsWith('/') ? rest : `/${rest}` };
}

export interface SeenRequest {
  readonly method: string;
  /** Host and port as sent. */
  readonly authority: string;
  /** Normalised, without query. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly headers: HeldHeaders;
  /** What redirects take for the request's own scheme. */
  readonly scheme: 'http' | 'https';
  readonly directIp: string;
  readonly remoteIp: string;
  /** Names in the certificate that the listener asked for. */
  readonly clientCertificate?: readonly string[];
}

/** HTTP/1.1 methods that Envoy's parser knows; it answers 400 to all others, upper case or not. */
const methods = new Set(
  'ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'.split(
    ' ',
  ),
);

export function seeRequest(gateway: Gateway, request: ExplainRequest, address: Address): SeenRequest | Outcome {
  const written = linesOf(request.headers, 'host');
  const sent = written.length === 0 ? address.authority : written.join(',');
  const authority = withoutLastDot(sent);
  const problem = requestProblem(request, sent);
  if (problem !== undefined) return { kind: 'refused', status: 400, reason: problem };
  const target = normaliseTarget(address.target);
  if (target.kind === 'refused') return { kind: 'refused', status: 400, reason: target.reason };
  if (target.kind === 'redirect') return { kind: 'redirect', status: 307, location: target.location };
  if (/;|%3b/i.test(target.path)) {
    const reason = 'the path holds a ; (or %3b): backends disagree on what such parameters mean';
    return { kind: 'refused', status: 400, reason };
  }
  if (/[[\]]/.test(target.path)) {
    const reason = 'the path holds a [ or ], which are written %5B and %5D in a path (RFC 3986 §3.3)';
    return { kind: 'refused', status: 400, reason };
  }
  if (!plainHost.test(authority)) {
    const reason = `the Host ${authority} is not a plain host with a port: backends disagree on what such a one means`;
    return { kind: 'refused', status: 400, reason };
  }
  const { trustedHops } = gateway;
  const { clientAddress } = request;
  const headers = heldHeaders(request.headers, { scheme: address.scheme, clientAddress, trustedHops, authority });
  if (headers.get('x-forwarded-proto')?.[0] === '') {
    // Envoy takes no route without a scheme, and what no route opens is shut.
    return { kind: 'refused', status: 403, reason: 'the trusted proxy sent an empty X-Forwarded-Proto' };
  }
  return {
    method: request.method,
    authority,
    path: target.path,
    query: target.query,
    headers,
    scheme: schemeOf(headers, address.scheme),
    directIp: clientAddress,
    remoteIp: clientBehind(trustedHops, linesOf(request.headers, 'x-forwarded-for'), clientAddress),
  };
}

function requestProblem({ method, headers }: ExplainRequest, authority: string): string | undefined {
  if (!methods.has(method)) return `${JSON.stringify(method)} is not an HTTP/1.1 method that Envoy takes`;
  if (authority === '' || !/^[A-Za-z0-9!$%&'()*+,\-.:;=@[\]_~]+$/.test(authority)) {
    return `${JSON.stringify(authority)} is not a host`;
  }
  return headerProblem(headers);
}

/** As the edge's first filter has it (render/connection-manager.ts). */
const plainHost = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?)(:[0-9]+)?$/;

/** strip_trailing_host_dot */
function withoutLastDot(authority: string): string {
  return authority.replace(/\.(:[^.]*)?$/, '$1');
}

/** Envoy derives `:scheme` from x-forwarded-proto, which heldHeaders leaves to trusted proxies. */
function schemeOf(headers: HeldHeaders, own: 'http' | 'https'): 'http' | 'https' {
  const forwarded = headers.get('x-forwarded-proto')?.[0]?.toLowerCase();
  return forwarded === 'http' || forwarded === 'https' ? forwarded : own;
}
