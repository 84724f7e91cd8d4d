/** What is rendered decides as the decision does: evaluated as Istio would (src/proof/istio.ts, which shares no code with this). */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EnforcementPoint, MeshRule, MeshWorkload } from '../../ir/mesh.ts';
import type { Conjunction } from '../../policy/decision.ts';
import { evaluate, type RequestFacts } from '../../policy/evaluate.ts';
import { decideInMesh } from '../../proof/istio.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { constraint, workload } from '../../testing/mesh-workload.ts';
import { meshObjects } from '../mesh.ts';

const constraints = [
  ['method', 'GET', 'P*', '*T', '*'],
  ['path', '/a', '/a/*', '*.json', '/a/{*}', '/{**}', '/a/{*}/c.json'],
  ['host', 'a.example.com', 'a.example.com:*', '*.com', 'b*', '*'],
  ['header x-team', 'a', 'a*', '*b', '*'],
  ['header x-none', 'a', '*'],
  ['claim scope', 'read', 'w*'],
  ['claim realm/roles', 'admin', '*'],
  ['issuer', 'corp', 'other'],
  ['principal', 'td/ns/a/sa/*', 'td/ns/a/sa/x', '*/sa/x', '*'],
].map(([about = '', ...values]) =>
  fc
    .tuple(fc.boolean(), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }))
    .map(([negated, some]) => constraint(`${about}${negated ? ' not' : ''} in ${some.join(' ')}`)),
);

/** Of which Istio has one that must match. */
const sets = ['method', 'path', 'host'];

const conjunction: fc.Arbitrary<Conjunction> = fc
  .array(fc.oneof(...constraints), { maxLength: 4 })
  .filter((all) =>
    sets.every((kind) => all.filter(({ attribute, negated }) => attribute.kind === kind && !negated).length < 2),
  )
  .map((all) => ({ constraints: all, sources: [] }));
const decision = fc.record({
  allow: fc.array(conjunction, { maxLength: 4 }),
  deny: fc.array(conjunction, { maxLength: 2 }),
});

const tokens = [
  { issuer: 'corp', claims: { scope: 'read write', realm: { roles: ['admin', 'guest'] } } },
  { issuer: 'other', claims: { scope: ['w'], realm: { roles: 'admin' } } },
  { issuer: 'other', claims: { realm: { roles: 7 } } },
] as const;
const issuers = { corp: 'https://login.example.com', other: 'https://other.example.com' };

const facts: fc.Arbitrary<RequestFacts> = fc
  .record({
    method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE'),
    path: fc.constantFrom('/', '/a', '/a/', '/a/b', '/a/b.json', '/a/b/c.json'),
    host: fc.constantFrom('a.example.com', 'A.example.com:80', 'b', 'c.org'),
    headers: fc
      .array(fc.constantFrom('a', 'ab', 'b', 'c', ''), { maxLength: 2 })
      .map((lines) => new Map<string, readonly string[]>(lines.length === 0 ? [] : [['x-team', lines]])),
    principal: fc.constantFrom('td/ns/a/sa/x', 'td/ns/a/sa/y', 'td/ns/b/sa/x', 'td/ns/b/sa/z'),
    token: fc.option(fc.constantFrom(...tokens), { nil: undefined }),
  })
  .map(({ token, ...request }) => ({
    ...request,
    directIp: '10.0.0.1',
    remoteIp: '10.0.0.1',
    ...(token && {
      token: { issuers: [token.issuer], claims: { ...token.claims, iss: issuers[token.issuer] } },
    }),
  }));

function admits(world: MeshWorkload, point: EnforcementPoint, request: RequestFacts, port: number): boolean {
  const { token, ...others } = request;
  const issuer = token === undefined ? undefined : issuers[token.issuers[0] as 'corp'];
  return decideInMesh(meshObjects(world, 'evengate'), point, {
    ...others,
    namespace: 'shop',
    labels: world.selector,
    services: world.services,
    port,
    ...(token && issuer !== undefined && { token: { issuer, claims: token.claims } }),
  }).admitted;
}

function worldOf(point: EnforcementPoint, rules: { readonly [K in 'allow' | 'deny']: readonly Conjunction[] }) {
  const settings = point === 'sidecar' ? {} : ({ mode: 'Ambient', waypoint: { name: 'wp', managed: true } } as const);
  const empty = workload({ issuers, settings });
  const onPorts = (conjunctions: readonly Conjunction[]): readonly MeshRule[] =>
    conjunctions.map((one) => ({ ports: empty.closed === 'all' ? [] : empty.closed, conjunction: one }));
  return { ...empty, decision: { allow: onPorts(rules.allow), deny: onPorts(rules.deny) } };
}

test.each([
  ['sidecar', 8080],
  ['waypoint', 80],
] as const)('at a %s', (point, port) => {
  fc.assert(
    fc.property(decision, fc.array(facts, { minLength: 8, maxLength: 8 }), (rules, requests) => {
      const world = worldOf(point, rules);
      for (const request of requests) {
        expect([request, admits(world, point, request, port)]).toEqual([request, evaluate(rules, request).admitted]);
        expect(admits(world, point, request, 9999)).toBe(true);
      }
    }),
    fuzz(300),
  );
});

test('nobody is not somebody else: without a certificate an exception of one caller admits no one', () => {
  const world = workload({ settings: { mtls: 'Permissive' }, allow: [{ when: ['principal not in td/ns/a/sa/x'] }] });
  const request = { method: 'GET', path: '/', host: 'h', headers: new Map(), directIp: '', remoteIp: '' };
  expect(admits(world, 'sidecar', request, 8080)).toBe(false);
  expect(admits(world, 'sidecar', { ...request, principal: 'td/ns/b/sa/y' }, 8080)).toBe(true);
});
