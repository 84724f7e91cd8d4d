/** Envoy resources are plain snake_case JSON objects (proto3 JSON mapping with original field names). */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** google.protobuf.Any in JSON: the message's fields beside its `@type`. */
export interface TypedConfig {
  readonly '@type': string;
  readonly [field: string]: Json | undefined;
}

/** `typeUrl('envoy.config.route.v3.RouteConfiguration')` */
export function typeUrl(message: string): string {
  return `type.googleapis.com/${message}`;
}

/** Type URLs of what is sent or nested, by short name. */
export const types = {
  listener: typeUrl('envoy.config.listener.v3.Listener'),
  cluster: typeUrl('envoy.config.cluster.v3.Cluster'),
  routeConfiguration: typeUrl('envoy.config.route.v3.RouteConfiguration'),
  secret: typeUrl('envoy.extensions.transport_sockets.tls.v3.Secret'),
  extension: typeUrl('envoy.config.core.v3.TypedExtensionConfig'),
  httpConnectionManager: typeUrl('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
  router: typeUrl('envoy.extensions.filters.http.router.v3.Router'),
  healthCheck: typeUrl('envoy.extensions.filters.http.health_check.v3.HealthCheck'),
  lua: typeUrl('envoy.extensions.filters.http.lua.v3.Lua'),
  luaPerRoute: typeUrl('envoy.extensions.filters.http.lua.v3.LuaPerRoute'),
  fault: typeUrl('envoy.extensions.filters.http.fault.v3.HTTPFault'),
  connectionLimit: typeUrl('envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit'),
  rbac: typeUrl('envoy.extensions.filters.http.rbac.v3.RBAC'),
  rbacPerRoute: typeUrl('envoy.extensions.filters.http.rbac.v3.RBACPerRoute'),
  jwt: typeUrl('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication'),
  jwtPerRoute: typeUrl('envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig'),
  localRateLimit: typeUrl('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'),
  tlsInspector: typeUrl('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector'),
  downstreamTls: typeUrl('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
  upstreamTls: typeUrl('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
  upstreamHttp: typeUrl('envoy.extensions.upstreams.http.v3.HttpProtocolOptions'),
  leastRequest: typeUrl('envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest'),
  uriTemplate: typeUrl('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig'),
  requestHeaderInput: typeUrl('envoy.type.matcher.v3.HttpRequestHeaderMatchInput'),
  setFilterState: typeUrl('envoy.extensions.filters.http.set_filter_state.v3.Config'),
  stdoutLog: typeUrl('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog'),
  openTelemetry: typeUrl('envoy.config.trace.v3.OpenTelemetryConfig'),
  parentBased: typeUrl('envoy.extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig'),
  traceIdRatio: typeUrl('envoy.extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig'),
  staticResource: typeUrl(
    'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig',
  ),
  celFormatter: typeUrl('envoy.extensions.formatter.cel.v3.Cel'),
  celFilter: typeUrl('envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter'),
  routeList: typeUrl('envoy.config.route.v3.RouteList'),
} as const;
