/** What becomes of a request that was admitted: the fields of an Envoy route, read as Envoy's router does. */
import { RE2JS } from 're2js';
import type { RedirectAction, RegexRewrite, Route, RouteAction } from '../../envoy/route.ts';
import { clusterName } from '../../features/names.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import type { SeenRequest } from './request.ts';
import type { Outcome } from './types.ts';
import type { Variant } from './variants.ts';

export function answerOf(entry: RouteEntry, { answer, forward }: Variant, request: SeenRequest): Outcome {
  if (answer === undefined) return forwarded(entry, forward, request);
  const { redirect: action, direct_response: response } = { ...noAction, ...answer.parts };
  if (action === undefined) return { kind: 'respond', status: response?.status ?? 200, feature: answer.feature };
  return { kind: 'redirect', status: statuses[action.response_code], location: locationOf(action, entry, request) };
}

const noAction: Pick<Route, 'redirect' | 'direct_response'> = {};

function forwarded(entry: RouteEntry, forward: RouteAction, request: SeenRequest): Outcome {
  const shares = forward.weighted_clusters?.clusters ?? [{ name: forward.cluster ?? '', weight: 1 }];
  return {
    kind: 'forward',
    backends: shares.map(({ name, weight }) => ({
      backend: entry.rule.backends.find((backend) => clusterName(backend) === name),
      weight,
    })),
    host: forward.host_rewrite_literal ?? request.authority,
    path: rewritten(forward, entry, request),
  };
}

const statuses = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const satisfies Record<RedirectAction['response_code'], number>;

/** Envoy's Http::Utility::newUri: where another port is named, the Host's own goes. */
function locationOf(action: RedirectAction, entry: RouteEntry, request: SeenRequest): string {
  const { scheme_redirect: scheme = request.scheme, port_redirect: port } = action;
  // A Host with a port always gets one named (features/redirect), so Envoy's own rules for well-known ports never apply.
  const own = port === undefined ? request.authority : request.authority.replace(/:[^:\]]*$/, '');
  const host = `${action.host_redirect ?? own}${port === undefined ? '' : `:${port}`}`;
  return `${scheme}://${host}${action.path_redirect ?? rewritten(action, entry, request)}`;
}

interface PathEdit {
  readonly prefix_rewrite?: string;
  readonly regex_rewrite?: RegexRewrite;
}

/** Path and query as sent on; only the path is edited. */
function rewritten(edit: PathEdit, { match }: RouteEntry, { path, query }: SeenRequest): string {
  if (edit.prefix_rewrite !== undefined) return `${edit.prefix_rewrite}${path.slice(match.path.value.length)}${query}`;
  if (edit.regex_rewrite === undefined) return `${path}${query}`;
  const { pattern, substitution } = edit.regex_rewrite;
  // `$` stands for a group here, which RE2's substitution does not know.
  const literal = substitution.replaceAll('$', '$$$$');
  return `${RE2JS.compile(pattern.regex).matcher(path).replaceAll(literal)}${query}`;
}
