import { describe, expect, test } from '@jest/globals';
import { loadEnvoyApi } from './envoy-api.ts';

const api = loadEnvoyApi();

type Fields = Readonly<Record<string, unknown>>;

function typed(name: string, fields: Fields): Fields {
  return { '@type': `type.googleapis.com/${name}`, ...fields };
}

const http = 'envoy.extensions.filters.http';
const anyone = { permissions: [{ any: true }], principals: [{ any: true }] };

const router = { name: 'router', typed_config: typed(`${http}.router.v3.Router`, {}) };
const jwt = typed(`${http}.jwt_authn.v3.JwtAuthentication`, {
  providers: { corp: { issuer: 'https://login', local_jwks: { inline_string: '{}' }, claim_to_headers: [] } },
  requirement_map: { any: { provider_name: 'corp' } },
});
const rbac = (policy: Fields) =>
  typed(`${http}.rbac.v3.RBAC`, { rules: { action: 'DENY', policies: { all: policy } } });
const localRateLimit = (fields: Fields) =>
  typed(`${http}.local_ratelimit.v3.LocalRateLimit`, {
    stat_prefix: 'limit',
    token_bucket: { max_tokens: 5, tokens_per_fill: 5, fill_interval: '60s' },
    filter_enabled: { default_value: { numerator: 100, denominator: 'HUNDRED' } },
    ...fields,
  });
const manager = (fields: Fields) =>
  typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'edge',
    codec_type: 'AUTO',
    rds: { route_config_name: 'edge', config_source: { path_config_source: { path: 'rds.json' } } },
    http_filters: [{ name: 'jwt', typed_config: jwt }, { name: 'rbac', typed_config: rbac(anyone) }, router],
    stream_idle_timeout: '300s',
    http2_protocol_options: { max_concurrent_streams: 100 },
    ...fields,
  });
const listener = (filter: Fields) =>
  typed('envoy.config.listener.v3.Listener', {
    name: 'https',
    address: { socket_address: { address: '::', port_value: 10443, ipv4_compat: true } },
    listener_filters: [
      { name: 'tls', typed_config: typed('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}) },
    ],
    filter_chains: [
      {
        filter_chain_match: { server_names: ['*.example.com'] },
        filters: [{ name: 'manager', typed_config: filter }],
        transport_socket: {
          name: 'tls',
          typed_config: typed('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
            common_tls_context: { alpn_protocols: ['h2'], tls_certificate_sds_secret_configs: [{ name: 'shop' }] },
          }),
        },
      },
    ],
  });
const route = (fields: Fields) => ({ match: { prefix: '/' }, route: { cluster: 'orders' }, ...fields });
const routes = (host: Fields) =>
  typed('envoy.config.route.v3.RouteConfiguration', {
    name: 'edge',
    virtual_hosts: [{ name: 'shop', domains: ['shop.example.com'], routes: [route({})], ...host }],
  });
const cluster = (fields: Fields) =>
  typed('envoy.config.cluster.v3.Cluster', {
    name: 'orders',
    type: 'STRICT_DNS',
    connect_timeout: '2s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: { http2_protocol_options: {} },
        },
      ),
    },
    ...fields,
  });

