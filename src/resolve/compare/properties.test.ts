import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Gateway } from '../../ir/gateway.ts';
import type { KubeObject, ObjectKey } from '../../kube/object.ts';
import {
  authPolicy,
  backendRef,
  corpJwks,
  gateway,
  gatewayTarget,
  jwt,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  serviceTarget,
  snapshotOf,
  tlsSecret,
} from '../../testing/build.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { universe } from '../../testing/universe.ts';
import { chooseEntry } from '../explain/choose.ts';
import { explain } from '../explain/explain.ts';
import { addressOf, seeRequest } from '../explain/request.ts';
import type { ExplainRequest, Explanation, TokenFacts } from '../explain/types.ts';
import { covers } from '../hosts.ts';
import { type Resolution, resolver } from '../resolve.ts';
import { compare } from './compare.ts';
import type { Comparison, RegionChange } from './types.ts';
import { isAdmitted, witnessOf } from './witness.ts';

const otherJwks = corpJwks.replace('"kid":"a"', '"kid":"b"');
const bothJwks = `{"keys":[${[corpJwks, otherJwks].map((text) => text.slice('{"keys":['.length, -2)).join()}]}`;

/** Small enough that two worlds often speak of the same requests. */
const path = fc.constantFrom(
  ...['/', '/a', '/a/b', '/c'].map((value) => ({ type: 'PathPrefix', value })),
  ...['/a', '/a/b', '/'].map((value) => ({ type: 'Exact', value })),
  ...['/a/[a-z]+', '/.*', '/(a|c)'].map((value) => ({ type: 'RegularExpression', value })),
);
const match = fc.record(
  {
    path,
    method: fc.constantFrom('GET', 'POST'),
    headers: fc.constantFrom(
      [{ name: 'x-team', value: 'a' }],
      [{ name: 'x-team', value: 'b' }],
      [{ name: 'x-team', type: 'RegularExpression', value: '.*' }],
    ),
    queryParams: fc.constantFrom([{ name: 'v', value: '1' }], [{ name: 'v', value: '2' }]),
  },
  { requiredKeys: ['path'] },
);
const pathEdit = { path: { type: 'ReplacePrefixMatch', value: '/new' } };
const answer: fc.Arbitrary<object> = fc.constantFrom<object>(
  { backendRefs: [backendRef()] },
  { backendRefs: [backendRef()] },
  { backendRefs: [backendRef({ name: 'two' })] },
  { backendRefs: [backendRef({ weight: 9 }), backendRef({ name: 'two' })] },
  { backendRefs: [backendRef({ name: 'gone' })] },
  { backendRefs: [backendRef()], rewrite: pathEdit },
  { backendRefs: [backendRef()], timeouts: { request: '15s' } },
  { redirect: { hostname: 'new.example.com' } },
  { respond: { status: 418 } },
);
const rule = fc
  .tuple(fc.array(match, { minLength: 1, maxLength: 2 }), answer)
  .map(([matches, more]) => ({ matches, ...more }));
const hostnames = fc.constantFrom(undefined, ['a.example.com'], ['*.example.com'], ['a.example.com', 'b.test']);

const routeNamed = (name: string) =>
  fc.tuple(fc.array(rule, { minLength: 1, maxLength: 3 }), hostnames).map(([rules, hosts]) => {
    const named = rules.map((one, index) => ({ name: `r${index}`, ...one }));
    return route({ rules: named, ...(hosts === undefined ? {} : { hostnames: hosts }) }, { name });
  });

