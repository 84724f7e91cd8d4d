import { expect, test } from '@jest/globals';
import { typeUrl } from '../envoy/json.ts';
import { loadEnvoyApi } from '../testing/envoy-api.ts';
import { bootstrap } from './bootstrap.ts';

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

test.each([{}, { memoryLimit: 2 ** 30 }])('passes the validation rules of Envoy with %j', (options) => {
  expect(
    loadEnvoyApi().check({
      '@type': typeUrl('envoy.config.bootstrap.v3.Bootstrap'),
      ...bootstrap(edge, '/xds', options),
    }),
  ).toEqual([]);
});