describe('accepts what Envoy accepts', () => {
  test.each<[string, Fields]>([
    ['a listener with TLS, HCM, JWT and RBAC', listener(manager({}))],
    ['a JWT filter', jwt],
    ['an RBAC filter', rbac(anyone)],
    ['a local rate limit', localRateLimit({})],
    [
      'a route table',
      routes({ routes: [route({ match: { safe_regex: { regex: '/o.*' } } }), route({ match: { path: '/' } })] }),
    ],
    [
      'per-route configuration',
      routes({ typed_per_filter_config: { rbac: typed(`${http}.rbac.v3.RBACPerRoute`, { rbac: { rules: {} } }) } }),
    ],
    ['a cluster', cluster({ per_connection_buffer_limit_bytes: 32768 })],
    ['camelCase names and numbers as strings', cluster({ perConnectionBufferLimitBytes: '32768' })],
    ['absent members', cluster({ lb_policy: null, dns_lookup_family: undefined })],
    [
      'an Any of a well-known type',
      routes({ metadata: { typed_filter_metadata: { a: typed('google.protobuf.Duration', { value: '1s' }) } } }),
    ],
    ['a header that may be empty', routes({ request_headers_to_add: [{ header: { key: 'x', value: '' } }] })],
    [
      'a QUIC interval of zero, or of a millisecond',
      listener(
        manager({
          http3_protocol_options: { quic_protocol_options: { connection_keepalive: { initial_interval: '0s' } } },
        }),
      ),
    ],
    [
      'a file of a discovery response',
      typed('envoy.service.discovery.v3.DiscoveryResponse', {
        version_info: '1',
        resources: [cluster({}), routes({})],
      }),
    ],
    ['an ECDS resource', typed('envoy.config.core.v3.TypedExtensionConfig', { name: 'jwt', typed_config: jwt })],
    ['an absent field that ignores emptiness', typed('envoy.config.route.v3.RateLimit.HitsAddend', {})],
    ['what message.skip hides', typed('envoy.config.core.v3.KeyValueAppend', { entry: {} })],
    [
      'a bootstrap',
      typed('envoy.config.bootstrap.v3.Bootstrap', {
        node: { id: 'a' },
        admin: { address: { pipe: { path: 'admin.sock' } } },
      }),
    ],
    [
      'a secret',
      typed('envoy.extensions.transport_sockets.tls.v3.Secret', {
        name: 'a',
        tls_certificate: { private_key: { filename: 'k' } },
      }),
    ],
  ])('%s', (_, resource) => {
    expect(api.check(resource)).toEqual([]);
  });
});

const inManager = 'Listener.filter_chains[0].filters[0].typed_config';
const inHost = 'RouteConfiguration.virtual_hosts[0]';
const lengthOne = 'value length must be at least 1 characters';

describe('names the shape that is wrong', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['nothing', undefined, ["resource: expected an object with '@type', got null"]],
    ['no type', { name: 'a' }, ["resource: '@type' is missing"]],
    [
      'an unknown type',
      typed('envoy.Nothing', {}),
      ["resource: 'type.googleapis.com/envoy.Nothing' is not a message of Envoy's API"],
    ],
    [
      'a bare type',
      { '@type': 'envoy.config.cluster.v3.Cluster' },
      ["resource: '@type' must start with type.googleapis.com/"],
    ],
    [
      'an unknown field in a nested Any, and a second mistake',
      listener(
        manager({
          http_filters: [{ name: 'rbac', typed_config: rbac({ ...anyone, people: [] }) }],
          codec_type: 'HTTP9',
        }),
      ),
      [
        `${inManager}.codec_type: "HTTP9" is not one of AUTO, HTTP1, HTTP2, HTTP3`,
        `${inManager}.http_filters[0].typed_config.rules.policies["all"].people: is not a field of envoy.config.rbac.v3.Policy`,
      ],
    ],
    ['an Any without a type', listener({ stat_prefix: 'a' }), [`${inManager}: '@type' is missing`]],
    ['a string for a list', routes({ domains: '*' }), [`${inHost}.domains: expected a list, got "*"`]],
    [
      'a list for a map',
      routes({ typed_per_filter_config: [] }),
      [`${inHost}.typed_per_filter_config: expected a map, got []`],
    ],
    ['a number for a string', cluster({ name: 5 }), ['Cluster.name: expected string, got 5']],
    [
      'a null in a list',
      routes({ domains: [null] }),
      [`${inHost}.domains[0]: expected google.protobuf.StringValue, got null`],
    ],
    [
      'a negative uint32',
      cluster({ per_connection_buffer_limit_bytes: -1 }),
      ['Cluster.per_connection_buffer_limit_bytes: expected number (uint32): -1 out of range'],
    ],
    [
      'a duration without a unit',
      cluster({ connect_timeout: '5' }),
      ['Cluster.connect_timeout: expected google.protobuf.Duration, got "5"'],
    ],
    [
      'two members of a oneof',
      routes({ routes: [route({ redirect: {} })] }),
      [`${inHost}.routes[0]: route and redirect cannot both be set`],
    ],
  ])('%s', (_, resource, problems) => {
    expect(api.check(resource)).toEqual(problems);
  });
});

