import { expect, test } from '@jest/globals';
import type { Service } from '../../kube/core.ts';
import { service, snapshotOf } from '../../testing/build.ts';
import { annotationFindings, endpointsOf, localAddress, parseAddress, unknownBackends } from './endpoints.ts';

const ports = [
  { port: 80, name: 'web' },
  { port: 9090, name: 'metrics' },
];
const annotated = (value: string) =>
  snapshotOf([service({ ports }, { annotations: { [localAddress]: value } })]).Service as ReadonlyMap<string, Service>;

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['localhost:8080', { host: 'localhost', port: 8080 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['127.0.0.1', undefined],
  ['::1:8080', undefined],
  ['127.0.0.1:0', undefined],
  ['127.0.0.1:70000', undefined],
  ['http://localhost:80', undefined],
  ['', undefined],
])('%s is %j', (text, expected) => {
  expect(parseAddress(text)).toEqual(expected);
});

const at = (port: number) => ({ host: '127.0.0.1', port });

test.each([
  ['one for every port', '127.0.0.1:1', [at(1)], [at(1)]],
  ['several', '127.0.0.1:1, 127.0.0.1:2', [at(1), at(2)], [at(1), at(2)]],
  ['by number and by name', '80=127.0.0.1:1, metrics=127.0.0.1:2', [at(1)], [at(2)]],
  ['one port only', '80=127.0.0.1:1,80=127.0.0.1:2', [at(1), at(2)], []],
  ['nothing', '', [], []],
  ['what cannot be read is left out', 'nonsense, 127.0.0.1:1', [at(1)], [at(1)]],
])('annotation: %s', (_, value, web, metrics) => {
  const services = annotated(value);
  const of = (port: number) => endpointsOf({ namespace: 'shop', service: 'orders', port }, [], services);
  expect([of(80), of(9090)]).toEqual([web, metrics]);
});

test('the command line counts more than the annotation, for its own port', () => {
  const options = [1, 2].map((port) => ({ service: 'shop/orders', port: 80, address: at(port) }));
  const of = (port: number) =>
    endpointsOf({ namespace: 'shop', service: 'orders', port }, options, annotated('127.0.0.1:9'));
  expect([of(80), of(9090)]).toEqual([[at(1), at(2)], [at(9)]]);
});

test.each([
  ['nonsense', '"nonsense" in evengate.dev/local-address is no address'],
  ['81=127.0.0.1:1', '"81=127.0.0.1:1" in evengate.dev/local-address names no port of the Service'],
])('annotation %s is found out', (value, message) => {
  expect(annotationFindings(annotated(value))).toEqual([
    expect.objectContaining({
      about: { kind: 'Service', namespace: 'shop', name: 'orders' },
      severity: 'error',
      message,
    }),
  ]);
});

test('a good annotation is no finding', () => {
  expect(annotationFindings(annotated('web=127.0.0.1:1, 9090=[::1]:2'))).toEqual([]);
});

test('backends that are not there are named once, with those that are', () => {
  const option = (name: string, port: number) => ({ service: name, port, address: at(1) });
  expect(unknownBackends([option('shop/orders', 80)], annotated(''))).toEqual([]);
  expect(
    unknownBackends([option('shop/nope', 80), option('shop/nope', 80), option('shop/orders', 81)], annotated('')),
  ).toEqual([
    '--backend shop/nope:80 names no Service and port of the manifests; known are shop/orders:80, shop/orders:9090',
    '--backend shop/orders:81 names no Service and port of the manifests; known are shop/orders:80, shop/orders:9090',
  ]);
  expect(unknownBackends([option('a/b', 1)], new Map())).toEqual([
    '--backend a/b:1 names no Service and port of the manifests; there are no Services',
  ]);
});
