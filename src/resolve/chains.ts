/** The route tables of one gateway: its Routes' entries by chain and host, in order of precedence. */
import { compareMatches } from '../features/matches/order.ts';
import type { Chain, RouteEntry, VirtualHost } from '../ir/gateway.ts';
import { keyOf } from '../kube/object.ts';
import { conflictsOf } from './conflicts.ts';
import { type ChainHosts, entriesAt, type HostTable, hostKey } from './host-table.ts';
import { anyHost, compareHosts } from './hosts.ts';
import { refusingIssuers } from './known-issuers.ts';
import type { ResolvedListener } from './listeners.ts';
import { rememberLast, sameMembers } from './memo.ts';
import { UnitedUses, usesOf } from './uses.ts';
import type { GatewayContext } from './world.ts';

export type ChainBuilder = (gateway: GatewayContext, table: HostTable) => readonly Chain[];

/** Remembers the chains of one gateway from call to call: it must be told of every change of the table, once. */
export function chainBuilder(): ChainBuilder {
  let builders: ReadonlyMap<string, OneChain> = new Map();
  let chains: readonly Chain[] = [];
  return (gateway, table) => {
    const served = gateway.listeners.filter((listener) => listener.served);
    const names = [...new Set(served.map(({ chain }) => chain))].toSorted();
    const before = builders;
    builders = new Map(names.map((name) => [name, before.get(name) ?? oneChain(name)]));
    const made = names.flatMap((name) => builders.get(name)?.(gateway, table.hosts(name)) ?? []);
    chains = sameMembers(chains, made) ? chains : made;
    return chains;
  };
}

type OneChain = (gateway: GatewayContext, hosts: ChainHosts) => Chain;

function oneChain(name: string): OneChain {
  const united = new UnitedUses();
  const refusing = rememberLast(refusingIssuers);
  let made: Hosts = new Map();
  let last: { readonly gateway: GatewayContext; readonly domains: Domains; readonly chain: Chain } | undefined;
  return (gateway, hosts) => {
    const before = last?.gateway === gateway ? last : undefined;
    if (before !== undefined && hosts.changed.size === 0) return before.chain;
    const own = gateway.listeners.filter((listener) => listener.served && listener.chain === name);
    const isSteady = before !== undefined && !hosts.renamed;
    const domains = isSteady ? before.domains : domainsOf(own, gateway.listeners, hosts);
    const next = new Map(isSteady ? made : []);
    for (const key of isSteady ? hosts.changed : domains.keys()) {
      const domain = domains.get(key);
      if (domain !== undefined) next.set(key, hostAt(domain, hosts, made.get(key)));
    }
    const keys = isSteady ? hosts.changed : new Set([...made.keys(), ...next.keys()]);
    united.change(lacking(made, next, keys), lacking(next, made, keys));
    made = next;
    const uses = united.all;
    const chain = chainOf(name, own, { virtualHosts: [...next.values()], uses, refusing: refusing(uses) });
    last = { gateway, domains, chain };
    return chain;
  };
}

type Hosts = ReadonlyMap<string, VirtualHost>;

/** What those of the keys have use for that are in `hosts`, and not the same in `others`. */
function lacking(hosts: Hosts, others: Hosts, keys: ReadonlySet<string>) {
  return [...keys].flatMap((key) => {
    const host = hosts.get(key);
    return host === undefined || others.get(key) === host ? [] : [host.uses];
  });
}

/** By their keys, in the order of the chain. */
type Domains = ReadonlyMap<string, Domain>;

interface Domain {
  /** Of its placements. */
  readonly key: string;
  readonly domain: string;
  readonly listener: string;
  readonly misdirected: boolean;
}

/**
 * Hosts of the chain's own routes and listeners, and, where SNI chose the chain, the hosts of the port's other listeners:
 * a coalesced HTTP/2 connection must not reach past its listener.
 */
function domainsOf(
  own: readonly ResolvedListener[],
  all: readonly ResolvedListener[],
  { placements }: ChainHosts,
): Domains {
  const domains = new Map<string, Domain>();
  const put = (domain: string, listener: string, misdirected: boolean) =>
    domains.set(domain, { key: hostKey(listener, domain), domain, listener, misdirected });
  const [first] = own;
  for (const { spec, hostname, chain } of all) {
    const samePort = first !== undefined && spec.port === first.spec.port && spec.protocol === first.spec.protocol;
    if (!samePort || domains.has(hostname)) continue;
    put(hostname, spec.name, spec.protocol === 'HTTPS' && chain !== first.chain);
  }
  for (const key of placements.keys()) {
    const [listener = '', domain = ''] = key.split(' ');
    put(domain, listener, false);
  }
  if (!domains.has(anyHost)) put(anyHost, '', false);
  const sorted = [...domains.values()].toSorted((a, b) => compareHosts(a.domain, b.domain));
  return new Map(sorted.map((domain) => [domain.key, domain]));
}

function hostAt(domain: Domain, hosts: ChainHosts, before: VirtualHost | undefined): VirtualHost {
  const { key, misdirected } = domain;
  if (before !== undefined && !hosts.changed.has(key) && before.misdirected === misdirected) return before;
  return virtualHost(domain, misdirected ? [] : entriesAt(hosts, key));
}

function virtualHost({ domain, listener, misdirected }: Domain, all: readonly RouteEntry[]): VirtualHost {
  const entries = all
    .map((entry) => ({ entry, rank: rankOf(entry) }))
    .toSorted((a, b) => compareMatches(a.rank, b.rank))
    .map(({ entry }) => entry);
  return { domain, listener, misdirected, entries, uses: usesOf(entries), conflicts: conflictsOf(entries) };
}

function rankOf({ rule, match, matchIndex }: RouteEntry) {
  return { match, route: keyOf(rule.route.namespace, rule.route.name), ruleIndex: rule.index, matchIndex };
}

function chainOf(
  name: string,
  own: readonly ResolvedListener[],
  content: Pick<Chain, 'virtualHosts' | 'uses' | 'refusing'>,
): Chain {
  const [first] = own;
  const protocol = first?.spec.protocol ?? 'HTTP';
  return {
    name,
    port: first?.spec.port ?? 0,
    protocol,
    ...(protocol === 'HTTPS' && first?.spec.hostname !== undefined ? { serverName: first.spec.hostname } : {}),
    certificates: own.flatMap(({ certificates }) => certificates),
    ...(first?.clientValidation === undefined ? {} : { clientValidation: first.clientValidation }),
    ...content,
  };
}