const operation = fc.record(
  {
    methods: fc.constantFrom(['GET'], ['POST', 'PUT']),
    notPaths: fc.constantFrom(['/a/b'], ['/a*']),
    paths: fc.constantFrom(['/a*'], ['/a/{*}'], ['*b'], ['/', '/c']),
    hosts: fc.constantFrom(['a.example.com'], ['*.example.com']),
  },
  { requiredKeys: [] },
);
const source = fc.record(
  {
    remoteIpBlocks: fc.constantFrom(['10.0.0.0/8'], ['10.1.0.0/16']),
    notRemoteIpBlocks: fc.constantFrom(['10.1.2.0/24']),
    requestPrincipals: fc.constantFrom(['https://login.example.com/alice'], ['*']),
    serviceAccounts: fc.constantFrom(['billing/batch'], ['billing/other']),
    notNamespaces: fc.constantFrom(['sandbox']),
  },
  { requiredKeys: [] },
);
const condition = fc.constantFrom(
  { claim: 'scope', values: ['read'] },
  { claim: 'scope', values: ['read', 'write'] },
  { claim: 'scope', notValues: ['guest'] },
  { header: 'x-team', values: ['a'] },
  { header: 'x-team', notValues: ['b*'] },
);
const allowRule = fc.record(
  { to: fc.tuple(operation), from: fc.tuple(source), when: fc.array(condition, { minLength: 1, maxLength: 2 }) },
  { requiredKeys: [] },
);
const list = fc
  .array(allowRule, { maxLength: 2 })
  .map((all) => all.map((one, index) => ({ name: `n${index}`, ...one })));
const issuer = fc.constantFrom(
  jwt(),
  jwt({ jwks: { inline: bothJwks } }),
  jwt({ jwks: { inline: otherJwks } }),
  jwt({ issuer: 'https://partner.example.com', name: 'partner' }),
);
/** Rules at random seldom bite, so half of them are broad. */
const simple = fc.constantFrom(
  { to: [{ methods: ['GET'] }] },
  { to: [{ paths: ['/a*'] }] },
  { from: [{ remoteIpBlocks: ['10.1.0.0/16'] }] },
);
const authorize = fc.oneof(
  fc.record({ allow: list, deny: list }, { requiredKeys: ['allow'] }),
  fc.record({ deny: fc.tuple(simple) }),
);
const policySpec = fc.record(
  {
    authenticate: fc.record({
      jwt: fc.uniqueArray(issuer, { minLength: 1, maxLength: 2, selector: (one) => (one as { name: string }).name }),
    }),
    authorize: authorize,
    mode: fc.constantFrom('Enforce', 'Enforce', 'Shadow'),
    sufficient: fc.boolean(),
  },
  { requiredKeys: [] },
);
const targets = fc.constantFrom<object[]>(
  [routeTarget()],
  [routeTarget('other')],
  [routeTarget('orders', 'r0')],
  [gatewayTarget()],
  [routeTarget(), routeTarget('other')],
  [serviceTarget()],
);
const policyNamed = (name: string) =>
  fc
    .tuple(policySpec, targets)
    .map(([spec, targetRefs]) => authPolicy({ authorize: undefined, ...spec, targetRefs }, { name }));

const certificate = tlsSecret();
const listener = (name: string, more: object = {}) => ({ name, port: 80, protocol: 'HTTP', ...more });
const tls = { port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'shop-tls' }] } };
const edge = fc
  .record(
    {
      listeners: fc.constantFrom(
        [listener('web')],
        [listener('web')],
        [listener('other-name')],
        [listener('web'), listener('tls', tls)],
        [listener('web', { hostname: '*.example.com' }), listener('rest')],
        [
          listener('tls', { ...tls, hostname: '*.example.com' }),
          listener('a', { ...tls, hostname: 'a.example.com' }),
          listener('web'),
        ],
      ),
      defaultAccess: fc.constantFrom('Public', 'Public', 'Deny'),
      clientIP: fc.constantFrom({ trustedHops: 1 }),
    },
    { requiredKeys: ['listeners', 'defaultAccess'] },
  )
  .map((spec) => gateway(spec));

const one = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 });
const parts = [
  edge,
  one(routeNamed('orders')),
  one(routeNamed('other')),
  one(policyNamed('p')),
  one(policyNamed('q')),
  one(fc.constantFrom(rateLimitPolicy(), rateLimitPolicy({ limits: [{ name: 'x', requests: 5, per: 'Second' }] }))),
] as const;
const fixed = [service(), service({}, { name: 'two' }), certificate];

type World = readonly KubeObject[];

