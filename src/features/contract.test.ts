import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AuthPolicySpec, authPolicySchema } from '../api/policies.ts';
import type { KubeObject } from '../kube/object.ts';
import { authPolicy, backendRef, corpJwks, gateway, jwt, route, routeTarget, service } from '../testing/build.ts';
import { type Compiled, compile, compiler } from '../testing/compile.ts';
import { type Caller, passes } from '../testing/evaluate-route.ts';
import { fuzz } from '../testing/fuzz.ts';
import { allGoldens } from '../testing/goldens.ts';
import { goodSpecs } from '../testing/good-specs.ts';
import { openings } from '../testing/invariants.ts';
import { changed, places } from '../testing/leaves.ts';
import { admits } from '../testing/naive-policy.ts';
import { everyRoute, tablesOf } from '../testing/tables.ts';
import { answers, ruleFeatures } from './index.ts';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const member of Object.values(value)) frozen(member);
  }
  return value;
}

/** A rule that uses the feature as its own example says. */
function ruleOf(feature: (typeof ruleFeatures)[number]): object {
  const answer = answers.some((name) => name === feature.name) ? {} : { backendRefs: [backendRef()] };
  return { ...answer, [feature.name]: feature.example };
}

function routesIn(compiled: Compiled) {
  return everyRoute(tablesOf(compiled.resources)).filter(({ route: { name } }) => name.startsWith('shop/orders/'));
}

describe.each(ruleFeatures.map((feature) => ({ feature, name: feature.name })))('$name', ({ feature }) => {
  const world = frozen([gateway(), route({ rules: [ruleOf(feature)] }), authPolicy(), service()]);

  test('leaves its input alone, and says the same again', () => {
    expect([...compile(world).files]).toEqual([...compile(world).files]);
  });

  test('stands behind its guards', () => {
    const compiled = compile(world);
    expect(routesIn(compiled).length).toBeGreaterThan(0);
    expect(openings(compiled)).toEqual([]);
  });

  test('has an example that its schema takes', () => {
    expect(feature.schema.safeParse(feature.example).success).toBe(true);
  });

  test('a broken spec blocks the rule, or takes its own share, and opens nothing', () => {
    fc.assert(
      fc.property(mutationOf([feature.example]), (broken) => {
        const rules = [{ ...ruleOf(feature), [feature.name]: broken }, { backendRefs: [backendRef()] }];
        const compiled = compile([gateway(), route({ rules }), service()]);
        expect(openings(compiled)).toEqual([]);
        const [first] = routesIn(compiled);
        if (!feature.schema.safeParse(broken).success && broken !== undefined) {
          expect(first?.route.direct_response).toEqual({ status: 500 });
        }
        expect(routesIn(compiled).length).toBeGreaterThanOrEqual(2);
      }),
      fuzz(60),
    );
  });
});

test('no golden case leaves anything open', () => {
  const faults = allGoldens().flatMap(({ name, snapshot }) =>
    openings(compiler()(snapshot)).map((fault) => `${name}: ${fault}`),
  );
  expect(faults).toEqual([]);
});

/** One of the specs with one value, anywhere in it, changed to something else. */
function mutationOf(specs: readonly unknown[]): fc.Arbitrary<unknown> {
  const targets = specs.flatMap((spec) => [...places(spec)].map(({ path }) => ({ spec, path })));
  const junk = fc.constantFrom<unknown>(undefined, null, '', '*', 'x', 'GET', 0, -1, true, [], {}, [null], ['*']);
  return fc.tuple(fc.constantFrom(...targets), junk).map(([{ spec, path }, value]) => changed(spec, path, () => value));
}

/** Every field that a rule has. */
const everything = (goodSpecs['AuthPolicy']?.[0] as AuthPolicySpec | undefined)?.authorize?.allow?.[0];

const specs: readonly object[] = [
  ...(goodSpecs['AuthPolicy'] ?? []),
  {
    authenticate: { jwt: [jwt(), jwt({ name: 'bank', issuer: 'https://bank.example.com', audiences: ['orders'] })] },
    authorize: {
      allow: [
        { name: 'readers', to: [{ methods: ['GET'] }], when: [{ claim: 'scope', values: ['read'] }] },
        { name: 'office', from: [{ ipBlocks: ['10.0.0.0/8'] }], to: [{ paths: ['/a*', '/b/{*}'] }] },
      ],
      deny: [{ name: 'debug', when: [{ header: 'x-debug', values: ['*'] }] }],
    },
  },
  { authorize: { deny: [{ to: [{ methods: ['POST'] }] }], allow: [{ to: [{ notPaths: ['/admin*'] }] }] } },
  { authenticate: { jwt: [jwt()] } },
  { authorize: { allow: [{ name: 'writers', when: [{ claim: 'scope', values: ['write'], notValues: ['none'] }] }] } },
  { authenticate: { jwt: [jwt()] }, authorize: { allow: [everything] } },
  { authenticate: { jwt: [jwt()] }, authorize: { deny: [everything] } },
].map((spec) => ({ ...spec, targetRefs: [routeTarget()] }));

