import { describe, expect, test } from '@jest/globals';
import type { Attribute } from './attribute.ts';
import { attributeKey } from './attribute.ts';
import type { Conjunction, Constraint } from './decision.ts';
import { evaluate, type RequestFacts } from './evaluate.ts';
import { parsePathPattern } from './pattern.ts';

const base: RequestFacts = {
  method: 'GET',
  path: '/orders/7',
  host: 'API.shop.example.com:8443',
  headers: new Map([
    ['x-team', ['shop', 'billing']],
    ['x-empty', ['']],
  ]),
  directIp: '::ffff:10.0.0.7',
  remoteIp: '203.0.113.9',
  token: {
    issuers: ['shop/corp'],
    claims: {
      sub: 'jo smith',
      scope: 'orders.read  orders.write',
      permission: ['a b', 7],
      realm: { roles: ['admin', 'ops'], scope: 'one two' },
      level: 3,
      admin: true,
      'a.b': 'dotted',
    },
  },
};

function constraint(attribute: Attribute, negated: boolean, ...members: readonly string[]): Constraint {
  return { attribute, negated, anyOf: members.map(parsePathPattern) };
}

function holds(one: Constraint, request = base): boolean {
  return evaluate({ deny: [], allow: [{ constraints: [one], sources: [] }] }, request).admitted;
}

const claim = (...path: readonly string[]): Attribute => ({ kind: 'claim', path });
const header = (name: string): Attribute => ({ kind: 'header', name });

describe('a positive constraint needs a value that matches, and its negation is the opposite', () => {
  test.each<[Attribute, readonly string[], boolean]>([
    [{ kind: 'method' }, ['POST', 'GET'], true],
    [{ kind: 'method' }, ['get'], false],
    [{ kind: 'path' }, ['/orders/{*}'], true],
    [{ kind: 'path' }, ['/orders'], false],
    [{ kind: 'host' }, ['api.shop.example.com'], false],
    [{ kind: 'host' }, ['api.shop.example.com', 'api.shop.example.com:*'], true],
    [{ kind: 'directIp' }, ['10.0.0.0/8'], true],
    [{ kind: 'remoteIp' }, ['10.0.0.0/8'], false],
    [{ kind: 'issuer' }, ['shop/corp'], true],
    [{ kind: 'issuer' }, ['shop/other'], false],
    [header('x-team'), ['billing'], true],
    [header('x-team'), ['shop,billing'], false],
    [header('x-empty'), ['*'], true],
    [header('x-empty'), ['a*'], false],
    [header('x-absent'), ['*'], false],
    [claim('scope'), ['orders.write'], true],
    [claim('scope'), ['orders.read  orders.write'], false],
    [claim('scope'), [''], false],
    [claim('sub'), ['jo smith'], true],
    [claim('sub'), ['jo'], false],
    [claim('permission'), ['a b'], true],
    [claim('permission'), ['a'], false],
    [claim('permission'), ['7'], false],
    [claim('realm', 'roles'), ['ops'], true],
    [claim('realm', 'scope'), ['one'], false],
    [claim('realm', 'scope'), ['one two'], true],
    [claim('realm'), ['*'], false],
    [claim('level'), ['3'], false],
    [claim('admin'), ['*'], false],
    [claim('a.b'), ['dotted'], true],
    [claim('a', 'b'), ['dotted'], false],
    [claim('sub', 'length'), ['*'], false],
    [claim('realm', 'roles', '0'), ['admin'], false],
    [claim('__proto__', 'x'), ['*'], false],
  ])('%j any of %j: %s', (attribute, members, expected) => {
    expect(holds(constraint(attribute, false, ...members))).toBe(expected);
    expect(holds(constraint(attribute, true, ...members))).toBe(!expected);
  });

  test('without a token there is no issuer and no claim', () => {
    const { token: _, ...anonymous } = base;
    expect(holds(constraint({ kind: 'issuer' }, false, '*'), anonymous)).toBe(false);
    expect(holds(constraint(claim('sub'), false, '*'), anonymous)).toBe(false);
    expect(holds(constraint(claim('sub'), true, '*'), anonymous)).toBe(true);
  });
});

test('deny wins, allow admits, and the verdict names which one', () => {
  const get: Conjunction = { constraints: [constraint({ kind: 'method' }, false, 'GET')], sources: [] };
  const post: Conjunction = { constraints: [constraint({ kind: 'method' }, false, 'POST')], sources: [] };
  expect(evaluate({ deny: [post, get], allow: [get] }, base)).toEqual({ admitted: false, by: get, because: 'denied' });
  expect(evaluate({ deny: [post], allow: [post, get] }, base)).toEqual({ admitted: true, by: get, because: 'allowed' });
  expect(evaluate({ deny: [], allow: [post] }, base)).toEqual({
    admitted: false,
    by: undefined,
    because: 'not-allowed',
  });
  expect(evaluate({ deny: [], allow: [] }, base).admitted).toBe(false);
});

test('attribute keys are readable and never alike', () => {
  const attributes: readonly Attribute[] = [
    { kind: 'method' },
    { kind: 'path' },
    { kind: 'host' },
    { kind: 'directIp' },
    { kind: 'remoteIp' },
    { kind: 'issuer' },
    header('path'),
    claim('path'),
    claim('a', 'b'),
    claim('a.b'),
    claim('a,b'),
    claim('a","b'),
  ];
  const keys = attributes.map(attributeKey);
  expect(keys.slice(0, 9)).toEqual([
    'method',
    'path',
    'host',
    'directIp',
    'remoteIp',
    'issuer',
    'header:path',
    'claim:["path"]',
    'claim:["a","b"]',
  ]);
  expect(new Set(keys).size).toBe(keys.length);
});