/** Two worlds that share most of their objects, as a pull request's two sides do. */
const generated: fc.Arbitrary<readonly [World, World]> = fc
  .tuple(fc.tuple(...parts), fc.tuple(...parts), fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1, maxLength: 3 }))
  .map(([old, fresh, changed]) => {
    const after = old.map((each, index) => (changed.includes(index) ? fresh[index] : each));
    const whole = (all: readonly (KubeObject | undefined)[]) => [...fixed, ...all.filter((each) => each !== undefined)];
    return [whole(old), whole(after)] as const;
  });

const anyForms = fc.tuple(
  ...universe.map((forms) => fc.option(fc.constantFrom(...forms), { nil: undefined, freq: 8 })),
);
const ofUniverse: fc.Arbitrary<readonly [World, World]> = fc
  .tuple(anyForms, anyForms, fc.subarray([...universe.keys()], { minLength: 1, maxLength: 4 }))
  .map(([old, fresh, changed]) => {
    const after = old.map((each, index) => (changed.includes(index) ? fresh[index] : each));
    return [old, after].map((all) => all.filter((each) => each !== undefined)) as unknown as readonly [World, World];
  });

const worlds = fc.oneof({ weight: 3, arbitrary: generated }, { weight: 1, arbitrary: ofUniverse });

interface Asked extends Omit<ExplainRequest, 'token'> {
  readonly signed?: { readonly issuer: string; readonly key: string; readonly claims: object };
}

const token = fc.record({
  issuer: fc.constantFrom(
    'https://login.example.com',
    'https://login.example.com',
    'https://partner.example.com',
    'https://shadow.example.com',
  ),
  key: fc.constantFrom('"kid":"a"', '"kid":"b"', '"kid":"c"'),
  claims: fc.record(
    { sub: fc.constantFrom('alice', 'bob'), scope: fc.constantFrom('read', 'write', 'read guest') },
    { requiredKeys: [] },
  ),
});
const request: fc.Arbitrary<Asked> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'PUT'),
    door: fc.constantFrom('http 80', 'http 80', 'http 80', 'http 80', 'http 81', 'https 443'),
    host: fc.constantFrom(
      'a.example.com',
      'b.example.com',
      'a.b.example.com',
      'b.test',
      'else.org',
      'A.example.com:8443',
    ),
    path: fc.constantFrom(
      '/',
      '/a',
      '/a/',
      '/a/b',
      '/a/b/c',
      '/ab',
      '/c',
      '/c/b',
      '/other/two',
      '/pay',
      '/x',
      '/b?v=1',
      '/a?v=1',
      '/a/b?v=2&v=1',
    ),
    headers: fc.subarray([
      ['x-team', 'a'],
      ['x-team', 'b'],
      ['x-forwarded-for', '10.1.2.3'],
      ['x-forwarded-proto', ''],
    ] as const),
    clientAddress: fc.constantFrom('10.1.2.3', '10.1.9.9', '10.9.9.9', '192.0.2.1'),
    signed: fc.option(token, { nil: undefined }),
  })
  .map(({ door, host, path: target, signed, ...rest }) => {
    const [scheme = '', port = ''] = door.split(' ');
    return {
      ...rest,
      url: `${scheme}://${host}${target}`,
      listenerPort: Number(port),
      ...(signed === undefined ? {} : { signed }),
    };
  });

function factsOf({ chains }: Gateway, { signed }: Asked): TokenFacts | undefined {
  if (signed === undefined) return undefined;
  const known = chains.flatMap(({ uses }) => uses.issuers).filter(({ issuer: name }) => name === signed.issuer);
  if (known.length === 0) return { kind: 'unknown' };
  const ids = known.filter(({ keys }) => keys.kind === 'inline' && keys.jwks.includes(signed.key)).map(({ id }) => id);
  if (ids.length === 0) return { kind: 'refused', issuer: signed.issuer, reason: 'no key' };
  return { kind: 'valid', issuerIds: [...new Set(ids)], claims: { iss: signed.issuer, ...signed.claims } };
}

function ask({ gateways }: Resolution, key: ObjectKey, asked: Asked): Explanation | undefined {
  const ir = gateways.get(key);
  if (ir === undefined) return undefined;
  const facts = factsOf(ir, asked);
  const { signed: _, ...plain } = asked;
  return explain(ir, facts === undefined ? plain : { ...plain, token: facts });
}

