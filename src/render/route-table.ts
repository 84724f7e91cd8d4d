/** The RouteConfiguration of one chain. Work is kept per guard, per entry and per virtual host. */
import { types } from '../envoy/json.ts';
import type { HeaderValueOption } from '../envoy/route.ts';
import { hostMetadata } from '../features/telemetry/route-metadata.ts';
import type { Chain, Gateway, RouteEntry, VirtualHost } from '../ir/gateway.ts';
import type { Guard } from '../ir/guard.ts';
import { meshHeaders } from '../ir/mesh-headers.ts';
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
    const before = memories.get(chain.name);
    const memory = before?.strict === names.strict ? before : new ChainMemory(names);
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
  #limited = new WeakMap<object, Fragment>();
  readonly #plain = new WeakMap<object, Fragment>();

  constructor(names: ChainNames) {
    this.#names = names;
    this.#issuers = issuersKey(names);
  }

  get strict(): boolean {
    return this.#names.strict;
  }

  meet(names: ChainNames): void {
    if (names.issuers === this.#names.issuers) return;
    const issuers = issuersKey(names);
    if (issuers !== this.#issuers) this.#limited = new WeakMap();
    this.#names = names;
    this.#issuers = issuers;
  }

  virtualHost(host: VirtualHost): Fragment {
    const memory = host.uses.limits.length === 0 ? this.#plain : this.#limited;
    return remembered(memory, host, () => virtualHostFragment(host, (entry) => this.#entry(entry)));
  }

  #entry(entry: RouteEntry): Fragment {
    const memory = entry.limits.length === 0 ? this.#plain : this.#limited;
    return remembered(memory, entry, () => {
      const routes = routesOf(entry, this.#names).map((route) => this.#route(route));
      return routes.length === 1 && routes[0] !== undefined ? routes[0] : composite('', routes, '');
    });
  }

  #route({ route, guard, filters }: RouteText): Fragment {
    const parts = [
      ...(guard === undefined ? [] : [this.#guard(guard)]),
      ...(filters === undefined ? [] : [fields(filters)]),
    ];
    return composite(`${JSON.stringify(route).slice(0, -1)},"typed_per_filter_config":{`, parts, '}}');
  }

  /** Most of a route's text, and the same for all routes that the same policies guard. */
  #guard(guard: Extract<Guard, { readonly kind: 'guarded' }>): Fragment {
    return remembered(this.#plain, guard, () => fields(guardFilters(guard, this.#names)));
  }
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
