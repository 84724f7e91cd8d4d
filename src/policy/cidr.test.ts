import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fuzz } from '../testing/fuzz.ts';
import { type Cidr, cidrOfBits, containsAddress, containsCidr, disjoint, parseCidr } from './cidr.ts';

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) {
    throw new Error(`not a CIDR: ${text}`);
  }
  return parsed;
}

describe('parseCidr', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['2001:db8:0:0:1::/64', '2001:db8::/64'],
    ['::/0', '::/0'],
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:0a01:0203/128', '10.1.2.3/32'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:0:0/95', '::fffe:0:0/95'],
  ])('%s is %s', (text, canonical) => {
    expect(cidr(text).text).toBe(canonical);
    expect(cidr(canonical)).toEqual(cidr(text));
    expect(cidrOfBits(cidr(text).bits)).toEqual(cidr(text));
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.256',
    '010.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '1.2',
    ' 10.0.0.1',
    '::/129',
    'fe80::1%eth0',
    ':::1',
    'example.com',
    '*',
  ])('refuses %j', (text) => expect(parseCidr(text)).toBeUndefined());
});

test.each([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.0.0.0/8', '::ffff:10.1.1.1', true],
  ['0.0.0.0/0', '::ffff:10.1.1.1', true],
  ['::/0', '::ffff:10.1.1.1', false],
  ['::/0', '10.1.1.1', false],
  ['0.0.0.0/0', '::1', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['0.0.0.0/0', 'unknown', false],
])('%s contains %s: %s', (range, address, contained) => {
  expect(containsAddress(cidr(range), address)).toBe(contained);
});

test('containsCidr and disjoint agree with the addresses', () => {
  // Sixteen addresses: a range is one of them with its last four bits cut somewhere.
  const addresses = Array.from({ length: 16 }, (_, last) => `192.0.2.${last}`);
  const range = fc
    .record({ last: fc.integer({ min: 0, max: 15 }), length: fc.integer({ min: 28, max: 32 }) })
    .map(({ last, length }) => cidr(`192.0.2.${last}/${length}`));
  fc.assert(
    fc.property(range, range, (a, b) => {
      const inA = addresses.filter((address) => containsAddress(a, address));
      const inB = addresses.filter((address) => containsAddress(b, address));
      expect(containsCidr(a, b)).toBe(inB.every((address) => inA.includes(address)));
      expect(disjoint(a, b)).toBe(!inA.some((address) => inB.includes(address)));
    }),
    fuzz(100),
  );
});
