import { describe, expect, test } from '@jest/globals';
import { kinds } from '../api/kinds.ts';
import { readManifests } from '../controllers/manifests/read.ts';
import type { Condition } from '../kube/object.ts';
import { resolver } from '../resolve/resolve.ts';
import type { Delivery } from '../status/conditions.ts';
import type { ApiGatewayStatus } from './api-gateway.ts';
import type { AuthPolicyStatus } from './auth-policy.ts';
import type { RouteStatus } from './route.ts';
import { type ObjectStatus, statuses } from './statuses.ts';
import { statusWorld } from './world.ts';

const edge = `
apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: edge, namespace: shop, generation: 2}
spec:
  listeners:
  - {name: web, port: 80, protocol: HTTP}
`;
const orders = `
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80}]}
`;

function route(rules: string, spec = 'parentRefs: [{name: edge}]', name = 'orders'): string {
  const metadata = `{name: ${name}, namespace: shop, generation: 5}`;
  return `
apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: ${metadata}
spec: {${spec}, rules: [${rules}]}
`;
}

function policy(spec: string, kind = 'AuthPolicy'): string {
  return `
apiVersion: evengate.dev/v1alpha1
kind: ${kind}
metadata: {name: orders, namespace: shop, generation: 1}
spec: {${spec}}
`;
}

const read = '{name: read, backendRefs: [{name: orders, port: 80}]}';
const onRoute = 'targetRefs: [{kind: Route, name: orders}]';
const anyone = policy(`${onRoute}, authorize: {allow: [{name: anyone}]}`);
const served = new Map<string, Delivery>([['shop/edge', { revision: 'abc', envoys: { loaded: 1, ready: 1 } }]]);

async function statusesOf(
  texts: readonly string[],
  deliveries: ReadonlyMap<string, Delivery> = served,
): Promise<readonly ObjectStatus[]> {
  async function* stdin(): AsyncGenerator<string> {
    yield texts.join('\n---\n');
  }
  const set = await readManifests(['-'], stdin());
  expect(set.problems).toEqual([]);
  const resolution = resolver()(set.snapshot);
  const world = statusWorld(resolution, [...set.findings, ...resolution.findings], { deliveries });
  const found = statuses(set.snapshot, world);
  for (const one of found) mustFitItsSchema(one);
  return found;
}

/** The API server takes it, once whoever writes it has added the times. */
function mustFitItsSchema({ ref, status }: ObjectStatus): void {
  const timed = JSON.parse(JSON.stringify(status), (key, value: unknown) =>
    key === 'conditions' && Array.isArray(value)
      ? value.map((condition: object) => ({ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }))
      : value,
  ) as unknown;
  const schema = kinds.find(({ kind }) => kind === ref.kind)?.status;
  expect(schema?.safeParse(timed)).toMatchObject({ success: true });
}

async function statusOf<T>(kind: string, texts: readonly string[], deliveries = served): Promise<T> {
  const found = await statusesOf(texts, deliveries);
  return found.find(({ ref }) => ref.kind === kind)?.status as T;
}

