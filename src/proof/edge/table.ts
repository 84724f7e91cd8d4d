/** Which route of a table takes a request (envoy.config.route.v3). */

import type { RouteMatch } from '../../envoy/route.ts';
import type { RouteTable, TableRoute, VirtualHostTable } from './parsed.ts';
import type { EdgeRequest } from './request.ts';
import { expression, headerValues, matchesHeader, matchesString, pathOf } from './strings.ts';

/** Exact, then the longest `*suffix`, then `*`. */
export function chooseHost(
  table: RouteTable,
  { authority }: Pick<EdgeRequest, 'authority'>,
): VirtualHostTable | undefined {
  const written = authority.toLowerCase();
  const host = table.ignore_port_in_host_matching === true ? written.replace(/:\d*$/, '') : written;
  const ranked = table.virtual_hosts.flatMap((virtualHost) =>
    virtualHost.domains
      .map((domain) => domain.toLowerCase())
      .filter(
        (domain) =>
          domain === host ||
          (domain.startsWith('*') && host.length >= domain.length && host.endsWith(domain.slice(1))) ||
          domain === '*',
      )
      .map((domain) => ({ virtualHost, rank: domain === host ? Number.POSITIVE_INFINITY : domain.length })),
  );
  return ranked.toSorted((a, b) => b.rank - a.rank)[0]?.virtualHost;
}

export function chooseRoute(host: VirtualHostTable, request: EdgeRequest): TableRoute | undefined {
  return listFor(host, request).find((route) => routeMatches(route.match, request));
}

/** Every list that a request may be answered from. */
export function listsOf({ routes, matcher }: VirtualHostTable): readonly (readonly TableRoute[])[] {
  if (matcher === undefined) return [routes ?? []];
  const leaves = [...Object.values(matcher.matcher_tree.prefix_match_map.map), matcher.on_no_match];
  return leaves.map(({ action }) => action.typed_config.routes);
}

/** The longest key that the path begins with; Envoy falls back to no shorter one. */
export function listFor({ routes, matcher }: VirtualHostTable, request: EdgeRequest): readonly TableRoute[] {
  if (matcher === undefined) return routes ?? [];
  const { input, prefix_match_map } = matcher.matcher_tree;
  const [text = ''] = headerValues(input.typed_config.header_name, request);
  const [longest] = Object.keys(prefix_match_map.map)
    .filter((key) => text.startsWith(key))
    .toSorted((a, b) => b.length - a.length);
  const leaf = longest === undefined ? matcher.on_no_match : prefix_match_map.map[longest];
  return leaf?.action.typed_config.routes ?? [];
}

export function routeMatches(match: RouteMatch, request: EdgeRequest): boolean {
  return (
    pathMatches(match, pathOf(request)) &&
    (match.headers ?? []).every((header) => matchesHeader(header, request)) &&
    (match.query_parameters ?? []).every(({ name, string_match }) => {
      const value = firstParameter(request.path, name);
      return value !== undefined && matchesString(string_match, value);
    })
  );
}

export function pathMatches(
  { path, prefix, path_separated_prefix: separated, safe_regex }: RouteMatch,
  text: string,
): boolean {
  if (path !== undefined) return text === path;
  if (separated !== undefined) return text === separated || text.startsWith(`${separated}/`);
  if (safe_regex !== undefined) return expression(safe_regex.regex).matches(text);
  return prefix !== undefined && text.startsWith(prefix);
}

/** The first of its name; nothing is decoded. */
function firstParameter(path: string, name: string): string | undefined {
  const [, query = ''] = path.split(/\?(.*)$/s);
  const pairs = query.split('&').map((pair) => pair.split(/=(.*)$/s));
  const found = pairs.find(([key]) => key === name);
  return found === undefined ? undefined : (found[1] ?? '');
}
