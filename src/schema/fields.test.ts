import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCidr } from '../policy/cidr.ts';
import { fuzz } from '../testing/fuzz.ts';
import { absolutePath, cidr, hostname, milliseconds } from './fields.ts';

/** ipaddr.js reads octal parts behind `::`; Envoy and we do not. */
function readable(text: string): boolean {
  return parseCidr(text) !== undefined && !/[:.]0\d+\.|\.0\d/.test(text);
}

describe('an address or block is taken where the policy algebra can read it', () => {
  const texts = (
    '0.0.0.0/0 10.0.0.1 255.255.255.255/32 10.0.0.0/33 10.0.0.0/08 010.0.0.1 256.0.0.1 10.0.0 a/b :: ::/0 ::1/128 ::1/129 1:: ' +
    '1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7 1::2::3 :1 1: ::: 12345:: fe80::1%eth0 ::ffff:10.0.0.1 ' +
    '1:2:3:4:5:6:1.2.3.4 1:2:3:4:5:6:7:1.2.3.4 1.2.3.4::'
  ).split(' ');
  test.each(texts)('%s', (text) => {
    expect(cidr.safeParse(text).success).toBe(readable(text));
  });

  test('and any mixture of their parts', () => {
    const part = fc.constantFrom(
      '::',
      ':',
      '1',
      'ff',
      'abcd',
      '0',
      '10.0.0.1',
      '256.1.1.1',
      '/',
      '/0',
      '/33',
      '/128',
      '.',
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 17 }), (parts) => {
        const text = parts.join('');
        fc.pre(text.length >= 2 && text.length <= 49);
        expect([text, cidr.safeParse(text).success]).toEqual([text, readable(text)]);
      }),
      fuzz(2000),
    );
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 140 }), (address, bits) => {
        const text = `${address}/${bits}`;
        expect([text, cidr.safeParse(text).success]).toEqual([text, readable(text)]);
      }),
      fuzz(100),
    );
  });
});

test('a hostname is lower-case, may begin with *., and is no address', () => {
  const taken = (text: string) => hostname.safeParse(text).success;
  expect(['a', 'a-b.c', '*.a', '1.a', '1.2.3.4.5'].map(taken)).toEqual([true, true, true, true, true]);
  expect(['*', 'A', 'a.', '.a', '-a', 'a_b', '1.2.3.4', '*.*.a', 'a.*'].filter(taken)).toEqual([]);
});

test('a path is absolute and normalised', () => {
  const taken = (text: string) => absolutePath.safeParse(text).success;
  expect(
    ['/', '/a/', '/a.b/..c/.d', "/-_~!$&'()*+,=:@", '/%20', '/%2a%3B%5b%60%7B%C3%a9'].filter((text) => !taken(text)),
  ).toEqual([]);
  const wrong = [
    '',
    'a',
    '/a;b',
    '/a?b',
    '/a#b',
    '/a b',
    '/%2',
    '/%zz',
    '//',
    '/.',
    '/a/../b',
    '/a/./b',
    '/%2f',
    '/%5C',
    '/é',
    '/%41',
    '/%7e',
    '/%2D',
    '/%00',
  ];
  expect(wrong.filter(taken)).toEqual([]);
});

test('durations in milliseconds', () => {
  expect(['0s', '500ms', '1h30m', '2m3s4ms'].map(milliseconds)).toEqual([0, 500, 5_400_000, 123_004]);
});
