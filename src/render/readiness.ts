/** Whether this Envoy serves what it was told. Part of LDS: an Envoy whose files cannot be read is live, and has no listener. */
import { types } from '../envoy/json.ts';
import type { Listener } from '../envoy/listener.ts';
import type { SocketAddress } from '../ir/placement.ts';
import { readyPath } from './envoy-process.ts';
import { ownListener } from './own-listener.ts';

/** GET /ready: 200, and 503 once the drain has begun. */
export function readinessListener(at: SocketAddress): Listener {
  const headers = [
    [':method', 'GET'],
    [':path', readyPath],
  ].map(([name, exact]) => ({ name, string_match: { exact } }));
  const healthCheck = {
    name: 'envoy.filters.http.health_check',
    typed_config: { '@type': types.healthCheck, pass_through_mode: false, headers },
  };
  return {
    '@type': types.listener,
    ...ownListener({ name: 'evengate-readiness', at, routes: [], filters: [healthCheck] }),
  };
}
