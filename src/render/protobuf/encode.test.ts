import { describe, expect, test } from '@jest/globals';
import { type Json, types } from '../../envoy/json.ts';
import { compiler } from '../../testing/compile.ts';
import { loadEnvoyApi } from '../../testing/envoy-api.ts';
import { allGoldens } from '../../testing/goldens.ts';
import { anyHost, encode } from './encode.ts';

const api = loadEnvoyApi();
const prefix = 'envoy.config.route.v3.';

/** Read back by another implementation, with the usual host in its type URLs. */
const readBack = (message: string, json: Json) => {
  const text = JSON.stringify(api.decode(message, encode(message, json)));
  return JSON.parse(text.replaceAll(`"@type":"${anyHost}/`, '"@type":"type.googleapis.com/')) as unknown;
};

describe('protobuf of Envoy messages', () => {
  test.each<[string, Json]>([
    ['RouteConfiguration', { name: 'a', ignore_port_in_host_matching: true, vhds: null }],
    [
      'VirtualHost',
      { name: 'ü€😀', domains: ['a', '', 'b'], require_tls: 'ALL', include_attempt_count_in_response: false },
    ],
    ['RouteAction', { cluster: 'a/b/80', timeout: '15s', idle_timeout: '0s', prefix_rewrite: '' }],
    ['RouteAction', { timeout: '1.5s', max_stream_duration: { max_stream_duration: '0.000000001s' } }],
    [
      'RouteAction',
      {
        weighted_clusters: {
          clusters: [
            { name: 'a', weight: 0 },
            { name: 'b', weight: 4294967295 },
          ],
        },
      },
    ],
    ['RedirectAction', { response_code: 'TEMPORARY_REDIRECT', port_redirect: 300 }],
    ['DirectResponseAction', { status: 404, body: { inline_bytes: 'AAEC/w==' } }],
    ['HeaderMatcher', { name: 'a', range_match: { start: -1, end: '9007199254740993' } }],
    ['Route', { name: 'long', match: { prefix: `/${'x'.repeat(20_000)}` } }],
    [
      'Route',
      {
        match: { path_separated_prefix: '/a' },
        metadata: { filter_metadata: { a: { b: 'c', d: '' }, e: {} } },
        typed_per_filter_config: {
          a: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute' },
          b: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig',
            requirement_name: 'known',
          },
        },
      },
    ],
  ])('%s %j', (message, json) => {
    const wanted = api.encode({ '@type': `type.googleapis.com/${prefix}${message}`, ...(json as object) });
    expect(readBack(prefix + message, json)).toEqual(api.decode(prefix + message, wanted));
  });

  test('a number has the bytes that the other implementation writes', () => {
    for (const port_redirect of [0, 1, 127, 128, 255, 300, 16_383, 16_384, 2 ** 21, 2 ** 28 - 1, 2 ** 32 - 1]) {
      expect(readBack(`${prefix}RedirectAction`, { port_redirect })).toEqual(
        port_redirect === 0 ? {} : { portRedirect: port_redirect },
      );
    }
  });

  test.each<[string, Json, string]>([
    ['Route', { nope: 1 }, 'envoy.config.route.v3.Route has no field nope'],
    ['Route', { typed_per_filter_config: { a: {} } }, 'a google.protobuf.Any without its @type'],
    ['Route', { typed_per_filter_config: { a: { '@type': 'x/y.Z' } } }, 'y.Z: no message of a route table'],
    [
      'RedirectAction',
      { response_code: 'NOPE' },
      '"NOPE" is no envoy.config.route.v3.RedirectAction.RedirectResponseCode',
    ],
    ['RedirectAction', { port_redirect: 1.5 }, '1.5 is no integer'],
    ['RedirectAction', { https_redirect: 'yes' }, '"yes" is no boolean'],
    ['RouteAction', { timeout: '15' }, '"15" is no duration'],
    ['VirtualHost', { domains: 'a' }, '"a" is no list of string'],
    ['VirtualHost', [], '[] is no object (envoy.config.route.v3.VirtualHost)'],
  ])('%s %j is refused', (message, json, problem) => {
    expect(() => encode(prefix + message, json)).toThrow(new Error(problem));
  });

  test('every route table of the goldens', () => {
    const tables = allGoldens().flatMap(({ snapshot }) =>
      compiler()(snapshot).resources.filter(({ json }) => json['@type'] === types.routeConfiguration),
    );
    expect(tables.length).toBeGreaterThan(50);
    for (const { json } of tables) {
      const { '@type': _, ...table } = json as Record<string, Json>;
      expect(readBack(`${prefix}RouteConfiguration`, table)).toEqual(
        api.decode(`${prefix}RouteConfiguration`, api.encode(json)),
      );
    }
  });
});
