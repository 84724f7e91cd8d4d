/** Which chain, virtual host and entry take a request: Envoy's own order of choice. */
import type { Chain, Gateway, RouteEntry, VirtualHost } from '../../ir/gateway.ts';
import type { Match, PathMatch } from '../../ir/match.ts';
import { compareHosts, covers } from '../hosts.ts';
import type { Address, SeenRequest } from './request.ts';
import { headerHolds, valueHolds } from './value-match.ts';
import { type Variant, variantsOf } from './variants.ts';

/** A port's HTTP chain, or the one whose server name owns the SNI; a sentence says why there is none. */
export function chooseChain(gateway: Gateway, port: number, address: Address, sni: string): Chain | string {
  const protocol = address.scheme === 'https' ? 'HTTPS' : 'HTTP';
  const onPort = gateway.chains.filter((chain) => chain.port === port);
  const chains = onPort.filter((chain) => chain.protocol === protocol);
  if (chains.length === 0) return noListener(gateway, port, protocol, onPort);
  const [best] = chains
    .filter(({ serverName }) => serverName === undefined || (sni !== '' && covers(serverName, sni)))
    .toSorted((a, b) => compareHosts(a.serverName ?? '*', b.serverName ?? '*'));
  return best ?? `no HTTPS listener on port ${port} is for ${sni === '' ? 'clients that name no host (SNI)' : sni}`;
}

function noListener(gateway: Gateway, port: number, protocol: string, onPort: readonly Chain[]): string {
  const [other] = onPort;
  if (other !== undefined) return `port ${port} speaks ${other.protocol}, not ${protocol}`;
  const written = gateway.listeners.find((listener) => listener.port === port);
  return written === undefined
    ? `the gateway has no listener on port ${port}`
    : `listener ${written.name} on port ${port} is not served, because it conflicts or has no usable certificate`;
}

/** TLS clients send no SNI for an address (RFC 6066 §3). */
export function sniOf({ hostname }: Address): string {
  return hostname.startsWith('[') || /^\d+(\.\d+){3}$/.test(hostname) ? '' : hostname.toLowerCase();
}

/** Exact, longest `*.suffix`, `*`; case and port are ignored. Every chain has a `*`. */
export function chooseHost(chain: Chain, authority: string): VirtualHost | undefined {
  const host = authority.replace(/:\d*$/, '').toLowerCase();
  return chain.virtualHosts
    .filter(({ domain }) => covers(domain, host))
    .toSorted((a, b) => compareHosts(a.domain, b.domain))[0];
}

export interface Chosen {
  readonly entry: RouteEntry;
  /** Undefined where the entry answers 500 whatever its features say. */
  readonly variant: Variant | undefined;
}

export function chooseEntry(host: VirtualHost, request: SeenRequest): Chosen | undefined {
  for (const entry of host.entries) {
    if (!matches(entry.match, request)) continue;
    if (entry.rule.blocked !== undefined || entry.guard.kind === 'blocked') return { entry, variant: undefined };
    const variant = variantsOf(entry).find(({ headers }) => headers.every((header) => headerHolds(header, request)));
    if (variant !== undefined) return { entry, variant };
  }
  return undefined;
}

function matches({ path, method, headers, queryParams }: Match, request: SeenRequest): boolean {
  return (
    pathMatches(path, request.path) &&
    (method === undefined || method === request.method) &&
    headers.every((header) => request.headers.get(header.name)?.some((value) => valueHolds(header, value)) ?? false) &&
    queryParams.every((param) => {
      const value = firstParameter(request.query, param.name);
      return value !== undefined && valueHolds(param, value);
    })
  );
}

function pathMatches({ type, value }: PathMatch, path: string): boolean {
  switch (type) {
    case 'Exact':
      return path === value;
    case 'PathPrefix':
      return value === '/' || path === value || path.startsWith(`${value}/`);
    case 'RegularExpression':
      return valueHolds({ type, value }, path);
  }
}

/** The first of its name. Envoy decodes neither names nor values: `a=b%20c` is not `b c`. */
function firstParameter(query: string, name: string): string | undefined {
  for (const pair of query.slice(1).split('&')) {
    const end = pair.indexOf('=');
    if ((end < 0 ? pair : pair.slice(0, end)) === name) return end < 0 ? '' : pair.slice(end + 1);
  }
  return undefined;
}