const issuers = ['https://login.example.com', 'https://bank.example.com', 'https://unknown.example.com'];

const caller: fc.Arbitrary<Caller> = fc.record(
  {
    method: fc.constantFrom('GET', 'POST', 'DELETE'),
    path: fc.constantFrom('/', '/a', '/a/b', '/b/c', '/b/c/d', '/admin', '/orders/1/items', '/files/x', '/x.json'),
    host: fc.constantFrom('api.shop.example.com', 'API.shop.example.com:8443', 'admin.shop.example.com', 'x'),
    headers: fc.constantFrom({}, { 'x-debug': ['1'] }, { 'x-tenant': ['abc', 'a1'] }, { 'x-tenant': ['a1'] }),
    peer: fc.constantFrom('10.1.2.3', '10.9.0.1', '203.0.113.7', '2001:db8::1'),
    client: fc.constantFrom('203.0.113.9', '203.0.113.7', '192.0.2.1'),
    token: fc.record(
      {
        iss: fc.constantFrom(...issuers),
        sub: fc.constantFrom('alice', 'mallory'),
        aud: fc.constantFrom<unknown>('orders', ['orders', 'x'], 'other', 7),
        scope: fc.constantFrom('read write', 'read', 'orders.read', ''),
        realm_access: fc.constantFrom<unknown>({ roles: ['orders.read'] }, { roles: 'orders.read' }, 'x'),
      },
      { requiredKeys: ['iss'] },
    ),
  },
  { requiredKeys: ['method', 'path', 'host', 'headers', 'peer', 'client'] },
) as fc.Arbitrary<Caller>;

function guardedBy(policies: readonly KubeObject[]): Compiled {
  return compile([gateway(), route(), service(), ...policies]);
}

function isAdmitted(compiled: Compiled, from: Caller): boolean {
  return routesIn(compiled).some((rendered) => passes(rendered, compiled.resources, from));
}

describe('an AuthPolicy', () => {
  const readable = specs.map((spec) => authPolicySchema.parse({ ...spec, mode: undefined }));

  test('means at Envoy what its documentation says', () => {
    const size = fuzz(1000);
    let admitted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...readable), caller, (spec, from) => {
        const expected = opens(spec) && usable(spec) && admits(spec, from);
        admitted += Number(expected);
        expect(isAdmitted(guardedBy([authPolicy(spec)]), from)).toBe(expected);
      }),
      size,
    );
    expect(admitted).toBeGreaterThan(size.numRuns / 15);
  });

  test('and another one admit what both admit', () => {
    fc.assert(
      fc.property(fc.constantFrom(...readable), fc.constantFrom(...readable), caller, (one, two, from) => {
        const compiled = guardedBy([authPolicy(one), authPolicy(two, { name: 'two' })]);
        if (isAdmitted(compiled, from)) {
          for (const spec of [one, two]) expect(admits(spec, from, issuers.slice(0, 2))).toBe(true);
        } else if (usable(one) && usable(two) && opens(one) && opens(two) && !isBlocked(compiled)) {
          expect(admits(one, from) && admits(two, from)).toBe(false);
        }
      }),
      fuzz(400),
    );
  });

  test('whatever is wrong in it, never opens more than it says', () => {
    fc.assert(
      fc.property(mutationOf(specs), fc.array(caller, { minLength: 8, maxLength: 8 }), (spec, callers) => {
        const policy = { ...authPolicy(), spec };
        const alone = guardedBy([policy]);
        const open = compile([gateway({ defaultAccess: 'Public' }), route(), service(), policy]);
        const read = authPolicySchema.safeParse(spec);
        expect(openings(alone)).toEqual([]);
        expect(openings(open)).toEqual([]);
        if (!read.success) expect([isBlocked(alone), isBlocked(open)]).toEqual([true, true]);
        for (const from of callers) {
          if (isAdmitted(alone, from)) expect(read.success && guards(read.data) && admits(read.data, from)).toBe(true);
        }
      }),
      fuzz(250),
    );
  });
});

/** Opens the Route `orders`, as a whole. */
function guards(spec: AuthPolicySpec): boolean {
  const all = spec.targetRefs.some(({ kind, name, sectionName = 'all' }) => {
    return kind === 'Route' && name === 'orders' && sectionName === 'all';
  });
  return all && opens(spec) && spec.mode !== 'Shadow';
}

function opens(spec: AuthPolicySpec): boolean {
  return spec.authenticate !== undefined || spec.authorize?.allow !== undefined;
}

/** Keys that are there, and claims that somebody verifies. */
function usable(spec: AuthPolicySpec): boolean {
  return (spec.authenticate?.jwt ?? []).every(({ jwks }) => jwks.inline === corpJwks);
}

function isBlocked(compiled: Compiled): boolean {
  return routesIn(compiled).every(({ route: one }) => one.direct_response?.status === 500);
}
