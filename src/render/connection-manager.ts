/** The HTTP connection manager of a chain: hardened for an edge, and guarded whatever its routes say. */
import { type Json, type TypedConfig, types } from '../envoy/json.ts';
import { type DiscoveredFilter, fileSource, type NamedConfig } from '../envoy/listener.ts';
import { failedTokenPolicy, filterNames } from '../features/names.ts';
import { accessLoggers } from '../features/telemetry/access-log.ts';
import { requestMemory } from '../features/telemetry/request.ts';
import { tracingOf } from '../features/telemetry/tracing.ts';
import type { Chain, Gateway } from '../ir/gateway.ts';
import type { MeshSettings } from '../ir/mesh.ts';
import { clientMemory, clientPolicy } from './client-identity.ts';
import { ecdsFile, rdsFile, tableName } from './names.ts';

const parameterPolicy = 'path-parameters';
const bracketPolicy = 'path-brackets';
const hostPolicy = 'host';
const clientIdentityPolicy = 'client-identity';

/** A name or an address, and a port (RFC 9110 §7.2): no list, no user, nothing escaped, no more than the one last dot that Envoy takes off. */
const plainHost = '(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?)(:[0-9]+)?';

/** What some backends read otherwise than this edge, as path parameters and odd hosts: what is matched must be what is served. */
function requestFilter(chain: Chain, mesh: MeshSettings | undefined): NamedConfig {
  return {
    name: filterNames.path,
    typed_config: {
      '@type': types.rbac,
      rules: {
        action: 'DENY',
        policies: {
          [parameterPolicy]: {
            permissions: [{ url_path: { path: { safe_regex: { regex: '.*(;|%3[bB]).*' } } } }],
            principals: [{ any: true }],
          },
          // RFC 3986 §3.3 has them in no path, and path templates do not match them: a deny would be passed.
          [bracketPolicy]: {
            permissions: [{ url_path: { path: { safe_regex: { regex: '.*[\\[\\]].*' } } } }],
            principals: [{ any: true }],
          },
          ...(chain.clientValidation === undefined ? {} : { [clientIdentityPolicy]: asJson(clientPolicy(mesh)) }),
          [hostPolicy]: {
            permissions: [
              { not_rule: { header: { name: ':authority', string_match: { safe_regex: { regex: plainHost } } } } },
            ],
            principals: [{ any: true }],
          },
        },
      },
    },
  };
}

/** THE order of the filters. */
function httpFilters(
  chain: Chain,
  { telemetry: { accessLog, tracing }, mesh }: Pick<Gateway, 'telemetry' | 'mesh'>,
  directory: string,
): readonly (NamedConfig | DiscoveredFilter)[] {
  return [
    ...(accessLog === undefined && tracing === undefined ? [] : [requestMemory]), // what is refused is told of, too
    ...(chain.clientValidation === undefined ? [] : [clientMemory]),
    requestFilter(chain, mesh), // cheapest refusal first
    discovered(filterNames.jwt(chain.name), types.jwt, chain, directory), // who is calling
    // may they: a route opens these for itself, and one that says nothing stays shut
    {
      name: filterNames.deny,
      typed_config: { '@type': types.rbac, rules_stat_prefix: 'deny_', shadow_rules_stat_prefix: 'shadow_deny_' },
    },
    {
      name: filterNames.allow,
      typed_config: {
        '@type': types.rbac,
        rules: { action: 'ALLOW', policies: {} },
        rules_stat_prefix: 'allow_',
        shadow_rules_stat_prefix: 'shadow_allow_',
      },
    },
    discovered(filterNames.limits(chain.name), types.localRateLimit, chain, directory), // how often: limits may count callers
    { name: 'envoy.filters.http.router', typed_config: { '@type': types.router, suppress_envoy_headers: true } },
  ];
}

/** By ECDS: replacing it drains no connection, and leaves no old key on an open one. */
function discovered(name: string, type: string, chain: Chain, directory: string): DiscoveredFilter {
  const file = ecdsFile(type === types.jwt ? 'jwt' : 'limits', chain.name);
  return { name, config_discovery: { config_source: fileSource(directory, file), type_urls: [type] } };
}

/** The filters refuse with 403; what is wrong with the request itself is 400, and with its token 401 (RFC 6750 §3.1). */
const localReplies: Json = {
  mappers: [
    badRequest(parameterPolicy, 'Path parameters are not accepted\n'),
    badRequest(bracketPolicy, 'Write [ and ] in a path as %5B and %5D\n'),
    badRequest(hostPolicy, 'The Host is not a plain host\n'),
    badToken(),
  ],
};

export interface Files {
  readonly directory: string;
  /** The route table is protobuf. */
  readonly compact: boolean;
}

/** Best practices of Envoy's edge documentation; the numbers are those that Envoy Gateway and Istio use, too. */
export function connectionManager(
  chain: Chain,
  gateway: Pick<Gateway, 'ref' | 'trustedHops' | 'telemetry' | 'mesh'>,
  { directory, compact }: Files,
): TypedConfig {
  const { ref, trustedHops, telemetry } = gateway;
  const { accessLog, tracing } = telemetry;
  return {
    '@type': types.httpConnectionManager,
    stat_prefix: chain.name,
    rds: {
      route_config_name: tableName(chain.name, compact),
      config_source: asJson(fileSource(directory, rdsFile(chain.name, compact))),
    },
    use_remote_address: true,
    xff_num_trusted_hops: trustedHops,
    normalize_path: true,
    merge_slashes: true,
    path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
    // `admin.example.com.` is the same host, to backends as well.
    strip_trailing_host_dot: true,
    common_http_protocol_options: { idle_timeout: '3600s', headers_with_underscores_action: 'REJECT_REQUEST' },
    http2_protocol_options: {
      max_concurrent_streams: 100,
      initial_stream_window_size: 65_536,
      initial_connection_window_size: 1_048_576,
    },
    request_headers_timeout: '60s',
    stream_idle_timeout: '300s',
    server_header_transformation: 'PASS_THROUGH',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    local_reply_config: localReplies,
    ...(accessLog === undefined ? {} : { access_log: accessLoggers(ref, accessLog) }),
    ...(tracing === undefined ? {} : { tracing: tracingOf(ref, tracing) }),
    http_filters: asJson(httpFilters(chain, gateway, directory)),
  };
}

function badRequest(policy: string, text: string): Json {
  return { filter: deniedBy(policy), status_code: 400, body: { inline_string: text } };
}

function badToken(): Json {
  return {
    filter: deniedBy(failedTokenPolicy),
    status_code: 401,
    body: { inline_string: 'Jwt verification fails\n' },
    headers_to_add: [
      {
        header: { key: 'www-authenticate', value: 'Bearer error="invalid_token"' },
        append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
      },
    ],
  };
}

function deniedBy(policy: string): Json {
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: {
        '@type': types.celFilter,
        expression: `response.code_details == 'rbac_access_denied_matched_policy[${policy}]'`,
      },
    },
  };
}

function asJson(value: object): Json {
  return value as unknown as Json;
}
