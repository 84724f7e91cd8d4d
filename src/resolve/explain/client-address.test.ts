import { expect, test } from '@jest/globals';
import { clientBehind } from './client-address.ts';

const peer = '192.0.2.1';

test.each<readonly [hops: number, lines: readonly string[], client: string]>([
  [0, ['203.0.113.9'], peer],
  [1, [], peer],
  [1, [''], peer],
  [1, ['203.0.113.9'], '203.0.113.9'],
  [1, ['203.0.113.9, 198.51.100.7'], '198.51.100.7'],
  [1, ['203.0.113.9', '198.51.100.7'], '198.51.100.7'],
  [2, ['203.0.113.9 ,198.51.100.7'], '203.0.113.9'],
  [2, ['203.0.113.9', '198.51.100.7'], '203.0.113.9'],
  [2, ['203.0.113.9'], peer],
  [2, ['203.0.113.9,,198.51.100.7'], peer],
  [2, ['203.0.113.9, not-an-address'], '203.0.113.9'],
  [1, ['2001:db8::1'], '2001:db8::1'],
  [1, ['203.0.113.9:80'], peer],
  [1, ['[2001:db8::1]:443'], peer],
  [1, ['203.0.113.0/24'], peer],
  [1, ['01.2.3.4'], peer],
])('%d trusted hops, %j: %s', (hops, lines, client) => {
  expect(clientBehind(hops, lines, peer)).toBe(client);
});
