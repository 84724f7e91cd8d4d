/** AuthPolicies that look at everything there is to look at. */
import fc, { type Arbitrary } from 'fast-check';
import { few, present, some } from './some.ts';

const source = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      requestPrincipals: few('https://a.example/*', 'https://b.example/*', '*/alice', 'https://a.example/alice'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ notRequestPrincipals: few('https://a.example/bob', '*') }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { remoteIpBlocks: ['127.0.0.2'] },
      { ipBlocks: ['127.0.0.0/31'] },
      { notRemoteIpBlocks: ['127.0.0.2'] },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      { serviceAccounts: ['WORLD/batch'] },
      { namespaces: ['billing'] },
      { principals: ['cluster.local/ns/billing/*'] },
      { principals: ['*'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { notServiceAccounts: ['WORLD/batch'] },
      { notNamespaces: ['billing'] },
      { notPrincipals: ['cluster.local/ns/billing/sa/job'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { clientCertificates: ['*.partner.example'] },
      { notClientCertificates: ['*.partner.example'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { requestPrincipals: ['https://a.example/*'], serviceAccounts: ['WORLD/batch'] },
      { requestPrincipals: ['*/alice'], remoteIpBlocks: ['127.0.0.2'] },
    ),
  },
);

const operation = fc.oneof(
  { weight: 2, arbitrary: fc.record({ methods: few('GET', 'POST', 'P*', '*') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      paths: few(
        '/orders',
        '/orders*',
        '/orders/*',
        '*/items',
        '/orders/{*}/items',
        '/admin/{**}',
        '/api/*',
        '/fixed',
        '*',
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ notPaths: few('/orders/items', '/admin*', '*x', '/orders/{**}') }) },
  { weight: 1, arbitrary: fc.record({ notMethods: few('GET', 'DELETE', 'OPTIONS') }) },
  { weight: 1, arbitrary: fc.record({ hosts: few('a.example.com', '*.example.com', 'b.*') }) },
  { weight: 1, arbitrary: fc.record({ notHosts: few('a.example.com', '*.example.com') }) },
  { weight: 1, arbitrary: fc.record({ paths: few('/orders*', '/admin*'), methods: few('GET', 'POST') }) },
);

const condition = fc.constantFrom<object>(
  { header: 'x-team', values: ['red'] },
  { header: 'x-team', values: ['b*', 'Red'] },
  { header: 'x-team', notValues: ['red'] },
  { header: 'x-team', values: ['*'] },
  { header: 'x-tenant', values: ['*'] },
  { claim: 'roles', values: ['writer'] },
  { claim: 'roles', notValues: ['writer'] },
  { claim: 'tier', values: ['gold', 'sil*'] },
  { claim: 'scope', values: ['orders.read'] },
  { claim: '/realm/team', values: ['red'] },
  { claim: 'sub', notValues: ['bob'] },
);

const policyRule = fc
  .record({
    from: some(fc.array(source, { minLength: 1, maxLength: 2 }), 3),
    to: some(fc.array(operation, { minLength: 1, maxLength: 2 }), 3),
    when: some(fc.array(condition, { minLength: 1, maxLength: 2 }), 1),
  })
  .map(present);

function named(rules: readonly object[], word: string): readonly object[] {
  return rules.map((rule, index) => ({ name: `${word}-${index}`, ...rule }));
}

const issuerA = { name: 'a', issuer: 'https://a.example', jwks: { inline: 'JWKS-A' } };
const issuerB = { name: 'b', issuer: 'https://b.example', jwks: { inline: 'JWKS-B' } };

export const policySpec = fc.record({
  mode: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant('Shadow') }),
  sufficient: some(fc.constant(true)),
  authenticate: some(
    fc.constantFrom<object>(
      { jwt: [issuerA] },
      { jwt: [{ ...issuerA, audiences: ['orders'] }] },
      { jwt: [issuerB] },
      { jwt: [issuerA, issuerB] },
    ),
    4,
  ),
  allow: some(fc.array(policyRule, { minLength: 0, maxLength: 3 }), 5),
  deny: some(fc.array(policyRule, { minLength: 1, maxLength: 2 }), 1),
  target: fc.record({
    kind: fc.oneof(
      { weight: 1, arbitrary: fc.constant('ApiGateway') },
      { weight: 3, arbitrary: fc.constant('Route') },
      { weight: 1, arbitrary: fc.constant('Service') },
    ),
    index: fc.nat(5),
    section: fc.boolean(),
  }),
});

export type PolicySpec = typeof policySpec extends Arbitrary<infer T> ? T : never;

export function aimed(
  { target, allow, deny, authenticate, ...spec }: PolicySpec,
  gateways: number,
  rules: readonly number[],
): object {
  const authorize =
    allow === undefined && deny === undefined
      ? undefined
      : present({ allow: allow && named(allow, 'allow'), deny: deny && named(deny, 'deny') });
  // Without either of them a policy says nothing, and is refused.
  const says = authenticate ?? authorize;
  return present({
    ...spec,
    targetRefs: [targetOf(target, gateways, rules)],
    authenticate,
    authorize: says === undefined ? { allow: [{ name: 'anyone' }] } : authorize,
    sufficient: target.kind === 'ApiGateway' ? spec.sufficient : undefined,
  });
}

function targetOf({ kind, index, section }: PolicySpec['target'], gateways: number, rules: readonly number[]): object {
  if (kind === 'ApiGateway') {
    return { kind, name: `edge-${index % gateways}`, ...(section ? { sectionName: 'web' } : {}) };
  }
  if (kind === 'Service') return { kind, name: index % 2 === 0 ? 'orders' : 'cart' };
  const chosen = index % rules.length;
  const count = rules[chosen] ?? 1;
  return { kind, name: `route-${chosen}`, ...(section ? { sectionName: `rule-${index % count}` } : {}) };
}
