import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MeshRule } from '../../ir/mesh.ts';
import type { Attribute } from '../../policy/attribute.ts';
import type { Constraint } from '../../policy/decision.ts';
import { evaluate, type RequestFacts } from '../../policy/evaluate.ts';
import { parsePattern } from '../../policy/pattern.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { toldConjunction } from '../../testing/mesh/told.ts';
import { mergeRules } from './merge.ts';

const port = (number: number) => ({ service: 'orders', port: number, targets: [number] });
const is = (attribute: Attribute, ...texts: readonly string[]): Constraint => ({
  attribute,
  negated: false,
  anyOf: texts.map(parsePattern),
});
const method = { kind: 'method' } as const;
const path = { kind: 'path' } as const;
const team = { kind: 'header', name: 'x-team' } as const;

function rule(ports: readonly number[], ...constraints: readonly Constraint[]): MeshRule {
  return { ports: ports.map(port), conjunction: { constraints, sources: [] } };
}

function told(rules: readonly MeshRule[]): readonly string[] {
  return rules.map((one) => `${one.ports.map((each) => each.port).join(' ')} ${toldConjunction(one.conjunction)}`);
}

describe('rules', () => {
  test.each<[string, readonly MeshRule[], readonly string[]]>([
    ['that differ in one set', [rule([80], is(method, 'GET')), rule([80], is(method, 'PUT'))], ['80 method: GET PUT']],
    ['of two ports', [rule([80], is(method, 'GET')), rule([90], is(method, 'GET'))], ['80 90 method: GET']],
    ['of which one implies another', [rule([80], is(method, 'GET')), rule([80])], ['80 ']],
    [
      'that make a square',
      ['GET', 'PUT'].flatMap((verb) => ['/a', '/b'].map((at) => rule([80], is(method, verb), is(path, at)))),
      ['80 method: GET PUT & path: /a /b'],
    ],
    [
      'that differ in two sets',
      [rule([80], is(method, 'GET'), is(path, '/a')), rule([80], is(method, 'PUT'), is(path, '/b'))],
      ['80 method: GET & path: /a', '80 method: PUT & path: /b'],
    ],
    [
      'that ask for two headers of one name',
      [rule([80], is(team, 'a'), is(team, 'b')), rule([80], is(team, 'a'), is(team, 'c'))],
      ['80 header:x-team: a & header:x-team: b', '80 header:x-team: a & header:x-team: c'],
    ],
  ])('%s', (_, rules, expected) => {
    expect(told(mergeRules(rules))).toEqual(expected);
  });
});

const constraint: fc.Arbitrary<Constraint> = fc
  .constantFrom<readonly [Attribute, readonly string[]]>(
    [method, ['GET', 'PUT', '*']],
    [path, ['/a', '/a*', '/b', '*b']],
    [team, ['a', 'b']],
  )
  .chain(([attribute, values]) =>
    fc.record({
      attribute: fc.constant(attribute),
      negated: fc.boolean(),
      anyOf: fc.array(fc.constantFrom(...values).map(parsePattern), { minLength: 1, maxLength: 2 }),
    }),
  );
const rules = fc.array(
  fc.record({
    ports: fc.constantFrom([port(80)], [port(90)], [port(80), port(90)]),
    conjunction: fc.record({ constraints: fc.array(constraint, { maxLength: 3 }), sources: fc.constant([]) }),
  }),
  { maxLength: 8 },
);
const request: fc.Arbitrary<RequestFacts> = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST'),
  path: fc.constantFrom('/a', '/ab', '/b', '/c'),
  host: fc.constant('h'),
  headers: fc.constantFrom([], ['a'], ['b'], ['a', 'b']).map((lines) => new Map([['x-team', lines]])),
  directIp: fc.constant(''),
  remoteIp: fc.constant(''),
});

test('fewer rules say the same, in whatever order they came', () => {
  const admits = (all: readonly MeshRule[], number: number, facts: RequestFacts) =>
    evaluate(
      {
        deny: [],
        allow: all.filter(({ ports }) => ports.some((one) => one.port === number)).map((one) => one.conjunction),
      },
      facts,
    ).admitted;
  fc.assert(
    fc.property(rules, fc.array(request, { minLength: 10, maxLength: 10 }), (all, requests) => {
      const merged = mergeRules(all);
      expect(told(mergeRules(all.toReversed()))).toEqual(told(merged));
      for (const facts of requests) {
        for (const number of [80, 90]) expect(admits(merged, number, facts)).toBe(admits(all, number, facts));
      }
    }),
    fuzz(1500),
  );
});