function resolved(objects: World): Resolution {
  return resolver()(snapshotOf(objects));
}

/** What a client, or a backend, can tell: not who is named in a reason. */
function seenOf(explanation: Explanation | undefined): string {
  const outcome = explanation?.outcome ?? { kind: 'no-listener' };
  if (!('status' in outcome))
    return JSON.stringify(
      outcome.kind === 'forward' ? { ...outcome, backends: sharesOf(outcome.backends) } : outcome.kind,
    );
  if (outcome.kind === 'refused') return `refused ${Math.floor(outcome.status / 100)}`;
  return JSON.stringify(outcome);
}

function sharesOf(shares: readonly { readonly backend: object | undefined; readonly weight: number }[]): object {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  const real = shares.filter(({ weight }) => weight > 0);
  return real.map(({ backend, weight }) => `${JSON.stringify(backend)} ${weight / total}`).toSorted();
}

/** Changes that speak of this request: its own region, or what concerns every request of its gateway. */
function speaksOf(comparison: Comparison, key: ObjectKey, asked: Asked): readonly { readonly opens: boolean }[] {
  const address = addressOf(asked.url);
  const host = address?.hostname.toLowerCase() ?? '';
  const opens = (effect: string) => effect === 'opens' || effect === 'shifts';
  const regions = comparison.regions.filter(
    (change) =>
      change.door.gateway === key &&
      change.door.port === asked.listenerPort &&
      covers(change.door.host, host) &&
      takes(change, asked),
  );
  return [
    ...regions.map(({ differences }) => ({ opens: differences.some(({ effect }) => opens(effect)) })),
    ...comparison.gateways
      .filter(({ gateway: of, what }) => of === key && what !== 'fleet' && what !== 'service')
      .map(({ effect }) => ({ opens: opens(effect) })),
  ];
}

function takes({ before, after, door }: RegionChange, asked: Asked): boolean {
  const address = addressOf(asked.url);
  if (address === undefined) return false;
  return [before, after].every((entry) => {
    if (entry === undefined) return true;
    const host = {
      domain: door.host,
      listener: '',
      misdirected: false,
      entries: [entry],
      uses: { required: [], issuers: [], limits: [], backends: [] },
      conflicts: [],
    };
    const seen = seeRequest({ trustedHops: 0 } as Gateway, asked, address);
    return !('kind' in seen) && chooseEntry(host, seen) !== undefined;
  });
}

describe('whatever two sides say', () => {
  test('a request that is answered otherwise is spoken of, and one that is newly admitted is said to be', () => {
    const size = fuzz(400);
    let [differing, opened] = [0, 0];
    fc.assert(
      fc.property(worlds, fc.array(request, { minLength: 15, maxLength: 15 }), ([before, after], requests) => {
        const [old, now] = [resolved(before), resolved(after)];
        const comparison = compare(old, now);
        const keys = ['shop/edge', 'bank/second'].filter((key) => readable(old, key) && readable(now, key));
        for (const [key, asked] of keys.flatMap((one) => requests.map((each) => [one, each] as const))) {
          const [was, is] = [ask(old, key, asked), ask(now, key, asked)];
          const spoken = speaksOf(comparison, key, asked);
          const differs = seenOf(was) !== seenOf(is);
          const opens = !isAdmitted(was) && isAdmitted(is);
          differing += Number(differs);
          opened += Number(opens);
          const silent = (differs && spoken.length === 0) || (opens && !spoken.some((change) => change.opens));
          if (silent) throw new Error(JSON.stringify({ asked, was: was?.outcome, is: is?.outcome, spoken }));
        }
      }),
      size,
    );
    // Four times as many at the usual seed: a handful of runs, or a night of others, still says something.
    expect(Math.min(differing, opened)).toBeGreaterThan(size.numRuns / 40);
  }, 600_000);

  test('nearly every claim that something opens or closes is proven by a request', () => {
    let [proven, bare] = [0, 0];
    fc.assert(
      fc.property(worlds, ([before, after]) => {
        const [old, now] = [resolved(before), resolved(after)];
        for (const change of compare(old, now).regions) {
          const { gateway: key } = change.door;
          const sides = { before: old.gateways.get(key), after: now.gateways.get(key) };
          for (const direction of ['gained', 'lost'] as const) {
            if (change.differences.every((difference) => (difference[direction] ?? []).length === 0)) continue;
            if (witnessOf(change, sides, direction) === undefined) bare += 1;
            else proven += 1;
          }
        }
      }),
      fuzz(100),
    );
    // What is left needs a request that several expressions match at once.
    expect(bare / proven).toBeLessThan(0.1);
  }, 600_000);
});

