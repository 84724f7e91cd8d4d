/** One request that proves a difference: made from what the algebra found, and asked of `explain` on both sides. */
import type { Gateway } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { PathMatch, ValueMatch } from '../../ir/match.ts';
import type { Attribute } from '../../policy/attribute.ts';
import type { Conjunction, Constraint } from '../../policy/decision.ts';
import { explain } from '../explain/explain.ts';
import type { ExplainRequest, Explanation, TokenFacts } from '../explain/types.ts';
import { textsMatching } from './expressions.ts';
import { readSignerName, type Signer, signerName, signersOf } from './issuers.ts';
import { linesOf, samplesOf } from './samples.ts';
import type { RegionChange, Witness } from './types.ts';

export interface Sides {
  readonly before: Gateway | undefined;
  readonly after: Gateway | undefined;
}

/** A request that one side lets pass and the other one refuses; undefined where none was found. */
export function witnessOf(change: RegionChange, sides: Sides, direction: 'gained' | 'lost'): Witness | undefined {
  const found = change.differences.flatMap((difference) => difference[direction] ?? []).slice(0, mostConjunctions);
  for (const conjunction of found) {
    for (const asked of requestsIn(conjunction, change, sides)) {
      const witness = ask(asked, sides);
      const [from, to] = direction === 'gained' ? [witness.before, witness.after] : [witness.after, witness.before];
      if (!isAdmitted(from) && isAdmitted(to) && isOf(change, witness)) return witness;
    }
  }
  return undefined;
}

const mostConjunctions = 8;
const mostRequests = 48;

/** Whether the change's own entries answered: a guess may fall to others. */
function isOf({ before, after }: RegionChange, witness: Witness): boolean {
  return witness.before?.route?.match === before?.match && witness.after?.route?.match === after?.match;
}

export function isAdmitted(explanation: Explanation | undefined): boolean {
  return explanation !== undefined && !['refused', 'no-listener'].includes(explanation.outcome.kind);
}

interface Asked {
  readonly request: ExplainRequest;
  readonly signer: Signer | undefined;
}

function ask({ request, signer }: Asked, { before, after }: Sides): Witness {
  const on = (gateway: Gateway | undefined) => {
    const token = gateway === undefined || signer === undefined ? undefined : factsOf(request.token, signer, gateway);
    return gateway && explain(gateway, token === undefined ? request : { ...request, token });
  };
  return { request, before: on(before), after: on(after) };
}

/** What a gateway makes of a token that this signer made. */
function factsOf(token: TokenFacts | undefined, signer: Signer, { chains }: Gateway): TokenFacts | undefined {
  if (token?.kind !== 'valid') return token;
  const known = new Map<string, Issuer>();
  for (const issuer of chains.flatMap(({ uses }) => uses.issuers)) known.set(issuer.id, issuer);
  const named = [...known.values()].filter(({ issuer }) => issuer === signer.issuer);
  if (named.length === 0) return { kind: 'unknown' };
  const name = signerName(signer);
  const issuerIds = named.filter((issuer) => signersOf(issuer).map(signerName).includes(name)).map(({ id }) => id);
  if (issuerIds.length === 0)
    return { kind: 'refused', issuer: signer.issuer, reason: 'no key of the issuer signed it' };
  return { ...token, issuerIds };
}

/** Requests that meet the conjunction and the region, as far as a few guesses find them. */
function* requestsIn(conjunction: Conjunction, change: RegionChange, sides: Sides): Iterable<Asked> {
  const headers = headersIn(conjunction, change);
  const token = tokenIn(conjunction);
  if (headers === undefined || token === undefined) return;
  const samples = samplesOf(conjunction);
  const { door, region } = change;
  const of = (kind: 'method' | 'path' | 'host' | 'directIp' | 'remoteIp', usual: readonly string[]) =>
    samples({ kind }, usual);
  const addresses = addressesIn(of, Math.max(sides.before?.trustedHops ?? 0, sides.after?.trustedHops ?? 0));
  const hosts = of('host', hostsIn(door.host)).filter((host) => plainHost.test(host));
  const lists = [of('path', pathsIn(region.paths)), of('method', methods(region.method)), hosts, addresses] as const;
  const query = queryIn(region.queryParams);
  for (const { path, method, host, address } of combinations(lists)) {
    const request: ExplainRequest = {
      method,
      url: `${door.protocol.toLowerCase()}://${withPort(host, door)}${path}${query}`,
      headers: [...address.headers, ...headers],
      clientAddress: address.peer,
      listenerPort: door.port,
      ...(token === 'none' ? {} : { token: token.facts }),
    };
    yield { request, signer: token === 'none' ? undefined : token.signer };
  }
}

/** All of them, paths first, then methods: other hosts and addresses seldom help. */
function combinations([paths, verbs, hosts, addresses]: Choices): readonly Choice[] {
  const some = addresses.slice(0, 3).flatMap((address) => hosts.slice(0, 3).map((host) => ({ host, address })));
  const more = some.flatMap((one) => verbs.slice(0, 6).map((method) => ({ ...one, method })));
  return more.flatMap((one) => paths.slice(0, 6).map((path) => ({ ...one, path }))).slice(0, mostRequests);
}

type Choices = readonly [
  paths: readonly string[],
  verbs: readonly string[],
  hosts: readonly string[],
  addresses: readonly From[],
];

