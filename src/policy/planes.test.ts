import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fuzz } from '../testing/fuzz.ts';
import { type Attribute, observability } from './attribute.ts';
import { type Conjunction, type Constraint, type Decision, needsIssuer } from './decision.ts';
import { evaluate, type RequestFacts } from './evaluate.ts';
import { parsePattern } from './pattern.ts';
import { eastWest, edgeDecision, namesIdentity, northSouth } from './planes.ts';

const domain: readonly (readonly [Attribute, readonly string[]])[] = [
  [{ kind: 'method' }, ['GET', 'POST', '*']],
  [{ kind: 'path' }, ['/a', '/a*', '/b']],
  [{ kind: 'header', name: 'x-team' }, ['a', 'b']],
  [{ kind: 'issuer' }, ['p', 'q']],
  [{ kind: 'remoteIp' }, ['10.0.0.0/8', '203.0.113.7']],
  [{ kind: 'clientCertificate' }, ['spiffe://partner/a', 'spiffe://partner/*', '*']],
  [{ kind: 'serviceAccount' }, ['billing/batch', 'shop/web']],
  [{ kind: 'namespace' }, ['billing', 'shop']],
  [{ kind: 'principal' }, ['td/ns/billing/*', 'td/ns/shop/sa/web', '*']],
];

const constraint: fc.Arbitrary<Constraint> = fc.constantFrom(...domain).chain(([attribute, values]) =>
  fc.record({
    attribute: fc.constant(attribute),
    negated: fc.boolean(),
    anyOf: fc.array(fc.constantFrom(...values).map(parsePattern), { minLength: 1, maxLength: 2 }),
  }),
);
const conjunction: fc.Arbitrary<Conjunction> = fc.record({
  constraints: fc.array(constraint, { maxLength: 4 }),
  sources: fc.constant([]),
});
const decision: fc.Arbitrary<Decision> = fc.record({
  deny: fc.array(conjunction, { maxLength: 2 }),
  allow: fc.array(conjunction, { maxLength: 4 }),
});

const portable = {
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  path: fc.constantFrom('/a', '/ab', '/b'),
  host: fc.constant('h'),
  headers: fc.constantFrom([], ['a'], ['a', 'b']).map((lines) => new Map([['x-team', lines]])),
};
const token = fc.record({ issuers: fc.constantFrom(['p'], ['q']), claims: fc.constant({}) });
const address = fc.constantFrom('10.1.1.1', '203.0.113.7', '192.0.2.1');
const outside: fc.Arbitrary<RequestFacts> = fc.record(
  {
    ...portable,
    directIp: address,
    remoteIp: address,
    token,
    clientCertificate: fc.constantFrom([], ['spiffe://partner/a'], ['dns', 'spiffe://partner/b']),
  },
  { requiredKeys: ['method', 'path', 'host', 'headers', 'directIp', 'remoteIp'] },
);
/** Of whom nothing is known that only an edge sees. */
const inside: fc.Arbitrary<RequestFacts> = fc.record(
  {
    ...portable,
    directIp: fc.constant(''),
    remoteIp: fc.constant(''),
    token,
    principal: fc.constantFrom('td/ns/billing/sa/batch', 'td/ns/shop/sa/web', 'td/ns/shop/sa/other'),
  },
  { requiredKeys: ['method', 'path', 'host', 'headers', 'directIp', 'remoteIp'] },
);

const about = ({ deny, allow }: Decision) =>
  [...deny, ...allow].flatMap(({ constraints }) => constraints.map(({ attribute }) => observability(attribute)));

describe('of the whole decision', () => {
  test('the edge says the same of every request from outside, without a word of the mesh', () => {
    fc.assert(
      fc.property(decision, outside, (one, request) => {
        expect(evaluate(edgeDecision(one), request).admitted).toBe(evaluate(one, request).admitted);
        expect(about(edgeDecision(one))).not.toContain('mesh');
      }),
      fuzz(1500),
    );
  });

  test('the mesh admits from an edge whatever the edge admits, by portable constraints alone', () => {
    fc.assert(
      fc.property(decision, outside, (one, request) => {
        const { allow, deny } = northSouth(one);
        const repeated = { allow: allow.map((each) => each.conjunction), deny: deny.map((each) => each.conjunction) };
        expect(evaluate(repeated, request).admitted || !evaluate(one, request).admitted).toBe(true);
        expect(new Set([...about(repeated), 'portable'])).toEqual(new Set(['portable']));
      }),
      fuzz(1500),
    );
  });

  test('and exactly that where nothing is lost', () => {
    fc.assert(
      fc.property(decision, outside, (one, request) => {
        fc.pre(!about(one).includes('edge'));
        const { allow, deny } = northSouth(one);
        const repeated = { allow: allow.map((each) => each.conjunction), deny: deny.map((each) => each.conjunction) };
        expect(evaluate(repeated, request).admitted).toBe(evaluate(one, request).admitted);
        expect([...allow, ...deny].flatMap(({ lost }) => lost)).toEqual([]);
      }),
      fuzz(1500),
    );
  });

  test('the mesh says the same of every caller inside it, without a word of what only an edge sees', () => {
    fc.assert(
      fc.property(decision, inside, (one, request) => {
        const named = (each: Decision): Decision => ({ ...each, allow: each.allow.filter(namesIdentity) });
        expect(evaluate(eastWest(one), request).admitted).toBe(evaluate(one, request).admitted);
        expect(evaluate(named(eastWest(one)), request).admitted).toBe(evaluate(named(one), request).admitted);
        expect(about(eastWest(one))).not.toContain('edge');
      }),
      fuzz(1500),
    );
  });
});

test('what concerns no other plane is the same object', () => {
  const one: Decision = {
    deny: [],
    allow: [
      {
        constraints: [{ attribute: { kind: 'remoteIp' }, negated: false, anyOf: [parsePattern('10.0.0.0/8')] }],
        sources: [],
      },
    ],
  };
  expect(edgeDecision(one)).toBe(one);
});

test('what was lost on the way into the mesh, and a deny that lost any of it is gone', () => {
  const is = (attribute: Attribute, value: string): Constraint => ({
    attribute,
    negated: false,
    anyOf: [parsePattern(value)],
  });
  const get = is({ kind: 'method' }, 'GET');
  const office = is({ kind: 'remoteIp' }, '10.0.0.0/8');
  const one: Decision = {
    allow: [{ constraints: [get, office], sources: [] }],
    deny: [
      { constraints: [get], sources: [] },
      { constraints: [get, { ...office, negated: true }], sources: [] },
      { constraints: [get, office], sources: [] },
    ],
  };
  const repeated = { constraints: [get], sources: [] };
  expect(northSouth(one)).toEqual({
    allow: [{ conjunction: repeated, lost: [office] }],
    deny: [{ conjunction: repeated, lost: [] }],
  });
});

test('a token is needed where every conjunction that outsiders can meet needs one', () => {
  const batch: Conjunction = {
    constraints: [{ attribute: { kind: 'serviceAccount' }, negated: false, anyOf: [parsePattern('billing/batch')] }],
    sources: [],
  };
  const corp: Conjunction = {
    constraints: [{ attribute: { kind: 'issuer' }, negated: false, anyOf: [parsePattern('p')] }],
    sources: [],
  };
  expect(needsIssuer({ deny: [], allow: [batch, corp] })).toBe(true);
  expect(needsIssuer({ deny: [], allow: [batch] })).toBe(false);
});
