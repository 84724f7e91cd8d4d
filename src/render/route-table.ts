/** The RouteConfiguration of one chain. Work is kept per entry and per virtual host. */
import { types } from '../envoy/json.ts';
import { filterNames } from '../features/names.ts';
import type { Chain, RouteEntry, VirtualHost } from '../ir/gateway.ts';
import { composite, type Fragment, leaf } from './fragment.ts';
import { matcherTree, treeThreshold } from './matcher.ts';
import { type ChainNames, chainNames, misdirected, notFound, routesOf } from './route.ts';

export type RouteTable = (chain: Chain) => Fragment;

interface Remembered<T> {
  readonly names: string;
  readonly value: T;
}

/** Remembers fragments as long as the entries and virtual hosts that they were made of. */
export function routeTable(): RouteTable {
  const hosts = new WeakMap<VirtualHost, Remembered<Fragment>>();
  const entries = new WeakMap<RouteEntry, Remembered<Fragment>>();
  return (chain) => {
    const names = chainNames(chain);
    const identity = namesKey(names);
    const virtualHosts = chain.virtualHosts.map((host) =>
      remembered(hosts, host, identity, () =>
        virtualHostFragment(host, (entry) =>
          remembered(entries, entry, identity, () => {
            const routes = routesOf(entry, names).map((route) => leaf(route));
            return routes.length === 1 && routes[0] !== undefined ? routes[0] : composite('', routes, '');
          }),
        ),
      ),
    );
    const head = `{"@type":${JSON.stringify(types.routeConfiguration)},"name":${JSON.stringify(chain.name)},"ignore_port_in_host_matching":true,"virtual_hosts":[`;
    return composite(head, virtualHosts, ']}');
  };
}

/** What of the chain shows in a route: its name, and where limits look for claims. */
function namesKey({ chain, issuers }: ChainNames): string {
  return `${filterNames.jwt(chain)} ${issuers.map(({ id }) => id).join(' ')}`;
}

function remembered<K extends object, T>(memory: WeakMap<K, Remembered<T>>, key: K, names: string, make: () => T): T {
  const known = memory.get(key);
  if (known !== undefined && known.names === names) return known.value;
  const value = make();
  memory.set(key, { names, value });
  return value;
}

function virtualHostFragment(host: VirtualHost, fragmentOf: (entry: RouteEntry) => Fragment): Fragment {
  const last = leaf(host.misdirected ? misdirected : notFound);
  const ordered = host.entries.map((entry) => ({ path: entry.match.path, fragment: fragmentOf(entry) }));
  const name = JSON.stringify(`${host.listener}/${host.domain}`);
  const domains = JSON.stringify([host.domain]);
  const head = `{"name":${name},"domains":${domains},`;
  if (ordered.length < treeThreshold) {
    return composite(`${head}"routes":[`, [...ordered.map(({ fragment }) => fragment), last], ']}');
  }
  const tree = matcherTree(ordered, last);
  return tree === undefined
    ? composite(`${head}"routes":[`, [...ordered.map(({ fragment }) => fragment), last], ']}')
    : composite(`${head}"matcher":`, [tree], '}');
}
