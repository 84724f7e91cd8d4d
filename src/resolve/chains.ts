/** The route tables of one gateway: its Routes' entries by chain and host, in order of precedence. */
import { compareMatches } from '../features/matches/order.ts';
import type { Chain, RouteEntry, VirtualHost } from '../ir/gateway.ts';
import { keyOf } from '../kube/object.ts';
import { anyHost, compareHosts } from './hosts.ts';
import { refusingIssuers } from './known-issuers.ts';
import type { ResolvedListener } from './listeners.ts';
import { sameMembers } from './memo.ts';
import type { RoutePlacement } from './route-unit.ts';
import { unite, usesOf } from './uses.ts';
import type { GatewayContext } from './world.ts';

/** A virtual host with the lists that it was made of: while these are the same, so is it. */
interface Made {
  readonly lists: readonly (readonly RouteEntry[])[];
  readonly host: VirtualHost;
}

export type ChainBuilder = (gateway: GatewayContext, placements: readonly RoutePlacement[]) => readonly Chain[];

/** Remembers the virtual hosts of one gateway from call to call. */
export function chainBuilder(): ChainBuilder {
  let made: ReadonlyMap<string, Made> = new Map();
  return (gateway, placements) => {
    const next = new Map<string, Made>();
    const lists = entriesByHost(placements);
    const served = gateway.listeners.filter((listener) => listener.served);
    const chains = [...new Set(served.map(({ chain }) => chain))].toSorted().map((name) => {
      const own = served.filter(({ chain }) => chain === name);
      const virtualHosts = hostsOf(own, gateway.listeners).map(({ domain, listener, misdirected }) => {
        const key = `${name} ${listener} ${domain}`;
        const parts = misdirected ? [] : (lists.get(key) ?? []);
        const before = made.get(key);
        const one =
          before !== undefined && sameMembers(before.lists, parts) && before.host.misdirected === misdirected
            ? before
            : { lists: parts, host: virtualHost({ domain, listener, misdirected }, parts) };
        next.set(key, one);
        return one.host;
      });
      return chainOf(name, own, virtualHosts);
    });
    made = next;
    return chains;

    function hostsOf(own: readonly ResolvedListener[], all: readonly ResolvedListener[]): readonly Domain[] {
      return domainsOf(own, all, lists);
    }
  };
}

function entriesByHost(placements: readonly RoutePlacement[]): ReadonlyMap<string, (readonly RouteEntry[])[]> {
  const lists = new Map<string, (readonly RouteEntry[])[]>();
  for (const { chain, listener, hosts, entries } of placements) {
    for (const host of hosts) {
      const key = `${chain} ${listener} ${host}`;
      const list = lists.get(key);
      if (list === undefined) lists.set(key, [entries]);
      else list.push(entries);
    }
  }
  return lists;
}

interface Domain {
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
  lists: ReadonlyMap<string, unknown>,
): readonly Domain[] {
  const domains = new Map<string, Domain>();
  const [first] = own;
  for (const { spec, hostname, chain } of all) {
    const samePort = first !== undefined && spec.port === first.spec.port && spec.protocol === first.spec.protocol;
    if (!samePort || domains.has(hostname)) continue;
    const misdirected = spec.protocol === 'HTTPS' && chain !== first.chain;
    domains.set(hostname, { domain: hostname, listener: spec.name, misdirected });
  }
  for (const key of lists.keys()) {
    const [chain, listener = '', domain = ''] = key.split(' ');
    if (chain === first?.chain) domains.set(domain, { domain, listener, misdirected: false });
  }
  if (!domains.has(anyHost)) domains.set(anyHost, { domain: anyHost, listener: '', misdirected: false });
  return [...domains.values()].toSorted((a, b) => compareHosts(a.domain, b.domain));
}

function virtualHost(domain: Domain, lists: readonly (readonly RouteEntry[])[]): VirtualHost {
  const entries = lists
    .flat()
    .map((entry) => ({ entry, rank: rankOf(entry) }))
    .toSorted((a, b) => compareMatches(a.rank, b.rank))
    .map(({ entry }) => entry);
  return { ...domain, entries, uses: usesOf(entries) };
}

function rankOf({ rule, match, matchIndex }: RouteEntry) {
  return { match, route: keyOf(rule.route.namespace, rule.route.name), ruleIndex: rule.index, matchIndex };
}

function chainOf(name: string, own: readonly ResolvedListener[], virtualHosts: readonly VirtualHost[]): Chain {
  const [first] = own;
  const protocol = first?.spec.protocol ?? 'HTTP';
  const uses = unite(virtualHosts.map((host) => host.uses));
  return {
    name,
    port: first?.spec.port ?? 0,
    protocol,
    ...(protocol === 'HTTPS' && first?.spec.hostname !== undefined ? { serverName: first.spec.hostname } : {}),
    certificates: own.flatMap(({ certificates }) => certificates),
    virtualHosts,
    uses,
    refusing: refusingIssuers(uses),
  };
}
