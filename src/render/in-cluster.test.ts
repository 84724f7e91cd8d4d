import { expect, test } from '@jest/globals';
import { typeUrl } from '../envoy/json.ts';
import { gateway, route, service, snapshotOf } from '../testing/build.ts';
import { compiler } from '../testing/compile.ts';
import { loadEnvoyApi } from '../testing/envoy-api.ts';
import { containerPort } from './envoy-process.ts';
import { inCluster, podBootstrap } from './in-cluster.ts';

test.each([
  [1, 10_001],
  [80, 10_080],
  [443, 10_443],
  [1023, 11_023],
  [1024, 1024],
  [8080, 8080],
])('port %d is %d in the pod, where nobody is root', (port, bound) => {
  expect(containerPort(port)).toBe(bound);
});

const { resources } = compiler(inCluster)(snapshotOf([gateway(), route(), service()]));

test('each listener binds its port in the pod, and LDS has the readiness listener', () => {
  const addresses = resources
    .filter(({ file }) => file === 'lds.json')
    .map(({ json }) => [json['name'], json['address']]);
  expect(addresses).toEqual([
    ['tcp-80', { socket_address: { address: '0.0.0.0', port_value: 10_080 } }],
    ['evengate-readiness', { socket_address: { address: '0.0.0.0', port_value: 19_003 } }],
  ]);
});

test('passes the validation rules of Envoy', () => {
  const api = loadEnvoyApi();
  expect(resources.flatMap(({ json }) => api.check(json))).toEqual([]);
  const started = podBootstrap({ kind: 'ApiGateway', namespace: 'gateways', name: 'edge' }, { drainToken: 'let-me' });
  expect(api.check({ '@type': typeUrl('envoy.config.bootstrap.v3.Bootstrap'), ...started })).toEqual([]);
});
