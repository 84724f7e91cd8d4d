/**
 * What the network may ask of an Envoy's admin interface: its statistics, and, with the pod's token, to drain. Part of the
 * bootstrap, so that an Envoy which cannot read its files still says so.
 */
import { type Json, types } from '../envoy/json.ts';
import type { StaticListener } from '../envoy/listener.ts';
import type { SocketAddress } from '../ir/placement.ts';
import { drainHeader, drainPath } from './envoy-process.ts';
import { getOf, ownListener } from './own-listener.ts';

export interface Drain extends SocketAddress {
  /** Whoever knows it may drain this Envoy. */
  readonly token: string;
  /** How long the answer, and so the pod's end, is held back. */
  readonly seconds: number;
}

/** Clusters apart, so that scrapers cannot use up the connections of the drain. */
const statisticsCluster = 'evengate-statistics';
const drainCluster = 'evengate-drain';

/** GET /stats and /stats/prometheus, with any query; all of them only read. */
export function operationsListener(at: SocketAddress): StaticListener {
  const routes = ['/stats', '/stats/prometheus'].map((path) => ({
    match: getOf(path),
    route: { cluster: statisticsCluster, timeout: '15s' },
  }));
  return ownListener({ name: 'evengate-operations', at, routes });
}

/**
 * GET /drain, as the kubelet calls it before it ends a container: health checks fail from now on, every answer closes its
 * connection, and when `seconds` are over, so is the wait. Envoy in its image has no shell that could do it.
 */
export function drainListener({ token, seconds, ...at }: Drain): StaticListener {
  const route = {
    match: getOf(drainPath, [{ name: drainHeader, string_match: { exact: token } }]),
    direct_response: { status: 200, body: { inline_string: 'drained\n' } },
    typed_per_filter_config: {
      [failFilter]: { '@type': types.luaPerRoute, source_code: { inline_string: failHealthChecks } },
      [holdFilter]: {
        '@type': types.fault,
        delay: { fixed_delay: `${seconds}s`, percentage: { numerator: 100 } },
      },
    },
  };
  return ownListener({
    name: 'evengate-drain',
    at,
    routes: [route],
    filters: [onlyWhereTheRouteSays(failFilter, types.lua), onlyWhereTheRouteSays(holdFilter, types.fault)],
    patience: seconds + 15,
  });
}

const failFilter = 'envoy.filters.http.lua';
const holdFilter = 'envoy.filters.http.fault';

function onlyWhereTheRouteSays(name: string, type: string): Json {
  return { name, disabled: true, typed_config: { '@type': type } };
}

/** The admin interface changes its state by POST only. If that fails, the wait still lets load balancers notice. */
const failHealthChecks = `function envoy_on_request(handle)
  local headers = { [":method"] = "POST", [":path"] = "/healthcheck/fail", [":authority"] = "admin" }
  local answer = handle:httpCall("evengate-drain", headers, nil, 5000)
  if answer[":status"] ~= "200" then
    handle:logErr("the drain did not begin: the admin interface answered " .. answer[":status"])
  end
end
`;

/** The ways to the admin interface at the Unix socket `path`. */
export function adminClusters(path: string): readonly Json[] {
  return [statisticsCluster, drainCluster].map((name) => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    circuit_breakers: { thresholds: [{ max_connections: 8, max_pending_requests: 64, max_requests: 64 }] },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
    },
  }));
}
