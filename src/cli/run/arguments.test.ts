import { expect, test } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { readBackend, readListenAddress, readPortMapping } from './arguments.ts';

test('backends are collected, several of one Service port, too', () => {
  const first = readBackend('shop/orders:80=127.0.0.1:8080');
  expect(readBackend('shop/orders:80=[::1]:8081', first)).toEqual([
    { service: 'shop/orders', port: 80, address: { host: '127.0.0.1', port: 8080 } },
    { service: 'shop/orders', port: 80, address: { host: '::1', port: 8081 } },
  ]);
});

test('port mappings are for one gateway or for all', () => {
  const first = readPortMapping('443=8443');
  expect(readPortMapping('gateways/edge:80=0', first)).toEqual([
    { gateway: undefined, port: 443, bound: 8443 },
    { gateway: 'gateways/edge', port: 80, bound: 0 },
  ]);
});

test('addresses, of IPv6 with brackets or without', () => {
  expect(['127.0.0.1', '::1', '[::1]', '0.0.0.0'].map(readListenAddress)).toEqual([
    '127.0.0.1',
    '::1',
    '::1',
    '0.0.0.0',
  ]);
});

test.each([
  [
    readBackend,
    [
      '',
      'orders:80=127.0.0.1:1',
      'shop/orders=127.0.0.1:1',
      'shop/orders:80',
      'shop/orders:0=a:1',
      'shop/orders:80=a',
      'a/b/c:80=a:1',
    ],
  ],
  [readPortMapping, ['', '80', '80=', '0=80', '80=65536', '65536=80', 'edge:80=81', '80:81', '-1=2']],
  [readListenAddress, ['', 'localhost', '127.0.0.1:80', '300.1.1.1']],
] as const)('%p refuses what it cannot read, and says how it is written', (read, texts) => {
  for (const text of texts) {
    expect(() => read(text)).toThrow(InvalidArgumentError);
    expect(() => read(text)).toThrow(/^Write .*\.$/);
  }
});
