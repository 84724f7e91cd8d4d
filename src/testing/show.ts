/** Rendered resources as a golden prints them: what a feature adds, without what every gateway has alike. */
import { Document, isCollection, visit } from 'yaml';
import type { Compiled, JsonObject, Resource } from './compile.ts';
import { shownTelemetry, withoutTelemetry } from './show-telemetry.ts';
import { type RenderedRoute, type RouteList, tablesOf } from './tables.ts';

/** `guards` are the guards of `routes`; `hardening` is every listener in full but for `telemetry`. */
export type Shown =
  | 'routes'
  | 'guards'
  | 'clusters'
  | 'jwt'
  | 'limits'
  | 'listeners'
  | 'certificates'
  | 'hardening'
  | 'telemetry';

/** By gateway. */
export function shownEdge(compiled: Compiled, shows: readonly Shown[]): object {
  return Object.fromEntries(
    [...compiled.edges.keys()].map((key) => {
      const own = compiled.resources.filter(({ gateway }) => gateway === key);
      const parts = order.filter((part) => shows.includes(part)).map((part) => [part, printers[part](own, shows)]);
      return [key, Object.fromEntries(parts)];
    }),
  );
}

const order = ['hardening', 'telemetry', 'listeners', 'certificates', 'routes', 'clusters', 'jwt', 'limits'] as const;

type Printer = (resources: readonly Resource[], shows: readonly Shown[]) => object;

const printers: Readonly<Record<(typeof order)[number], Printer>> = {
  hardening: (resources) => inFile(resources, 'lds.json').map(withoutTelemetry),
  telemetry: (resources) => plain(shownTelemetry(inFile(resources, 'lds.json'))),
  listeners: (resources) => inFile(resources, 'lds.json').map(shortListener),
  certificates: (resources) => plain(resources.filter(({ file }) => file.startsWith('sds-')).map(({ json }) => json)),
  routes: shortTables,
  clusters: (resources) => inFile(resources, 'cds.json').map(shortCluster),
  jwt: (resources) => extensions(resources, 'ecds-jwt-', ['providers', 'requirement_map']),
  limits: (resources) => extensions(resources, 'ecds-limits-', ['descriptors']),
};

function inFile(resources: readonly Resource[], name: string): readonly JsonObject[] {
  return resources.filter(({ file }) => file === name).map(({ json }) => json);
}

function shortListener({ filter_chains, ...listener }: JsonObject): object {
  const chains = (filter_chains as readonly JsonObject[]).map((chain) => without(chain, ['filters']));
  return plain({ ...without(listener, ['per_connection_buffer_limit_bytes']), filter_chains: chains });
}

/** What render/cluster.ts gives every cluster alike. */
const commonToClusters = [
  'connect_timeout',
  'per_connection_buffer_limit_bytes',
  'circuit_breakers',
  'ignore_health_on_host_removal',
  'load_balancing_policy',
  'respect_dns_ttl',
  'dns_lookup_family',
];

function shortCluster(cluster: JsonObject): object {
  return plain(without(cluster, commonToClusters));
}

function extensions(resources: readonly Resource[], prefix: string, fields: readonly string[]): object {
  const own = resources.filter(({ file }) => file.startsWith(prefix));
  return Object.fromEntries(
    own.map(({ file, json }) => {
      const config = json['typed_config'] as JsonObject;
      const chain = file.slice(prefix.length, -'.json'.length);
      return [chain, plain(Object.fromEntries(fields.map((name) => [name, config[name]])))];
    }),
  );
}

/** Chain → host → routes, without the last 404 that every host has. */
function shortTables(resources: readonly Resource[], shows: readonly Shown[]): object {
  const byChain = Map.groupBy(tablesOf(resources), ({ file }) => file.slice('rds-'.length, -'.json'.length));
  return Object.fromEntries(
    [...byChain].map(([chain, hosts]) => [
      chain,
      Object.fromEntries(hosts.map(({ domain, lists }) => [domain, shortLists(lists, shows)])),
    ]),
  );
}

function shortLists(lists: readonly RouteList[], shows: readonly Shown[]): unknown {
  const [only] = lists;
  if (lists.length === 1 && only?.key === undefined) return only?.routes.flatMap((route) => shortRoute(route, shows));
  return Object.fromEntries(lists.map(({ key, routes }) => [`tree ${key}`, routes.map(({ name }) => name)]));
}

function shortRoute(route: RenderedRoute, shows: readonly Shown[]): readonly object[] {
  if (route.name === 'not-found') return [];
  const { typed_per_filter_config: filters = {}, metadata, ...others } = route;
  const rest = shows.includes('telemetry') ? { metadata, ...others } : others;
  const limits = Object.entries(filters).filter(([name]) => name.startsWith('limits.'));
  return [
    {
      ...(plain(rest) as object),
      ...(shows.includes('guards') && route.direct_response?.status !== 500
        ? { guards: shortGuards(filters, shows) }
        : {}),
      ...(limits[0] === undefined ? {} : { limits: plain(only(limits[0][1], ['descriptors', 'rate_limits'])) }),
    },
  ];
}

/** `jwt: <requirement>`, and the policies of the two RBAC filters; `shadow` are those only counted. `!token` is shown with `jwt`. */
function shortGuards(filters: Readonly<Record<string, JsonObject>>, shows: readonly Shown[]): object {
  const guards = Object.entries(filters).filter(([name]) => !name.startsWith('limits.'));
  return Object.fromEntries(
    guards.map(([name, config]) => {
      if (name.startsWith('jwt.')) return ['jwt', config['requirement_name']];
      const rbac = config['rbac'] as Readonly<Record<string, JsonObject>> | undefined;
      const shadow = rbac?.['shadow_rules'] === undefined ? {} : { shadow: policies(rbac['shadow_rules']) };
      const enforced = rbac === undefined ? { off: true } : policies(rbac['rules'] ?? {});
      const told = '!token' in enforced && !shows.includes('jwt') ? { ...enforced, '!token': '…' } : enforced;
      return [name, { ...told, ...shadow }];
    }),
  );
}

function policies(rules: JsonObject): JsonObject {
  return shortMatchers(plain(rules['policies'] ?? {})) as JsonObject;
}

/** Lists of one without the list, and what looks at a verified token as `token <issuer> <claim>`. */
function shortMatchers(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 1 ? shortMatchers(value[0]) : value.map(shortMatchers);
  if (typeof value !== 'object' || value === null) return value;
  const matcher = tokenMatcher(value);
  if (matcher !== undefined) {
    return { [`token ${matcher.path.map(({ key }) => key).join(' ')}`]: shortMatchers(matcher.value) };
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shortMatchers(member)]));
}

interface TokenMatcher {
  readonly filter: string;
  readonly path: readonly { readonly key: string }[];
  readonly value: unknown;
}

function tokenMatcher(value: object): TokenMatcher | undefined {
  const { sourced_metadata: found } = value as {
    readonly sourced_metadata?: { readonly metadata_matcher: TokenMatcher };
  };
  return found?.metadata_matcher.filter === 'envoy.filters.http.jwt_authn' ? found.metadata_matcher : undefined;
}

function only(value: JsonObject, names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, value[name]]));
}

function without(value: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** Without the types of nested messages, and without what is not there. */
function plain(value: unknown): object {
  return JSON.parse(JSON.stringify(value, (key, member: unknown) => (key === '@type' ? undefined : member))) as object;
}

/** Short collections stand on one line. */
export function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Collection(_key, node) {
      if (isCollection(node) && JSON.stringify(node.toJSON()).length <= longestLine) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

const longestLine = 130;
