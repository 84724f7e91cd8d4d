/** The RouteConfiguration of one chain. Work is kept per guard, per entry and per virtual host. */
import { types } from '../envoy/json.ts';
import type { HeaderValueOption } from '../envoy/route.ts';
import { hostMetadata } from '../features/telemetry/route-metadata.ts';
import type { AcceptedIssuers } from '../ir/accepted-tokens.ts';
import type { Backend, Chain, Gateway, RouteEntry, Uses, VirtualHost } from '../ir/gateway.ts';
import type { Guard } from '../ir/guard.ts';
import { meshHeaders } from '../ir/mesh-headers.ts';
import { keyOf } from '../kube/object.ts';
import { composite, type Fragment, fields, leaf } from './fragment.ts';
import { matcherTree, treeThreshold } from './matcher.ts';
import { tableName } from './names.ts';
import type { TableParts } from './protobuf/response.ts';
import {
  type ChainNames,
  chainNames,
  commonFilters,
  guardFilters,
  misdirected,
  notFound,
  type RouteText,
  routesOf,
} from './route.ts';

export interface Table extends Fragment {
  readonly name: string;
  /** To be written as protobuf. */
  readonly compact: boolean;
  readonly parts: TableParts;
}

export type RouteTable = (
  chain: Chain,
  gateway: Pick<Gateway, 'trustedHops' | 'mesh'>,
  isCompact: (hosts: readonly Fragment[]) => boolean,
) => Table;

/** Remembers fragments as long as the guards, entries and virtual hosts that they were made of. */
export function routeTable(): RouteTable {
  const memories = new Map<string, ChainMemory>();
  return (chain, gateway, isCompact) => {
    const names = chainNames(chain);
    const memory = memories.get(chain.name) ?? new ChainMemory(names);
    memories.set(chain.name, memory);
    memory.meet(names);
    const virtualHosts = chain.virtualHosts.map((host) => memory.virtualHost(host));
    const compact = isCompact(virtualHosts);
    const name = tableName(chain.name, compact);
    const head = headOf(name, chain, gateway);
    return {
      name,
      compact,
      ...composite(`${head},"virtual_hosts":[`, virtualHosts, ']}'),
      parts: { head: `${head}}`, virtualHosts },
    };
  };
}

/** Without its closing brace. */
function headOf(name: string, chain: Chain, { trustedHops, mesh }: Pick<Gateway, 'trustedHops' | 'mesh'>): string {
  const head = {
    '@type': types.routeConfiguration,
    name,
    ignore_port_in_host_matching: true,
    // At the real edge nobody's X-Forwarded-For is believed, so backends see none but the client's address. Sidecars believe the last one.
    ...(trustedHops === 0 || mesh !== undefined ? { request_headers_to_add: [forwardedFor] } : {}),
    ...(mesh === undefined ? {} : { request_headers_to_remove: meshHeaders }),
    typed_per_filter_config: commonFilters(chainNames(chain)),
  };
  return JSON.stringify(head).slice(0, -1);
}

const forwardedFor: HeaderValueOption = {
  header: { key: 'x-forwarded-for', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
};

/** Fragments of one chain. Limits look for claims under every issuer of the chain; nothing else shows what else is in it. */
class ChainMemory {
  #names: ChainNames;
  #issuers: string;
  #limited = new WeakMap<object, Made>();
  readonly #plain = new WeakMap<object, Made>();
  readonly #guards = { withTokens: new WeakMap<object, Fragment>(), bare: new WeakMap<object, Fragment>() };

  constructor(names: ChainNames) {
    this.#names = names;
    this.#issuers = issuersKey(names);
  }

  meet(names: ChainNames): void {
    if (names.issuers !== this.#names.issuers) {
      const issuers = issuersKey(names);
      if (issuers !== this.#issuers) this.#limited = new WeakMap();
      this.#issuers = issuers;
    }
    this.#names = names;
  }

  virtualHost(host: VirtualHost): Fragment {
    return this.#made(host, host.uses, () => virtualHostFragment(host, (entry) => this.#entry(entry)));
  }

  #entry(entry: RouteEntry): Fragment {
    return this.#made(entry, { limits: entry.limits, backends: entry.rule.backends }, () => {
      const routes = routesOf(entry, this.#names).map((route) => this.#route(route));
      return routes.length === 1 && routes[0] !== undefined ? routes[0] : composite('', routes, '');
    });
  }

  #route({ route, tokens, guard, filters }: RouteText): Fragment {
    const parts = [
      ...(tokens === undefined ? [] : [fields(tokens)]),
      ...(guard === undefined ? [] : [this.#guard(guard, tokens)]),
      ...(filters === undefined ? [] : [fields(filters)]),
    ];
    return composite(`${JSON.stringify(route).slice(0, -1)},"typed_per_filter_config":{`, parts, '}}');
  }

  /** Most of a route's text, and the same for all routes that the same policies guard. */
  #guard(guard: Extract<Guard, { readonly kind: 'guarded' }>, tokens: RouteText['tokens']): Fragment {
    const memory = tokens === undefined ? this.#guards.withTokens : this.#guards.bare;
    return remembered(memory, guard, () => fields(guardFilters(guard, this.#names, tokens)));
  }

  /** Made again when a workload behind it takes the tokens of others than it did. */
  #made(key: object, { limits, backends }: Pick<Uses, 'limits' | 'backends'>, make: () => Fragment): Fragment {
    const memory = limits.length === 0 ? this.#plain : this.#limited;
    const { accepted } = this.#names;
    const before = memory.get(key);
    if (before !== undefined && sameTokens(before.accepted, accepted, backends)) {
      if (before.accepted !== accepted) memory.set(key, { ...before, accepted });
      return before.fragment;
    }
    const fragment = make();
    memory.set(key, { fragment, accepted });
    return fragment;
  }
}

interface Made {
  readonly fragment: Fragment;
  /** When it was last looked at. */
  readonly accepted: AcceptedIssuers | undefined;
}

function sameTokens(
  before: AcceptedIssuers | undefined,
  after: AcceptedIssuers | undefined,
  backends: readonly Backend[],
): boolean {
  if (before === after) return true;
  return backends.every(({ namespace, service }) => {
    const key = keyOf(namespace, service);
    return before?.get(key) === after?.get(key);
  });
}

function issuersKey({ issuers }: ChainNames): string {
  return issuers.map(({ id }) => id).join(' ');
}

function remembered(memory: WeakMap<object, Fragment>, key: object, make: () => Fragment): Fragment {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const fragment = make();
  memory.set(key, fragment);
  return fragment;
}

function virtualHostFragment(host: VirtualHost, fragmentOf: (entry: RouteEntry) => Fragment): Fragment {
  const last = leaf(host.misdirected ? misdirected : notFound);
  const ordered = host.entries.map((entry) => ({ path: entry.match.path, fragment: fragmentOf(entry) }));
  const name = JSON.stringify(`${host.listener}/${host.domain}`);
  const domains = JSON.stringify([host.domain]);
  const metadata = JSON.stringify(hostMetadata(host.listener));
  const head = `{"name":${name},"domains":${domains},"metadata":${metadata},`;
  const tree = ordered.length < treeThreshold ? undefined : matcherTree(ordered, last);
  return tree === undefined
    ? composite(`${head}"routes":[`, [...ordered.map(({ fragment }) => fragment), last], ']}')
    : composite(`${head}"matcher":`, [tree], '}');
}