interface Choice {
  readonly path: string;
  readonly method: string;
  readonly host: string;
  readonly address: From;
}

const plainHost = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_-])?(:\d{1,5})?$/;

const usualMethods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];

function methods(method: string | undefined): readonly string[] {
  return method === undefined ? usualMethods : [method];
}

function pathsIn([first, ...others]: readonly [PathMatch, ...PathMatch[]]): readonly string[] {
  const all = [first, ...others].flatMap(({ type, value }) => {
    if (type === 'RegularExpression') return textsMatching(value);
    return type === 'Exact'
      ? [value]
      : [value, value === '/' ? '/x' : `${value}/x`, `${value === '/' ? '' : value}/any/1`];
  });
  return all;
}

/** A name that `*.suffix` holds, and one that is unlikely to have a door of its own. */
function hostsIn(host: string): readonly string[] {
  if (host === '*') return ['any.example', 'other.example.net'];
  return host.startsWith('*.') ? [`any${host.slice(1)}`, `other.any${host.slice(1)}`] : [host];
}

function withPort(host: string, { protocol, port }: RegionChange['door']): string {
  const usual = protocol === 'HTTPS' ? 443 : 80;
  return port === usual || /:\d+$/.test(host) ? host : `${host}:${port}`;
}

function queryIn(params: readonly ValueMatch[]): string {
  const pairs = params.map(
    ({ name, type, value }) => `${name}=${type === 'Exact' ? value : (textsMatching(value)[0] ?? '')}`,
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function headersIn({ constraints }: Conjunction, { region }: RegionChange): ExplainRequest['headers'] | undefined {
  const groups = Map.groupBy(constraints, ({ attribute }) => (attribute.kind === 'header' ? attribute.name : ''));
  groups.delete('');
  const lines: (readonly [string, string])[] = [];
  for (const [name, own] of groups) {
    const values = linesOf(own);
    if (values === undefined) return undefined;
    lines.push(...values.map((value) => [name, value] as const));
  }
  for (const { name, type, value } of region.headers) {
    const text = type === 'Exact' ? value : (textsMatching(value)[0] ?? '');
    if (!lines.some(([other, held]) => other === name && (type !== 'Exact' || held === text))) lines.push([name, text]);
  }
  return lines;
}

interface From {
  readonly peer: string;
  readonly headers: ExplainRequest['headers'];
}

type Of = (kind: 'directIp' | 'remoteIp', usual: readonly string[]) => readonly string[];

const somewhere = ['198.51.100.7', '203.0.113.9', '192.0.2.1', '10.0.0.7', '2001:db8::7'];

/** Behind trusted proxies the client is whom the outermost of them names, and the peer where they name nobody. */
function addressesIn(of: Of, hops: number): readonly From[] {
  const clients = of('remoteIp', somewhere);
  const peers = of('directIp', clients).filter((address) => clients.includes(address));
  const plain = peers.map((address): From => ({ peer: address, headers: [] }));
  if (hops === 0) return plain;
  const [peer] = of('directIp', ['10.0.0.7', ...somewhere]);
  if (peer === undefined) return plain;
  const proxies = Array.from({ length: hops - 1 }, () => '10.0.0.7');
  const behind = clients.map(
    (client): From => ({ peer, headers: [['x-forwarded-for', [client, ...proxies].join(', ')]] }),
  );
  return [...plain.slice(0, 1), ...behind];
}

interface SampleToken {
  readonly facts: TokenFacts;
  readonly signer: Signer;
}

/** 'none' where no token is needed; undefined where no token was found that fits. */
function tokenIn({ constraints }: Conjunction): SampleToken | 'none' | undefined {
  const aboutToken = constraints.filter(({ attribute }) => attribute.kind === 'issuer' || attribute.kind === 'claim');
  if (aboutToken.every(({ negated }) => negated)) return 'none';
  const [name] = samplesOf({ constraints, sources: [] })({ kind: 'issuer' }, []);
  if (name === undefined) return undefined;
  const signer = readSignerName(name);
  const claims: Record<string, unknown> = { iss: signer.issuer };
  const groups = Map.groupBy(constraints, ({ attribute }) =>
    attribute.kind === 'claim' ? JSON.stringify(attribute.path) : '',
  );
  groups.delete('');
  for (const own of groups.values()) {
    if (!setClaim(claims, own)) return undefined;
  }
  return { facts: { kind: 'valid', issuerIds: [], claims }, signer };
}

function setClaim(claims: Record<string, unknown>, own: readonly Constraint[]): boolean {
  const values = linesOf(own);
  const path = pathOf(own[0]?.attribute);
  if (values === undefined || path.length === 0) return false;
  if (values.length === 0) return true;
  const [value] = values;
  if (path.length === 1 && path[0] === 'iss') return values.includes(String(claims['iss']));
  const spaced = path.length === 1 && (path[0] === 'scope' || path[0] === 'permission');
  const written = spaced ? values.join(' ') : values.length === 1 ? value : values;
  let at: Record<string, unknown> = claims;
  for (const part of path.slice(0, -1)) {
    const next = at[part] ?? {};
    if (typeof next !== 'object' || next === null) return false;
    at[part] = next;
    at = next as Record<string, unknown>;
  }
  at[path.at(-1) ?? ''] = written;
  return true;
}

function pathOf(attribute: Attribute | undefined): readonly string[] {
  return attribute?.kind === 'claim' ? attribute.path : [];
}
