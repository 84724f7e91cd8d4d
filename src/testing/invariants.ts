/** What must hold of everything that we ever render: nothing stands open because something was forgotten. */
import { routeName } from '../render/route.ts';
import type { Compiled, JsonObject } from './compile.ts';
import { everyRoute, filtersOf, type RenderedRoute, tablesOf, type VirtualHostTable } from './tables.ts';

/** One sentence a fault. */
export function openings(compiled: Compiled): readonly string[] {
  const tables = tablesOf(compiled.resources);
  return [
    ...everyRoute(tables).flatMap(({ host, route }) => {
      const missing = guardsMissing(host, route);
      return missing.length === 0 ? [] : [`${where(host)} ${route.name} lacks ${missing.join(', ')}`];
    }),
    ...tables.flatMap((host) => commonFaults(host)),
    ...tables.flatMap(endFaults),
    ...lastHostFaults(tables),
    ...compiled.resources.filter(({ file }) => file === 'lds.json').flatMap(({ json }) => chainFaults(json)),
    ...uncoveredFaults(compiled, tables),
  ];
}

function where({ gateway, file, domain }: VirtualHostTable): string {
  return `${gateway} ${file} ${domain}`;
}

const harmless = [404, 421, 500];

/** A fixed refusal gives nothing away; whatever else a route does, it brings its guards. */
function guardsMissing(host: VirtualHostTable, route: RenderedRoute): readonly string[] {
  const answer = route.direct_response;
  if (answer !== undefined && harmless.includes(answer.status) && !('body' in answer)) return [];
  const chain = host.file.slice('rds-'.length, -'.json'.length);
  const needed = [`jwt.${chain}`, 'allow'];
  const filters = filtersOf(host, route);
  const isShut = filters['allow']?.['rbac'] === undefined;
  return [...needed.filter((name) => filters[name] === undefined), ...(isShut ? ['rules of its ALLOW filter'] : [])];
}

/** What is said for all routes may refuse, and never admit. */
function commonFaults(host: VirtualHostTable): readonly string[] {
  const { deny, ...others } = host.common;
  const rules = (deny?.['rbac'] as JsonObject | undefined)?.['rules'] as JsonObject | undefined;
  const refuses = rules?.['action'] === 'DENY' && Object.keys(rules['policies'] as object).includes('!token');
  const opened = Object.keys(others).filter((name) => !name.startsWith('jwt.'));
  return [
    ...(refuses ? [] : [`${where(host)} does not refuse bad tokens on all routes`]),
    ...opened.map((name) => `${where(host)} says ${name} for all routes`),
  ];
}

function endFaults(host: VirtualHostTable): readonly string[] {
  return host.lists.flatMap(({ key = '', routes }) => {
    const last = routes.at(-1);
    const ends = last?.match['prefix'] === '/' && Object.keys(last.match).length === 1;
    return ends && [404, 421].includes(last.direct_response?.status ?? 0) ? [] : [`${where(host)} ${key} has no end`];
  });
}

function lastHostFaults(tables: readonly VirtualHostTable[]): readonly string[] {
  const byChain = Map.groupBy(tables, ({ gateway, file }) => `${gateway} ${file}`);
  return [...byChain].flatMap(([chain, hosts]) => (hosts.at(-1)?.domain === '*' ? [] : [`${chain} has no last host`]));
}

/** Before the first may stand `request`, which only looks, and `client`, which only refuses. */
const order = ['path', 'jwt.', 'deny', 'allow', 'limits.', 'envoy.filters.http.router'];

function chainFaults(listener: JsonObject): readonly string[] {
  return (listener['filter_chains'] as readonly JsonObject[]).flatMap((chain) => {
    const [manager] = chain['filters'] as readonly { readonly typed_config: JsonObject }[];
    const all = manager?.typed_config['http_filters'] as readonly { readonly name: string }[];
    const filters = all.filter(({ name }, index) => index > 1 || (name !== 'request' && name !== 'client'));
    const right =
      filters.length === order.length && order.every((part, index) => filters[index]?.name.startsWith(part) === true);
    return right ? [] : [`${String(chain['name'])} has the filters ${filters.map(({ name }) => name).join(', ')}`];
  });
}

/** Of a rule that is not covered, the rendered ALLOW is empty. */
function uncoveredFaults({ resolution }: Compiled, tables: readonly VirtualHostTable[]): readonly string[] {
  const rendered = everyRoute(tables);
  return [...resolution.gateways].flatMap(([key, { chains }]) =>
    chains.flatMap(({ name: chain, virtualHosts }) =>
      virtualHosts.flatMap(({ domain, entries }) =>
        entries.flatMap((entry) => {
          const { rule, guard } = entry;
          if (rule.blocked !== undefined || guard.kind === 'blocked' || guard.covered) return [];
          const name = routeName(entry);
          const own = rendered.filter(
            ({ host, route }) =>
              host.gateway === key &&
              host.file === `rds-${chain}.json` &&
              host.domain === domain &&
              route.name === name,
          );
          return own.some(({ route }) => admitsSomebody(route)) ? [`${key} ${name} is not covered and admits`] : [];
        }),
      ),
    ),
  );
}

function admitsSomebody({ typed_per_filter_config: filters, direct_response }: RenderedRoute): boolean {
  const rbac = filters?.['allow']?.['rbac'] as { readonly rules?: { readonly policies: object } } | undefined;
  return direct_response?.status !== 500 && (rbac?.rules === undefined || Object.keys(rbac.rules.policies).length > 0);
}
