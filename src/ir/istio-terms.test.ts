import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attribute } from '../policy/attribute.ts';
import { type Pattern, parsePathPattern, parsePattern } from '../policy/pattern.ts';
import { expressible, istioText } from './istio-terms.ts';

const path: Attribute = { kind: 'path' };
const team: Attribute = { kind: 'header', name: 'x-team' };

function says(attribute: Attribute, ...anyOf: readonly Pattern[]): boolean {
  return expressible({ attribute, negated: false, anyOf });
}

const exact = (value: string): Pattern => ({ kind: 'exact', value });

test('what Istio reads is the pattern that was written, or nothing is written', () => {
  const kinds = fc.constantFrom('exact' as const, 'prefix' as const, 'suffix' as const);
  const pattern = fc.oneof(
    fc.record({ kind: kinds, value: fc.string({ unit: fc.constantFrom('a', '*', '/') }) }),
    fc.constant<Pattern>({ kind: 'present' }),
  );
  fc.assert(
    fc.property(pattern, (written) => {
      const text = istioText(written);
      if (text !== undefined) expect(parsePattern(text)).toEqual(written);
    }),
  );
});

describe('values', () => {
  test('a star within is itself, one at an end is not', () => {
    expect(says(path, exact('/a*b'))).toBe(true);
    expect(says(path, exact('/a*'))).toBe(false);
    expect(says(team, exact('*a'))).toBe(false);
    expect(says(team, exact('*'))).toBe(false);
    expect(says(team, { kind: 'prefix', value: '*a' })).toBe(false);
    expect(says(team, { kind: 'suffix', value: '*a' })).toBe(true);
  });

  test('none are empty, and a list has some', () => {
    expect(says(team, exact(''))).toBe(false);
    expect(says(path, { kind: 'prefix', value: '' })).toBe(false);
    expect(says(team)).toBe(false);
  });

  test('one that cannot be said spoils the list', () => {
    expect(says(path, exact('/a'), exact('/b*'))).toBe(false);
  });
});

test('paths: templates as they are, and no other braces', () => {
  expect(says(path, parsePathPattern('/a/{*}/{**}'))).toBe(true);
  expect(says(path, exact('/a{b}'))).toBe(false);
  expect(says(path, { kind: 'prefix', value: '/{**}' })).toBe(false);
  expect(says(team, exact('{"a":1}'))).toBe(true);
});

test('hosts: an ending with any port behind it has no form', () => {
  expect(says({ kind: 'host' }, { kind: 'suffix-any-port', value: '.example.com' })).toBe(false);
  expect(says({ kind: 'host' }, exact('a.example.com'), { kind: 'prefix', value: 'a.example.com:' })).toBe(true);
});

test('claims: no brackets in a name, and no empty one', () => {
  const claim = (...names: readonly string[]): Attribute => ({ kind: 'claim', path: names });
  expect(says(claim('https://example.com/roles', 'a b'), exact('x'))).toBe(true);
  expect(says(claim('a[b'), exact('x'))).toBe(false);
  expect(says(claim('a]'), exact('x'))).toBe(false);
  expect(says(claim('a', ''), exact('x'))).toBe(false);
});

test('issuers: by id, exactly', () => {
  expect(says({ kind: 'issuer' }, exact('0123'))).toBe(true);
  expect(says({ kind: 'issuer' }, { kind: 'present' })).toBe(false);
});

test('what no proxy of the mesh sees, and callers that were not made principals', () => {
  const kinds = ['directIp', 'remoteIp', 'clientCertificate', 'serviceAccount', 'namespace'] as const;
  expect(kinds.filter((kind) => says({ kind }, exact('a')))).toEqual([]);
  expect(says({ kind: 'principal' }, exact('cluster.local/ns/a/sa/b'))).toBe(true);
});