describe('names the rule that is broken', () => {
  test.each<[string, Fields, string]>([
    ['string.min_len', manager({ stat_prefix: '' }), `HttpConnectionManager.stat_prefix: ${lengthOne}`],
    [
      'string.min_len of an absent field',
      localRateLimit({ stat_prefix: undefined }),
      `LocalRateLimit.stat_prefix: ${lengthOne}`,
    ],
    [
      'string.min_len in a nested Any',
      listener(manager({ stat_prefix: '' })),
      `${inManager}.stat_prefix: ${lengthOne}`,
    ],
    [
      'string.max_bytes',
      typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', { sni: 'ä'.repeat(128) }),
      'UpstreamTlsContext.sni: value length must be at most 255 bytes',
    ],
    [
      'string.max_len',
      typed('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: 'a'.repeat(257) }),
      'UriTemplateMatchConfig.path_template: value length must be at most 256 characters',
    ],
    [
      'string.prefix',
      typed('envoy.config.route.v3.RateLimit.HitsAddend', { format: 'a%' }),
      'HitsAddend.format: value must start with %',
    ],
    [
      'string.suffix',
      typed('envoy.config.route.v3.RateLimit.HitsAddend', { format: '%a' }),
      'HitsAddend.format: value must end with %',
    ],
    ['enum.not_in', typed('envoy.type.v3.HttpStatus', {}), 'HttpStatus.code: value must not be Empty'],
    [
      'uint64.lte',
      typed('envoy.config.route.v3.RateLimit.HitsAddend', { number: '1000000001' }),
      'HitsAddend.number: value must be less than or equal to 1000000000',
    ],
    [
      'string.pattern',
      routes({ routes: [route({ match: { path_separated_prefix: '/a/' } })] }),
      `${inHost}.routes[0].match.path_separated_prefix: value does not match regex ^[^?#]+[^?#/]$`,
    ],
    [
      'string.well_known_regex',
      rbacHeader({ name: 'a\nb', present_match: true }),
      'RBAC.rules.policies["all"].permissions[0].header.name: value must be an HTTP header name (no NUL, CR or LF)',
    ],
    [
      'string.in in a list',
      typed(`${http}.router.v3.Router`, { strict_check_headers: ['x-team'] }),
      'Router.strict_check_headers[0]: value must be one of x-envoy-upstream-rq-timeout-ms, x-envoy-upstream-rq-per-try-timeout-ms, x-envoy-max-retries, x-envoy-retry-grpc-on, x-envoy-retry-on',
    ],
    [
      'enum.defined_only',
      manager({ codec_type: 9 }),
      'HttpConnectionManager.codec_type: value must be one of the defined enum values',
    ],
    [
      'bool.const',
      rbac({ ...anyone, permissions: [{ any: false }] }),
      'RBAC.rules.policies["all"].permissions[0].any: value must equal true',
    ],
    [
      'uint32.lte',
      typed('envoy.config.core.v3.SocketAddress', { address: 'a', port_value: 70000 }),
      'SocketAddress.port_value: value must be less than or equal to 65535',
    ],
    [
      'uint32 range of a wrapper',
      manager({ http2_protocol_options: { max_concurrent_streams: 0 } }),
      'HttpConnectionManager.http2_protocol_options.max_concurrent_streams: value must be greater than or equal to 1 and less than or equal to 2147483647',
    ],
    ['duration.gt', cluster({ connect_timeout: '-1s' }), 'Cluster.connect_timeout: value must be greater than 0s'],
    [
      'a negative duration without a rule',
      manager({ stream_idle_timeout: '-5s' }),
      'HttpConnectionManager.stream_idle_timeout: Envoy refuses a negative duration',
    ],
    [
      'duration outside a range',
      typed('envoy.config.core.v3.QuicKeepAliveSettings', { initial_interval: '0.0005s' }),
      'QuicKeepAliveSettings.initial_interval: value must be greater than or equal to 0.001s or less than or equal to 0s',
    ],
    [
      'duration.required',
      localRateLimit({ token_bucket: { max_tokens: 5 } }),
      'LocalRateLimit.token_bucket.fill_interval: value is required',
    ],
    ['message.required', typed('envoy.config.route.v3.Route', { redirect: {} }), 'Route.match: value is required'],
    [
      'any.required',
      typed('envoy.config.core.v3.TypedExtensionConfig', { name: 'a' }),
      'TypedExtensionConfig.typed_config: value is required',
    ],
    [
      'required oneof',
      routes({ routes: [route({ match: {} })] }),
      `${inHost}.routes[0].match: one of prefix, path, safe_regex, connect_matcher, path_separated_prefix, path_match_policy is required`,
    ],
    ['repeated.min_items', routes({ domains: [] }), `${inHost}.domains: value must contain at least 1 item(s)`],
    [
      'repeated.min_items of an absent list',
      rbac({ principals: [{ any: true }] }),
      'RBAC.rules.policies["all"].permissions: value must contain at least 1 item(s)',
    ],
    [
      'repeated.max_items',
      routes({ request_headers_to_add: Array.from({ length: 1001 }, () => ({ header: { key: 'x' } })) }),
      `${inHost}.request_headers_to_add: value must contain at most 1000 item(s)`,
    ],
    [
      'repeated.unique',
      typed('envoy.config.route.v3.InternalRedirectPolicy', { response_headers_to_copy: ['a', 'a'] }),
      'InternalRedirectPolicy.response_headers_to_copy: value must contain unique items',
    ],
    [
      'rules of list items',
      routes({ domains: ['a\n'] }),
      `${inHost}.domains[0]: value must be an HTTP header value (no NUL, CR or LF)`,
    ],
    [
      'rules of map keys',
      routes({ metadata: { filter_metadata: { '': {} } } }),
      `${inHost}.metadata.filter_metadata[""]: ${lengthOne}`,
    ],
    [
      'map.min_pairs',
      typed('xds.type.matcher.v3.Matcher.MatcherTree.MatchMap', {}),
      'MatchMap.map: value must contain at least 1 pair(s)',
    ],
    [
      'bytes.max_len',
      typed('envoy.config.core.v3.HeaderValue', { key: 'x', raw_value: Buffer.alloc(16385).toString('base64') }),
      'HeaderValue.raw_value: value length must be at most 16384 bytes',
    ],
    [
      'double.lte',
      typed('envoy.data.accesslog.v3.AccessLogCommon', { sample_rate: 1.5 }),
      'AccessLogCommon.sample_rate: value must be greater than 0 and less than or equal to 1',
    ],
    [
      'a deprecated field',
      typed('envoy.config.route.v3.RateLimit.Action', {
        dynamic_metadata: { descriptor_key: 'a', metadata_key: { key: 'a', path: [{ key: 'b' }] } },
      }),
      'Action.dynamic_metadata: Envoy refuses this deprecated field',
    ],
    [
      'a deprecated enum value',
      typed('envoy.config.core.v3.ApiConfigSource', {}),
      'ApiConfigSource.api_type: Envoy refuses the deprecated value DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE',
    ],
  ])('%s', (_, resource, problem) => {
    expect(api.check(resource)).toEqual([problem]);
  });
});

function rbacHeader(header: Fields): Fields {
  return rbac({ ...anyone, permissions: [{ header }] });
}

test('encodes a resource as its own message', () => {
  const name = Buffer.from(api.encode(typed('envoy.config.cluster.v3.Cluster', { name: 'orders' })));
  expect(name.toString('hex')).toBe(`0a06${Buffer.from('orders').toString('hex')}`); // field 1, six bytes
  expect(() => api.encode(typed('envoy.config.cluster.v3.Cluster', { nmae: 'orders' }))).toThrow(
    'key "nmae" is unknown',
  );
});
