import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { attributeKey } from '../policy/attribute.ts';
import type { Conjunction } from '../policy/decision.ts';
import { formatPattern } from '../policy/pattern.ts';
import { authPolicy, gateway, gatewayTarget, jwt, route, routeTarget, service } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';

const login = jwt({ audiences: ['orders'] });
const partner = jwt({ name: 'partner', issuer: 'https://partner.example.com' });

/** `by batch: serviceAccount billing/batch; not path /a*`, the ids of issuers as their places. */
function told({ constraints, sources }: Conjunction, ids: readonly string[]): string {
  const words = constraints.map(({ attribute, negated, anyOf }) => {
    const values = anyOf.map(formatPattern).map((text) => (ids.includes(text) ? `#${ids.indexOf(text)}` : text));
    return `${negated ? 'not ' : ''}${attributeKey(attribute)} ${values.join(' ')}`;
  });
  return `by ${sources.map(({ rule }) => rule).join('+')}: ${words.join('; ')}`;
}

function decided(spec: object): { readonly allow: readonly string[]; readonly deny: readonly string[] } {
  const { resolution } = compile([authPolicy({ authorize: undefined, ...spec })]);
  const policy = resolution.authPolicies.get('shop/orders')?.policy;
  const ids = policy?.issuers.map(({ id }) => id) ?? [];
  const texts = (list: readonly Conjunction[] = []) => list.map((one) => told(one, ids)).toSorted();
  return { allow: texts(policy?.decision.allow), deny: texts(policy?.decision.deny) };
}

const token = ['claim:["aud"] orders', 'issuer #0'].join('; ');

describe('authenticate binds', () => {
  test.each<[string, object, readonly string[]]>([
    ['everyone', {}, [`by authenticate: ${token}`]],
    ['who is not named', { allow: [{ name: 'get', to: [{ methods: ['GET'] }] }] }, [`by get: ${token}; method GET`]],
    [
      'who is named by address',
      { allow: [{ name: 'near', from: [{ ipBlocks: ['10.0.0.0/8'] }] }] },
      [`by near: ${token.replace('; ', '; directIp 10.0.0.0/8; ')}`],
    ],
    [
      'who is named by a certificate from outside',
      { allow: [{ name: 'partner', from: [{ clientCertificates: ['spiffe://partner/*'] }] }] },
      [`by partner: ${token.replace('; ', '; clientCertificate spiffe://partner/*; ')}`],
    ],
    [
      'who is not somebody inside the mesh',
      { allow: [{ name: 'others', from: [{ notNamespaces: ['sandbox'] }] }] },
      [`by others: ${token}; not namespace sandbox`],
    ],
    [
      'but nobody who is named inside the mesh',
      {
        allow: [
          { name: 'a', from: [{ serviceAccounts: ['billing/batch', 'web'] }], to: [{ methods: ['GET'] }] },
          { name: 'b', from: [{ namespaces: ['billing'] }], to: [{ methods: ['PUT'] }] },
          { name: 'c', from: [{ principals: ['td/ns/billing/*'] }] },
        ],
      },
      [
        'by a: method GET; serviceAccount billing/batch shop/web',
        'by b: method PUT; namespace billing',
        'by c: principal td/ns/billing/*',
      ],
    ],
    [
      'unless the rule looks at the token, too',
      {
        allow: [
          { name: 'a', from: [{ namespaces: ['billing'] }], when: [{ claim: 'scope', values: ['read'] }] },
          { name: 'b', from: [{ namespaces: ['b'], notRequestPrincipals: ['https://login.example.com/x'] }] },
        ],
      },
      [
        'by a: claim:["aud"] orders; claim:["scope"] read; issuer #0; namespace billing',
        'by b: claim:["aud"] orders; issuer #0; namespace b; not claim:["iss"] https://login.example.com',
        'by b: claim:["aud"] orders; issuer #0; namespace b; not claim:["sub"] x',
      ].toSorted(),
    ],
  ])('%s', (_, authorize, expected) => {
    expect(decided({ authenticate: { jwt: [login] }, authorize }).allow.map(sortWords)).toEqual(
      expected.map(sortWords),
    );
  });

  test('by each issuer, and who is named once', () => {
    const authorize = { allow: [{ name: 'a' }, { name: 'b', from: [{ namespaces: ['billing'] }] }] };
    expect(decided({ authenticate: { jwt: [login, partner] }, authorize }).allow).toHaveLength(3);
  });

  test('no deny: it is never narrowed', () => {
    const authorize = { deny: [{ name: 'a', from: [{ namespaces: ['sandbox'] }] }] };
    expect(decided({ authenticate: { jwt: [login] }, authorize }).deny).toEqual(['by a: namespace sandbox']);
  });
});

function sortWords(text: string): string {
  const [rule = '', words = ''] = text.split(/: (.*)/s);
  return `${rule}: ${words.split('; ').toSorted().join('; ')}`;
}

describe('two policies on one path', () => {
  const on = (target: object, name: string, kind: 'serviceAccounts' | 'clientCertificates'): KubeObject => {
    const allow = Array.from({ length: 24 }, (_, index) => ({
      name: `${name}${index}`,
      from: [{ [kind]: [`${name}/${index}`] }],
      when: [{ header: `x-${name}`, values: [`${index}`] }],
    }));
    return authPolicy({ targetRefs: [target], authorize: { allow } }, { name });
  };

  test('that combine to more than anybody could read block what is behind them', () => {
    const { findings } = compile([
      gateway(),
      service(),
      route(),
      on(gatewayTarget(), 'outer', 'clientCertificates'),
      on(routeTarget(), 'inner', 'serviceAccounts'),
    ]).resolution;
    expect(findings.map(({ about, reason, message }) => `${about.kind} ${reason}: ${message}`)).toEqual([
      'Route PolicyBlocked: rule all answers 500, because AuthPolicy shop/inner cannot be enforced: the policies on one path (AuthPolicy shop/outer with 24, AuthPolicy shop/inner with 24) combine to more than 512 conjunctions',
      'AuthPolicy TooComplex: the policies on one path (AuthPolicy shop/outer with 24, AuthPolicy shop/inner with 24) combine to more than 512 conjunctions',
    ]);
  });

  test('that name other callers inside the mesh admit nobody together', () => {
    const named = (target: object, name: string, account: string) =>
      authPolicy(
        { targetRefs: [target], authorize: { allow: [{ from: [{ serviceAccounts: [account] }] }] } },
        { name },
      );
    const { findings } = compile([
      gateway(),
      service(),
      route(),
      named(gatewayTarget(), 'outer', 'a/one'),
      named(routeTarget(), 'inner', 'a/two'),
    ]).resolution;
    expect(findings.map(({ reason }) => reason)).toEqual(['PolicyBlocked', 'Unsatisfiable']);
  });
});
