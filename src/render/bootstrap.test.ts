import { expect, test } from '@jest/globals';
import { typeUrl } from '../envoy/json.ts';
import { loadEnvoyApi } from '../testing/envoy-api.ts';
import { type BootstrapOptions, bootstrap } from './bootstrap.ts';

const edge = { kind: 'ApiGateway', namespace: 'gateways', name: 'edge' };

test('names the gateway and its files', () => {
  expect(bootstrap(edge, '/xds')).toMatchObject({
    node: { id: 'gateways/edge', cluster: 'gateways/edge' },
    dynamic_resources: {
      lds_config: { path_config_source: { path: '/xds/..data/lds.json', watched_directory: { path: '/xds' } } },
      cds_config: { path_config_source: { path: '/xds/..data/cds.json', watched_directory: { path: '/xds' } } },
    },
  });
});

test('the heap is bounded only when the memory is known', () => {
  expect(JSON.stringify(bootstrap(edge, '/xds'))).not.toContain('fixed_heap');
  expect(JSON.stringify(bootstrap(edge, '/xds', { memoryLimit: 1_000_000 }))).toContain('"max_heap_size_bytes":800000');
});

const address = '0.0.0.0';
const pod: BootstrapOptions = {
  memoryLimit: 2 ** 30,
  admin: {
    path: '/run/admin.sock',
    operations: { address, port: 1 },
    drain: { address, port: 2, token: 'let-me', seconds: 20 },
  },
};

test('without an admin interface of its own there are no ways to one', () => {
  expect(Object.keys(bootstrap(edge, '/xds'))).not.toContain('static_resources');
  expect(JSON.stringify(bootstrap(edge, '/xds'))).not.toContain('admin');
});

test('the admin interface is a socket for its user alone, and no TCP port leads to it but those asked for', () => {
  const written = bootstrap(edge, '/xds', pod);
  expect(written).toMatchObject({ admin: { address: { pipe: { path: '/run/admin.sock', mode: 0o600 } } } });
  expect(JSON.stringify(written).match(/"port_value":\d+/g)).toEqual(['"port_value":1', '"port_value":2']);
});

test.each([{}, pod, { memoryLimit: 2 ** 30 }])('passes the validation rules of Envoy with %j', (options) => {
  expect(
    loadEnvoyApi().check({
      '@type': typeUrl('envoy.config.bootstrap.v3.Bootstrap'),
      ...bootstrap(edge, '/xds', options),
    }),
  ).toEqual([]);
});
