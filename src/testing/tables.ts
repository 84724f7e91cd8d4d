/** Rendered route tables, read back. */
import type { JsonObject, Resource } from './compile.ts';

export interface VirtualHostTable {
  readonly gateway: string;
  readonly file: string;
  readonly domain: string;
  /** What the table says for all of its routes. */
  readonly common: Readonly<Record<string, JsonObject>>;
  /** One list, or one a leaf of the matcher tree; each as Envoy walks it. */
  readonly lists: readonly RouteList[];
}

export interface RouteList {
  /** Of a leaf: the prefix that leads to it; '' where no key matched. Undefined outside a tree. */
  readonly key: string | undefined;
  readonly routes: readonly RenderedRoute[];
}

export type RenderedRoute = JsonObject & {
  readonly name: string;
  readonly match: JsonObject;
  readonly direct_response?: { readonly status: number };
  readonly typed_per_filter_config?: Readonly<Record<string, JsonObject>>;
};

export function tablesOf(resources: readonly Resource[]): readonly VirtualHostTable[] {
  return resources.filter(({ file }) => file.startsWith('rds-')).flatMap(hostsOf);
}

function hostsOf({ gateway, file, json }: Resource): readonly VirtualHostTable[] {
  const common = (json['typed_per_filter_config'] ?? {}) as VirtualHostTable['common'];
  return (json['virtual_hosts'] as readonly JsonObject[]).map((host) => {
    const [domain = ''] = host['domains'] as readonly string[];
    return { gateway, file, domain, common, lists: listsOf(host) };
  });
}

interface Tree {
  readonly matcher_tree: { readonly prefix_match_map: { readonly map: Readonly<Record<string, Action>> } };
  readonly on_no_match: Action;
}

interface Action {
  readonly action: { readonly typed_config: { readonly routes: readonly RenderedRoute[] } };
}

function listsOf(host: JsonObject): readonly RouteList[] {
  const tree = host['matcher'] as Tree | undefined;
  if (tree === undefined) return [{ key: undefined, routes: host['routes'] as readonly RenderedRoute[] }];
  const leaves = Object.entries(tree.matcher_tree.prefix_match_map.map);
  return [...leaves, ['', tree.on_no_match] as const].map(([key, { action }]) => ({
    key,
    routes: action.typed_config.routes,
  }));
}

/** A route's own, and the table's where it has none. */
export function filtersOf(
  { common }: VirtualHostTable,
  { typed_per_filter_config: own }: RenderedRoute,
): VirtualHostTable['common'] {
  return { ...common, ...own };
}

/** Every Envoy route, wherever it stands. */
export function everyRoute(
  tables: readonly VirtualHostTable[],
): readonly { readonly host: VirtualHostTable; readonly route: RenderedRoute }[] {
  return tables.flatMap((host) => host.lists.flatMap(({ routes }) => routes.map((route) => ({ host, route }))));
}