describe('nothing is said of', () => {
  const same = (before: World, after: World) =>
    expect(compare(resolved(before), resolved(after))).toEqual({ regions: [], gateways: [] });

  test('the same objects, in another order and layout', () => {
    fc.assert(
      fc.property(worlds, fc.nat(), ([world], turn) => {
        const at = turn % (world.length + 1);
        same(world, [...world.slice(at), ...world.slice(0, at)].map(turned) as World);
      }),
      fuzz(100),
    );
  }, 600_000);

  test('objects with other names', () => {
    fc.assert(
      fc.property(generated, ([world]) => same(world, renamed(world))),
      fuzz(100),
    );
  }, 600_000);

  test('Routes split into one for each rule, but that each of them counts by itself', () => {
    fc.assert(
      fc.property(generated, ([world]) => {
        const { regions, gateways } = compare(resolved(world), resolved(split(world)));
        expect([...regions, ...gateways.filter(({ what, effect }) => what !== 'limit' || effect !== 'looser')]).toEqual(
          [],
        );
      }),
      fuzz(100),
    );
  }, 600_000);
});

/** Every map's entries the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, turned(each)] as const)
      .toReversed(),
  );
}

interface Target {
  readonly kind: string;
  readonly name: string;
  readonly sectionName?: string;
}

interface Spec {
  readonly rules?: readonly { readonly name: string }[];
  readonly targetRefs?: readonly Target[];
}

/** Routes keep their order, which decides between equal matches; policies do not. */
function renamed(world: World): World {
  return world.map((each) => {
    const { targetRefs, ...spec } = (each.spec ?? {}) as Spec;
    if (each.kind === 'Route') return { ...each, metadata: { ...each.metadata, name: `x-${each.metadata.name}` } };
    if (targetRefs === undefined) return each;
    const targets = targetRefs.map((one) => (one.kind === 'Route' ? { ...one, name: `x-${one.name}` } : one));
    const name = each.metadata.name === 'p' ? 'zz' : `a-${each.metadata.name}`;
    return { ...each, metadata: { ...each.metadata, name }, spec: { ...spec, targetRefs: targets } };
  });
}

function split(world: World): World {
  const rulesOf = new Map(
    world.filter(({ kind }) => kind === 'Route').map((one) => [one.metadata.name, (one.spec as Spec).rules ?? []]),
  );
  return world.flatMap((each): World => {
    const { targetRefs, rules, ...spec } = (each.spec ?? {}) as Spec;
    if (each.kind === 'Route') {
      return (rules ?? []).map((one, index) => ({
        ...each,
        metadata: { ...each.metadata, name: `${each.metadata.name}-${index}` },
        spec: { ...spec, rules: [one] },
      }));
    }
    if (targetRefs === undefined) return [each];
    const targets = targetRefs.flatMap((target) =>
      target.kind !== 'Route'
        ? [target]
        : (rulesOf.get(target.name) ?? [])
            .map(({ name }, index) => ({ kind: 'Route', name: `${target.name}-${index}`, rule: name }))
            .filter(({ rule: name }) => target.sectionName === undefined || target.sectionName === name)
            .map(({ kind, name }) => ({ kind, name })),
    );
    return [{ ...each, spec: { ...spec, targetRefs: targets.length === 0 ? targetRefs : targets } }];
  });
}

function readable({ gatewayUnits }: Resolution, key: ObjectKey): boolean {
  const unit = gatewayUnits.get(key);
  return unit === undefined || unit.context !== undefined || unit.className !== 'evengate';
}
