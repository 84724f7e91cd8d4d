/** What a backend gets to see of a request: rewrites and edits of headers. */

import type { HeaderEdits, RouteAction, RouteMatch } from '../../envoy/route.ts';
import type { RouteTable, TableRoute, VirtualHostTable } from './parsed.ts';
import type { EdgeRequest, Forwarded } from './request.ts';
import { expression } from './strings.ts';

export interface Place {
  readonly table: RouteTable;
  readonly host: VirtualHostTable;
  readonly route: TableRoute & { readonly route: RouteAction };
}

/** One a cluster that the route may choose. */
export function forwarded({ table, host, route }: Place, request: EdgeRequest): readonly Forwarded[] {
  const { cluster, weighted_clusters, host_rewrite_literal } = route.route;
  const shares = weighted_clusters?.clusters ?? [{ name: cluster ?? '', weight: 1 }];
  const { token, method } = request;
  return shares.map((share) => ({
    cluster: share.name,
    weight: share.weight,
    method,
    host: host_rewrite_literal ?? request.authority,
    path: rewritten(route.match, route.route, request.path),
    // The narrowest first (Envoy's default): a wider one that overwrites has the last word.
    headers: [share, route, host, table].reduce((headers, edits) => edited(headers, edits, request), request.headers),
    ...(token === undefined ? {} : { token }),
  }));
}

/** The query stays. */
export function rewritten(match: RouteMatch, { prefix_rewrite, regex_rewrite }: RouteAction, written: string): string {
  const end = written.search(/[?#]/);
  const [path, query] = end < 0 ? [written, ''] : [written.slice(0, end), written.slice(end)];
  if (regex_rewrite !== undefined) {
    const { pattern, substitution } = regex_rewrite;
    return `${expression(pattern.regex).matcher(path).replaceAll(literal(substitution))}${query}`;
  }
  if (prefix_rewrite === undefined) return written;
  const matched = match.path_separated_prefix ?? match.prefix ?? match.path ?? path;
  return `${prefix_rewrite}${path.slice(matched.length)}${query}`;
}

/** RE2 writes groups as `\1`, RE2JS as `$1`. */
function literal(substitution: string): string {
  return substitution.replaceAll('$', '$$$$').replaceAll(/\\(\d)/g, '$$$1');
}

type Headers = ReadonlyMap<string, readonly string[]>;

/** What is removed goes before what is added. */
function edited(headers: Headers, edits: HeaderEdits, request: EdgeRequest): Headers {
  const result = new Map(headers);
  for (const name of edits.request_headers_to_remove ?? []) result.delete(name.toLowerCase());
  for (const { header, append_action } of edits.request_headers_to_add ?? []) {
    const name = header.key.toLowerCase();
    const before = append_action === 'OVERWRITE_IF_EXISTS_OR_ADD' ? [] : (result.get(name) ?? []);
    result.set(name, [...before, formatted(header.value, request)]);
  }
  return result;
}

function formatted(value: string, { remoteIp }: EdgeRequest): string {
  return value.replaceAll('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', remoteIp).replaceAll('%%', '%');
}
