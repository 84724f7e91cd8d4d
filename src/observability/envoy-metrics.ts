/** Metrics of Envoy that dashboards and alerts use, under the names that its Prometheus text gives them. */
import type { Declaration } from '../runtime/metric-list.ts';

const gateway = { gateway_namespace: 'namespace of the ApiGateway', gateway: 'its name' };
const cluster = {
  envoy_cluster_name: '`<namespace>/<Service>/<port>`; `jwks/…` is where keys are fetched, `otlp/…` where spans go',
};
const code = { envoy_response_code_class: '`1` to `5`' };
const listener = {
  envoy_http_conn_manager_prefix: '`http-<port>` or `https-<port>-<listener>`; others are Envoy’s own',
};
const limit = { envoy_local_http_ratelimit_prefix: '`evengate`' };
const rbac = { envoy_rbac_http_prefix: 'which guard' };
const table = { envoy_rds_route_config: 'name of the route table' };
const address = { envoy_listener_address: 'address and port' };
const certificate = {
  envoy_certificate: '`<namespace>.<Secret>`',
  envoy_tls_certificate: 'the namespace alone: use `envoy_certificate`',
};

export const envoyMetrics: readonly Declaration[] = [
  {
    name: 'envoy_cluster_membership_healthy',
    type: 'gauge',
    help: 'Endpoints of a Service that the Envoy sends requests to.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_cx_connect_fail',
    type: 'counter',
    help: 'Connections to a Service that failed.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_cx_overflow',
    type: 'counter',
    help: 'Times that the limit of connections to a Service was met.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_active',
    type: 'gauge',
    help: 'Requests that a Service has not answered yet.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_pending_overflow',
    type: 'counter',
    help: 'Requests that were turned away because too many waited for a connection.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_retry',
    type: 'counter',
    help: 'Requests that were tried again.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_time',
    type: 'histogram',
    help: 'Milliseconds until a Service had answered.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_timeout',
    type: 'counter',
    help: 'Requests that a Service did not answer in time.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_total',
    type: 'counter',
    help: 'Requests to a Service.',
    labels: { ...gateway, ...cluster },
  },
  {
    name: 'envoy_cluster_upstream_rq_xx',
    type: 'counter',
    help: 'Answers of a Service.',
    labels: { ...gateway, ...cluster, ...code },
  },
  {
    name: 'envoy_http_downstream_cx_active',
    type: 'gauge',
    help: 'Connections of callers.',
    labels: { ...gateway, ...listener },
  },
  {
    name: 'envoy_http_downstream_rq_time',
    type: 'histogram',
    help: 'Milliseconds from the first byte of a request to the last of its answer.',
    labels: { ...gateway, ...listener },
  },
  { name: 'envoy_http_downstream_rq_total', type: 'counter', help: 'Requests.', labels: { ...gateway, ...listener } },
  {
    name: 'envoy_http_downstream_rq_xx',
    type: 'counter',
    help: 'Answers, also those of Envoy itself.',
    labels: { ...gateway, ...listener, ...code },
  },
  {
    name: 'envoy_http_jwt_authn_denied',
    type: 'counter',
    help: 'Requests without the token that they need (401).',
    labels: { ...gateway, ...listener },
  },
  {
    name: 'envoy_http_jwt_authn_jwks_fetch_failed',
    type: 'counter',
    help: "Failures to fetch an issuer's keys.",
    labels: { ...gateway, ...listener },
  },
  {
    name: 'envoy_http_jwt_authn_jwks_fetch_success',
    type: 'counter',
    help: 'Key sets that were fetched.',
    labels: { ...gateway, ...listener },
  },
  {
    name: 'envoy_http_local_rate_limit_enforced',
    type: 'counter',
    help: 'Requests that a RateLimitPolicy refused (429).',
    labels: { ...gateway, ...limit },
  },
  {
    name: 'envoy_http_local_rate_limit_ok',
    type: 'counter',
    help: 'Requests that passed the limits.',
    labels: { ...gateway, ...limit },
  },
  {
    name: 'envoy_http_local_rate_limit_shadow_mode',
    type: 'counter',
    help: 'Requests that a limit in mode Shadow would have refused.',
    labels: { ...gateway, ...limit },
  },
  {
    name: 'envoy_http_rbac_denied',
    type: 'counter',
    help: 'Requests that were refused: by a rule or for a bad token (`deny_`), by no rule that allows them (`allow_`), or as no sound request (no prefix).',
    labels: { ...gateway, ...listener, ...rbac },
  },
  {
    name: 'envoy_http_rbac_shadow_denied',
    type: 'counter',
    help: 'Requests that AuthPolicies in mode Shadow would have refused (`shadow_allow_`, `shadow_deny_`).',
    labels: { ...gateway, ...listener, ...rbac },
  },
  {
    name: 'envoy_http_rds_version',
    type: 'gauge',
    help: 'Hash of the version of the route table that is served.',
    labels: { ...gateway, ...listener, ...table },
  },
  {
    name: 'envoy_listener_downstream_global_cx_overflow',
    type: 'counter',
    help: 'Connections over the limit of the Envoy.',
    labels: { ...gateway, ...address },
  },
  {
    name: 'envoy_listener_ssl_certificate_expiration_unix_time_seconds',
    type: 'gauge',
    help: 'Unix time at which a certificate ends.',
    labels: { ...gateway, ...address, ...certificate },
  },
  {
    name: 'envoy_server_live',
    type: 'gauge',
    help: '1 while the Envoy takes requests; 0 while it drains.',
    labels: gateway,
  },
  {
    name: 'envoy_server_memory_allocated',
    type: 'gauge',
    help: 'Bytes that the Envoy has allocated.',
    labels: gateway,
  },
  { name: 'envoy_server_uptime', type: 'gauge', help: 'Seconds since the Envoy started.', labels: gateway },
];