function brief(conditions: readonly Condition[]): string {
  return conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`).join(' ');
}

const fine = 'Accepted=True/Accepted Programmed=True/Programmed Ready=True/Ready ResolvedRefs=True/ResolvedRefs';

describe('ApiGateway', () => {
  test('says what is attached, which revision is served, and how each listener does', async () => {
    const [gateway] = await statusesOf([edge, orders, route(read), route(read, undefined, 'more'), anyone]);
    expect(gateway?.status).toMatchObject({
      observedGeneration: 2,
      revision: 'abc',
      attachedRoutes: 2,
      listeners: [{ name: 'web', attachedRoutes: 2 }],
    });
    expect(brief(gateway?.status.conditions ?? [])).toBe(fine);
    expect(gateway?.status.conditions.every(({ observedGeneration }) => observedGeneration === 2)).toBe(true);
  });

  test('a Route on two listeners is one Route', async () => {
    const two = edge.replace('HTTP}', 'HTTP}\n  - {name: alt, port: 81, protocol: HTTP}');
    const [gateway] = await statusesOf([two, orders, route(read), anyone]);
    expect(gateway?.status).toMatchObject({
      attachedRoutes: 1,
      listeners: [{ attachedRoutes: 1 }, { attachedRoutes: 1 }],
    });
  });

  test('is ready whatever its Routes are', async () => {
    const [gateway] = await statusesOf([edge, route(read)]);
    expect(brief(gateway?.status.conditions ?? [])).toBe(fine);
  });

  test('without delivery it waits', async () => {
    const [gateway] = await statusesOf([edge], new Map());
    expect(gateway?.status).not.toHaveProperty('revision');
    expect(brief(gateway?.status.conditions ?? [])).toBe(
      'Accepted=True/Accepted Programmed=Unknown/Pending Ready=Unknown/Pending Reconciling=True/Pending ResolvedRefs=True/ResolvedRefs',
    );
  });

  test('listeners that conflict are not served, and their neighbour is', async () => {
    const three = edge.replace(
      'HTTP}',
      'HTTP}\n  - {name: web2, port: 80, protocol: HTTP}\n  - {name: alt, port: 81, protocol: HTTP}',
    );
    const [gateway] = await statusesOf([three]);
    expect(brief(gateway?.status.conditions ?? [])).toBe(
      'Accepted=False/Conflicted Programmed=True/Programmed Ready=False/Conflicted ResolvedRefs=True/ResolvedRefs Stalled=True/Conflicted',
    );
    const status = gateway?.status as ApiGatewayStatus | undefined;
    expect(status?.listeners.map(({ name, conditions }) => `${name}: ${brief(conditions)}`)).toEqual([
      'web: Accepted=False/Conflicted Programmed=False/Conflicted ResolvedRefs=True/ResolvedRefs',
      'web2: Accepted=False/Conflicted Programmed=False/Conflicted ResolvedRefs=True/ResolvedRefs',
      'alt: Accepted=True/Accepted Programmed=True/Programmed ResolvedRefs=True/ResolvedRefs',
    ]);
  });

  test('one that cannot be read says so; one of another class is left alone', async () => {
    const [broken] = await statusesOf([edge.replace('port: 80', 'port: many')]);
    expect(broken?.status).toMatchObject({ attachedRoutes: 0, listeners: [] });
    expect(brief(broken?.status.conditions ?? [])).toContain('Accepted=False/Invalid');
    expect(await statusesOf([edge.replace('spec:', 'spec:\n  className: other')])).toEqual([]);
  });
});

describe('Route', () => {
  test('names its hosts, its gateways and its guard', async () => {
    const spec =
      'parentRefs: [{name: edge}], hostnames: [d.example.com, c.example.com, b.example.com, a.example.com, e.example.com]';
    const status = await statusOf<RouteStatus>('Route', [edge, orders, route(read, spec), anyone]);
    expect(status).toMatchObject({
      observedGeneration: 5,
      hosts: 'a.example.com, b.example.com, c.example.com, +2',
      gateways: 'shop/edge',
      parents: [{ parentRef: { name: 'edge' } }],
    });
    expect(brief(status.conditions)).toBe(fine);
    expect(brief(status.parents[0]?.conditions ?? [])).toBe(
      'Accepted=True/Accepted Programmed=True/Programmed ResolvedRefs=True/ResolvedRefs',
    );
  });

  const jwks = `{inline: '{"keys":[]}'}`;
  const redirect = '{name: away, matches: [{path: {value: /old}}], redirect: {scheme: https}}';
  const other = '{name: other, matches: [{path: {value: /other}}], backendRefs: [{name: orders, port: 80}]}';
  test.each<[string, string, readonly string[], string]>([
    ['no policy', read, [], 'Uncovered'],
    ['anyone', read, [anyone], 'Public'],
    ['anyone but some', read, [anyone.replace('}]}', '}], deny: [{to: [{methods: [PUT]}]}]}')], 'Public'],
    ['a condition', read, [policy(`${onRoute}, authorize: {allow: [{to: [{methods: [GET]}]}]}`)], 'Covered'],
    [
      'a broken policy',
      read,
      [policy(`${onRoute}, authenticate: {jwt: [{name: a, issuer: b, jwks: ${jwks}}]}`)],
      'Blocked',
    ],
    ['only a redirect', redirect, [], 'Public'],
    [
      'a redirect beside a guarded rule',
      `${redirect}, ${read}`,
      [policy(`${onRoute}, authorize: {allow: [{to: [{methods: [GET]}]}]}`)],
      'Covered',
    ],
    [
      'one rule covered, one not: the worst',
      `${read}, ${other}`,
      [policy('targetRefs: [{kind: Route, name: orders, sectionName: read}], authorize: {allow: [{name: anyone}]}')],
      'Uncovered',
    ],
  ])('auth with %s', async (_, rules, policies, expected) => {
    const status = await statusOf<RouteStatus>('Route', [edge, orders, route(rules), ...policies]);
    expect(status.auth).toBe(expected);
  });

  test('each parent has its own verdict, and the Route shows the worst', async () => {
    const spec = 'parentRefs: [{name: edge}, {name: gone}, {name: edge, sectionName: nope}]';
    const status = await statusOf<RouteStatus>('Route', [edge, orders, route(read, spec), anyone]);
    expect(status.parents.map(({ parentRef, conditions }) => `${parentRef.name}: ${brief(conditions)}`)).toEqual([
      'edge: Accepted=True/Accepted Programmed=True/Programmed ResolvedRefs=True/ResolvedRefs',
      'gone: Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs',
      'edge: Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs',
    ]);
    expect(brief(status.conditions)).toContain('Accepted=False/NoMatchingParent');
    const message = status.conditions.find(({ type }) => type === 'Accepted')?.message ?? '';
    expect(message.split('\n').map((line) => line.split(':')[0])).toEqual(['spec.parentRefs[1]', 'spec.parentRefs[2]']);
  });

  test('a backend that is missing shows at every parent', async () => {
    const status = await statusOf<RouteStatus>('Route', [edge, route(read), anyone]);
    expect(brief(status.parents[0]?.conditions ?? [])).toContain('ResolvedRefs=False/BackendNotFound');
    expect(brief(status.conditions)).toContain('Ready=False/BackendNotFound');
  });

  test('attached nowhere: no hosts, no gateways, no guard', async () => {
    const status = await statusOf<RouteStatus>('Route', [orders, route(read)]);
    expect(status).not.toHaveProperty('hosts');
    expect(status).not.toHaveProperty('gateways');
    expect(status).not.toHaveProperty('auth');
    expect(brief(status.conditions)).toContain('Programmed=Unknown/Pending');
  });

  test('what an Envoy refused, the Route is told', async () => {
    const refused = new Map([['shop/edge', { revision: 'abc', rejected: 'Envoy says no' }]]);
    const status = await statusOf<RouteStatus>('Route', [edge, orders, route(read), anyone], refused);
    expect(brief(status.conditions)).toContain('Programmed=False/Rejected Ready=False/Rejected');
  });
});

describe('AuthPolicy', () => {
  const allow =
    'authorize: {allow: [{name: a, to: [{methods: [GET]}]}, {name: b, to: [{methods: [PUT]}]}], deny: [{to: [{paths: [/x]}]}]}';
  test.each<[string, string, string, readonly [target: string, rules: number]]>([
    ['enforced', `${onRoute}, ${allow}`, 'EdgeEnforced=True/Full Ready=True/Ready', ['Route/orders', 3]],
    [
      'in Shadow',
      `${onRoute}, mode: Shadow, ${allow}`,
      'EdgeEnforced=False/Shadow Ready=True/Ready',
      ['Route/orders', 3],
    ],
    [
      'on a rule and on a listener',
      `targetRefs: [{kind: Route, name: orders, sectionName: read}, {kind: ApiGateway, name: edge, sectionName: web}], ${allow}`,
      'EdgeEnforced=True/Full Ready=True/Ready',
      ['Route/orders:read, ApiGateway/edge:web', 3],
    ],
    [
      'about nothing',
      `targetRefs: [{kind: Route, name: gone}], ${allow}`,
      'EdgeEnforced=False/TargetNotFound Ready=False/TargetNotFound',
      ['Route/gone', 3],
    ],
    ['without effect', onRoute, 'EdgeEnforced=True/Full Ready=False/NotGuarding', ['Route/orders', 0]],
  ])('%s', async (_, spec, expected, [target, rules]) => {
    const status = await statusOf<AuthPolicyStatus>('AuthPolicy', [edge, orders, route(read), policy(spec)]);
    expect(brief(status.conditions).replace(/^Accepted=\S+ /, '')).toBe(expected);
    expect(status).toMatchObject({ observedGeneration: 1, target, rules });
  });

  test('one that cannot be read enforces no rule of its own', async () => {
    const status = await statusOf<AuthPolicyStatus>('AuthPolicy', [edge, policy(`${onRoute}, autorize: {}`)]);
    expect(status.rules).toBe(0);
    expect(brief(status.conditions)).toContain('Accepted=False/Invalid EdgeEnforced=False/Invalid');
  });

  test('keys that are missing are named in EdgeEnforced', async () => {
    const jwt = 'authenticate: {jwt: [{name: a, issuer: "https://a.example.com", jwks: {configMapRef: {name: gone}}}]}';
    const status = await statusOf<AuthPolicyStatus>('AuthPolicy', [
      edge,
      orders,
      route(read),
      policy(`${onRoute}, ${jwt}`),
    ]);
    const enforced = status.conditions.find(({ type }) => type === 'EdgeEnforced');
    expect(enforced).toMatchObject({ status: 'False', reason: 'InvalidJwks' });
    expect(enforced?.message).toContain('gone');
    expect(status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ reason: 'InvalidJwks' });
  });
});

describe('RateLimitPolicy', () => {
  test('prints its limits in a line', async () => {
    const limits = [
      '{name: a, requests: 100, per: Minute, by: [{claim: sub}]}',
      '{name: b, requests: 5, per: Second, by: [{clientIP: true}, {header: X-Tenant}], mode: Shadow}',
      '{name: c, requests: 1000, per: Day}',
    ];
    const text = policy(`${onRoute}, limits: [${limits.join(', ')}]`, 'RateLimitPolicy');
    const status = await statusOf('RateLimitPolicy', [edge, orders, route(read), anyone, text]);
    expect(status).toEqual({
      observedGeneration: 1,
      conditions: [
        expect.objectContaining({ type: 'Accepted', status: 'True' }),
        expect.objectContaining({ type: 'Ready', status: 'True' }),
      ],
      target: 'Route/orders',
      limits: '100/Minute by claim sub, 5/Second by client IP and header X-Tenant (shadow), 1000/Day',
    });
  });

  test('a line that no column could hold is cut', async () => {
    const keys = [1, 2, 3, 4].map((key) => `{claim: ${'x'.repeat(250)}${key}}`).join(', ');
    const limits = Array.from({ length: 16 }, (_, name) => `{name: l${name}, requests: 1, per: Day, by: [${keys}]}`);
    const text = policy(`${onRoute}, limits: [${limits.join(', ')}]`, 'RateLimitPolicy');
    const status = await statusOf<{ limits: string }>('RateLimitPolicy', [edge, orders, route(read), anyone, text]);
    expect(status.limits).toHaveLength(4096);
  });

  test('one that cannot be read says why', async () => {
    const text = policy(`${onRoute}, limits: [{name: a, requests: many, per: Minute}]`, 'RateLimitPolicy');
    const status = await statusOf<{ conditions: Condition[] }>('RateLimitPolicy', [edge, orders, route(read), text]);
    expect(status).not.toHaveProperty('limits');
    expect(brief(status.conditions)).toBe('Accepted=False/Invalid Ready=False/Invalid Stalled=True/Invalid');
  });
});

test('statuses come by kind and name, whatever the order of the objects', async () => {
  const texts = [anyone, route(read, undefined, 'b'), orders, route(read, undefined, 'a'), edge];
  const names = (found: readonly ObjectStatus[]) => found.map(({ ref }) => `${ref.kind} ${ref.name}`);
  const expected = ['ApiGateway edge', 'AuthPolicy orders', 'Route a', 'Route b'];
  expect(names(await statusesOf(texts))).toEqual(expected);
  expect(names(await statusesOf(texts.toReversed()))).toEqual(expected);
});
