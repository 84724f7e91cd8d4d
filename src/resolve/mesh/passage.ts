/** What a request goes through between an edge's guards and a workload: which of its parts the workload sees changed. */

import type { RouteAction } from '../../envoy/route.ts';
import { anyRuleFeatures } from '../../features/index.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import { meshHeaders } from '../../ir/mesh-headers.ts';
import { type PathChange, pathChange } from './path-change.ts';

export interface Passage {
  readonly path: PathChange;
  readonly host: 'kept' | 'rewritten';
  /** Lower-case names. */
  readonly headers: ReadonlySet<string>;
  /** Of the listener: what clients may name behind the host. */
  readonly port?: number;
}

/** Of who does not come through an edge. */
export const directly: Passage = { path: { kind: 'none' }, host: 'kept', headers: new Set() };

/** Read as Envoy will read it, so that no feature need be named. */
export function passageOf({ rule, match, listener }: RouteEntry): Passage {
  const place = { path: match.path, listener };
  const parts = anyRuleFeatures
    .filter(({ name }) => Object.hasOwn(rule.settings, name))
    .flatMap((feature) => feature.edge(rule.settings[feature.name], place));
  const forward = Object.assign({}, ...parts.map((part) => part.forward)) as RouteAction;
  const edits = [...parts.map(({ route = {} }) => route), ...(forward.weighted_clusters?.clusters ?? [])];
  const names = edits.flatMap(({ request_headers_to_add = [], request_headers_to_remove = [] }) => [
    ...request_headers_to_add.map(({ header }) => header.key),
    ...request_headers_to_remove,
  ]);
  const passage: Passage = {
    path: pathChange(forward, match.path),
    host: forward.host_rewrite_literal === undefined ? 'kept' : 'rewritten',
    headers: new Set(names),
    port: listener.port,
  };
  return isUnchanged(passage) ? unchangedAt(listener.port) : passage;
}

const unchanged = new Map<number, Passage>();

/** Most are: one for each port. */
function unchangedAt(port: number): Passage {
  const passage = unchanged.get(port) ?? { ...directly, port };
  unchanged.set(port, passage);
  return passage;
}

/** Of paths, hosts and the headers that rules name. */
export function isUnchanged({ path, host, headers }: Passage): boolean {
  return path.kind === 'none' && host === 'kept' && headers.size === 0;
}

/** Written anew by each Envoy on the way (its own, hop-by-hop, and those of tracing): what one has seen the next need not see. */
const rewritten = new Set([
  'b3',
  'baggage',
  'connection',
  'content-length',
  'expect',
  'grpc-timeout',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-client-trace-id',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-ot-span-context',
  'x-request-id',
  'x-cloud-trace-context',
  'x-forwarded-client-cert',
  ...meshHeaders,
]);

export function isChanged(name: string, { headers }: Passage): boolean {
  return headers.has(name) || rewritten.has(name) || /^x-(envoy|b3|istio)-/.test(name);
}
