/** What a workload decides, held against what DESIGN says in words: small random worlds, all requests that tell their rules apart. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RouteEntry, VirtualHost } from '../../ir/gateway.ts';
import type { Policy } from '../../ir/guard.ts';
import type { Match } from '../../ir/match.ts';
import type { MeshDecision, MeshRule, MeshWorkload } from '../../ir/mesh.ts';
import type { KubeObject } from '../../kube/object.ts';
import { observability } from '../../policy/attribute.ts';
import { evaluate, type RequestFacts } from '../../policy/evaluate.ts';
import { namesIdentity } from '../../policy/planes.ts';
import { meshObjects } from '../../render/mesh.ts';
import {
  authPolicy,
  gateway,
  gatewayTarget,
  jwt,
  meshConfig,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { told } from '../../testing/mesh/told.ts';
import { covers } from '../hosts.ts';
import { type Resolution, resolver } from '../resolve.ts';

const edge = 'cluster.local/ns/shop/sa/edge-edge';

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const some = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const given = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const plainPath = some<object | undefined>(
  undefined,
  { value: '/a' },
  { value: '/a/b' },
  { type: 'Exact', value: '/a' },
  { type: 'Exact', value: '/a/b' },
);
const team = [{ name: 'x-team', value: 'a' }];
const plainMatch = fc
  .record({
    path: plainPath,
    method: some(undefined, undefined, 'GET', 'POST'),
    headers: some(undefined, undefined, team),
  })
  .map(given);
/** With what only Envoy's own routing looks at. */
const oddMatch = fc
  .record({
    path: fc.oneof(plainPath, fc.constant({ type: 'RegularExpression', value: '/a/.*' })),
    method: some(undefined, 'GET'),
    queryParams: some(undefined, [{ name: 'v', value: '1' }]),
  })
  .map(given);

const rewrites = some<object>(
  {},
  { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' } } },
  { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/z' } } },
  { rewrite: { path: { type: 'ReplaceFullPath', value: '/a/b' } } },
  { rewrite: { hostname: 'internal' } },
  { requestHeaders: { set: [{ name: 'x-team', value: 'a' }] } },
);

const source = some<object | undefined>(
  undefined,
  undefined,
  { serviceAccounts: ['billing/batch'] },
  { namespaces: ['billing'] },
  { namespaces: ['shop'], notServiceAccounts: ['shop/web'] },
  { remoteIpBlocks: ['10.0.0.0/8'] },
  { notRemoteIpBlocks: ['203.0.113.0/24'] },
  { notNamespaces: ['billing'] },
);
const operation = some<object | undefined>(
  undefined,
  { methods: ['GET'] },
  { paths: ['/a*'] },
  { paths: ['/a', '/x'] },
  { notPaths: ['/a/b*'] },
  { hosts: ['a.example.com'] },
  { notHosts: ['b.example.com'] },
);
/** Paths that one list cannot say together with the prefix of a rule. */
const oddOperation = fc.oneof(operation, some({ paths: ['*b'] }, { paths: ['/a/{*}'] }, { notPaths: ['*b'] }));
const condition = some<object | undefined>(
  undefined,
  undefined,
  { header: 'x-team', values: ['a'] },
  { header: 'x-team', notValues: ['b'] },
);
const ruleOf = (to: fc.Arbitrary<object | undefined>) =>
  fc
    .record({ from: source, to, when: condition })
    .map(({ from, to, when }) => given({ from: from && [from], to: to && [to], when: when && [when] }));

const policySpec = (rule: fc.Arbitrary<object>) =>
  fc
    .record({
      authenticate: some<object | undefined>(undefined, undefined, undefined, { jwt: [jwt()] }),
      allow: optional(fc.array(rule, { minLength: 1, maxLength: 2 })),
      deny: fc.option(fc.array(rule, { minLength: 1, maxLength: 1 }), { nil: undefined, freq: 3 }),
    })
    .map(({ authenticate, allow, deny }) =>
      given({
        authenticate,
        authorize: allow === undefined && deny === undefined ? undefined : given({ allow, deny }),
      }),
    );

interface Sizes {
  readonly rule: fc.Arbitrary<object>;
  readonly match: fc.Arbitrary<object>;
  readonly change: fc.Arbitrary<object>;
  readonly hosts: fc.Arbitrary<readonly string[] | undefined>;
}

const nothing = fc.constant({});
const plain: Sizes = {
  rule: ruleOf(operation),
  match: plainMatch,
  change: nothing,
  hosts: some<readonly string[] | undefined>(['a.example.com'], ['a.example.com', 'b.example.com'], undefined),
};
const odd: Sizes = {
  rule: ruleOf(oddOperation),
  match: fc.oneof(plainMatch, oddMatch),
  change: rewrites,
  hosts: fc.oneof(plain.hosts, fc.constant(['*.example.com'])),
};

function worlds({ rule, match, change, hosts }: Sizes): fc.Arbitrary<readonly KubeObject[]> {
  const routeRule = fc.record({ match, change, to: some('orders', 'orders', 'other') });
  const routes = fc.tuple(
    ...['one', 'two'].map((name) =>
      fc
        .record({ hostnames: hosts, rules: fc.array(routeRule, { minLength: 1, maxLength: 3 }) })
        .map(({ hostnames, rules }) =>
          route(
            given({
              hostnames,
              rules: rules.map((each, index) => ({
                name: `r${index}`,
                matches: [each.match],
                backendRefs: [{ name: each.to, port: 80 }],
                ...each.change,
              })),
            }),
            { name },
          ),
        ),
    ),
  );
  const targets: readonly (readonly [string, object])[] = [
    ['on-one', routeTarget('one')],
    ['on-two', routeTarget('two')],
    ['on-rule', routeTarget('one', 'r0')],
    ['on-gateway', gatewayTarget()],
    ['on-service', { kind: 'Service', name: 'orders' }],
  ];
  const policies = fc
    .tuple(
      ...targets.map(([name]) =>
        fc.option(policySpec(rule), { nil: undefined, freq: name.startsWith('on-o') ? 8 : 3 }),
      ),
    )
    .map((specs) =>
      specs.flatMap((spec, index) => {
        const [name, target] = targets[index] ?? ['', {}];
        if (spec === undefined) return [];
        return [authPolicy({ authorize: undefined, targetRefs: [target], ...spec }, { name })];
      }),
    );
  return fc
    .tuple(routes, policies)
    .map(([both, all]) => [
      meshConfig(),
      gateway({ mesh: { mode: 'Sidecar' } }),
      service({ selector: { app: 'orders' } }),
      service({ selector: { app: 'other' } }, { name: 'other' }),
      ...both,
      ...all,
    ]);
}

/** Istio has no words for many hosts and matches, and nothing changes on the way. */
const blurred: Sizes = {
  ...odd,
  change: nothing,
  hosts: some<readonly string[] | undefined>(
    undefined,
    ['*.example.com'],
    ['a.example.com'],
    ['a.example.com', '*.test'],
  ),
};

interface Request extends RequestFacts {
  readonly query: string;
}

const request: fc.Arbitrary<Request> = fc
  .record({
    method: some('GET', 'POST'),
    path: some('/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/x'),
    host: some('a.example.com', 'b.example.com', 'A.example.com:8080', 'other.test'),
    lines: some<readonly string[]>([], ['a'], ['b']),
    remoteIp: some('10.1.1.1', '203.0.113.7', '192.0.2.1'),
    hasToken: fc.boolean(),
    query: some('', 'v=1'),
  })
  .map(({ lines, hasToken, ...rest }) => ({
    ...rest,
    directIp: rest.remoteIp,
    headers: new Map([['x-team', lines]]),
    ...(hasToken ? { token: { issuers: ['corp'], claims: {} } } : {}),
  }));

const callers = some(
  'cluster.local/ns/billing/sa/batch',
  'cluster.local/ns/billing/sa/other',
  'cluster.local/ns/shop/sa/web',
  'cluster.local/ns/shop/sa/api',
);

/** Ids of issuers are hashes: there is one. */
function withToken(facts: Request, resolution: Resolution): Request {
  const issuers = [...resolution.authPolicies.values()].flatMap(({ policy }) => policy.issuers.map(({ id }) => id));
  return facts.token === undefined ? facts : { ...facts, token: { issuers: [...new Set(issuers)], claims: {} } };
}

function takes({ path, method, headers, queryParams }: Match, facts: Request): boolean {
  const underPrefix = path.value === '/' || facts.path === path.value || facts.path.startsWith(`${path.value}/`);
  const onPath =
    path.type === 'Exact'
      ? facts.path === path.value
      : path.type === 'PathPrefix'
        ? underPrefix
        : new RegExp(`^${path.value}$`).test(facts.path);
  return (
    onPath &&
    (method === undefined || method === facts.method) &&
    headers.every(({ name, value }) => facts.headers.get(name)?.includes(value) === true) &&
    queryParams.every(({ name, value }) => facts.query === `${name}=${value}`)
  );
}

function hostsOf(resolution: Resolution): readonly VirtualHost[] {
  return [...resolution.gateways.values()].flatMap(({ chains }) => chains.flatMap(({ virtualHosts }) => virtualHosts));
}

function ownerOf(resolution: Resolution, host: string): VirtualHost | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return hostsOf(resolution).find(({ domain }) => covers(domain, name));
}

interface Forwarded {
  readonly entry: RouteEntry;
  readonly service: string;
  readonly facts: Request;
}

/** As the edge lets it pass, and as the workload gets it. */
function throughEdge(resolution: Resolution, facts: Request): Forwarded | undefined {
  const entry = ownerOf(resolution, facts.host)?.entries.find(({ match }) => takes(match, facts));
  if (entry?.guard.kind !== 'guarded' || entry.rule.blocked !== undefined) return undefined;
  const { guard, rule: of } = entry;
  if (!guard.covered || !evaluate(guard.decision, facts).admitted) return undefined;
  return { entry, service: of.backends[0]?.service ?? '', facts: changed(entry, facts) };
}

function changed({ rule: { settings }, match }: RouteEntry, facts: Request): Request {
  const rewrite = settings['rewrite'] as
    | { readonly hostname?: string; readonly path?: { readonly type: string; readonly value: string } }
    | undefined;
  const from = match.path.value === '/' ? '' : match.path.value;
  const to = rewrite?.path?.value.replace(/\/$/, '') ?? '';
  const path =
    rewrite?.path === undefined
      ? facts.path
      : rewrite.path.type === 'ReplaceFullPath'
        ? rewrite.path.value
        : `${to}${facts.path.slice(from.length)}` || '/';
  const headers = settings['requestHeaders'] === undefined ? facts.headers : new Map([['x-team', ['a']]]);
  return { ...facts, path, headers, host: rewrite?.hostname ?? facts.host };
}

function admits({ decision }: MeshWorkload, to: string, facts: Request): boolean {
  const atPort = (rules: readonly MeshRule[]) =>
    rules
      .filter(({ ports }) => ports.some(({ service: of, port }) => of === to && port === 80))
      .map(({ conjunction }) => conjunction);
  const { allow, deny }: MeshDecision = decision;
  // Of the client behind its caller a workload knows nothing.
  const seen = { ...facts, remoteIp: '', directIp: '' };
  return evaluate({ allow: atPort(allow), deny: atPort(deny) }, seen).admitted;
}

function resolved(objects: readonly KubeObject[]): Resolution {
  return resolver()(snapshotOf(objects));
}

function workloadOf({ mesh }: Resolution, name: string): MeshWorkload | undefined {
  return mesh.workloads.get(`shop/${name}`);
}

function withMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

/** What a failure is shown with. */
function story(objects: readonly KubeObject[], { mesh }: Resolution, said: object): string {
  const specs = objects.filter(({ kind }) => kind === 'Route' || kind === 'AuthPolicy');
  const lines = specs.map(({ metadata, spec }) => `${metadata.name} ${JSON.stringify(spec)}`);
  return ['', ...lines, JSON.stringify(told(mesh), null, 1), JSON.stringify(said, withMaps)].join('\n');
}

describe('through the edge', () => {
  test('what the edge admits, the mesh admits', () => {
    fc.assert(
      fc.property(worlds(odd), fc.array(request, { minLength: 20, maxLength: 20 }), (objects, requests) => {
        const resolution = resolved(objects);
        for (const each of requests) {
          const forwarded = throughEdge(resolution, withToken(each, resolution));
          const workload = forwarded && workloadOf(resolution, forwarded.service);
          if (forwarded === undefined || workload === undefined) continue;
          const admitted = admits(workload, forwarded.service, { ...forwarded.facts, principal: edge });
          if (admitted) continue;
          expect(story(objects, resolution, { each, forwarded, admitted })).toBe('');
        }
      }),
      fuzz(400),
    );
  });

  test('and nothing else, but for what only the edge can tell', () => {
    const addresses = ['10.1.1.1', '203.0.113.7', '192.0.2.1'];
    fc.assert(
      fc.property(worlds(plain), fc.array(request, { minLength: 20, maxLength: 20 }), (objects, requests) => {
        const resolution = resolved(objects);
        for (const each of requests) {
          const facts = withToken(each, resolution);
          for (const to of ['orders', 'other']) {
            const workload = workloadOf(resolution, to);
            if (workload === undefined || !admits(workload, to, { ...facts, principal: edge })) continue;
            const owner = ownerOf(resolution, facts.host)?.entries.find(({ match }) => takes(match, facts));
            const possible = addresses.some((remoteIp) =>
              allowedBut(owner, { ...facts, remoteIp, directIp: remoteIp }),
            );
            const service = owner?.rule.backends[0]?.service;
            if (possible && service === to) continue;
            expect(story(objects, resolution, { each, to, possible, service })).toBe('');
          }
        }
      }),
      fuzz(400),
    );
  });

  test('and what a policy of every door denies is refused by the mesh, too, whatever its host and match', () => {
    fc.assert(
      fc.property(worlds(blurred), fc.array(request, { minLength: 20, maxLength: 20 }), (objects, requests) => {
        const resolution = resolved(objects);
        for (const each of requests) {
          const facts = { ...withToken(each, resolution), principal: edge };
          for (const to of ['orders', 'other']) {
            const workload = workloadOf(resolution, to);
            if (workload === undefined || !deniedEverywhere(resolution, to, facts)) continue;
            if (!admits(workload, to, facts)) continue;
            expect(story(objects, resolution, { each, to })).toBe('');
          }
        }
      }),
      fuzz(400),
    );
  });
});

/** By what all see of a request. */
function deniedEverywhere(resolution: Resolution, to: string, facts: Request): boolean {
  const targets = ['ApiGateway shop/edge', `Service shop/${to}`];
  const common = [...resolution.authPolicies.values()].filter(({ attached }) =>
    attached.some(({ target }) => targets.includes(target)),
  );
  const denies = common.flatMap(({ policy }) => policy.decision.deny);
  const seen = denies.filter(({ constraints }) =>
    constraints.every(({ attribute }) => observability(attribute) === 'portable'),
  );
  return evaluate({ allow: seen, deny: [] }, facts).admitted;
}

/** Denies that look at addresses are the edge's alone, as nobody else sees any. */
function allowedBut(entry: RouteEntry | undefined, facts: Request): boolean {
  if (entry === undefined || entry.guard.kind === 'blocked') return false;
  const { covered, decision } = entry.guard;
  const deny = decision.deny.filter(({ constraints }) =>
    constraints.every(({ attribute }) => attribute.kind !== 'remoteIp'),
  );
  return covered && evaluate({ ...decision, deny }, facts).admitted;
}

/** DESIGN §5, of a caller inside the mesh, in its own words. */
function naiveInside(resolution: Resolution, to: string, facts: Request): boolean {
  const onService = [...resolution.authPolicies.values()]
    .filter(({ attached }) => attached.some(({ target }) => target === `Service shop/${to}`))
    .map(({ policy }) => policy);
  const unseen = { ...facts, remoteIp: '', directIp: '' };
  const admittedBy = (policy: Policy) => evaluate(policy.decision, unseen).admitted;
  if (!onService.every(admittedBy)) return false;
  const entries = hostsOf(resolution).flatMap(({ entries: all }) => {
    const taken = all.find(({ match }) => takes(match, facts));
    return taken?.rule.backends[0]?.service === to ? [taken] : [];
  });
  const guards = entries.flatMap(({ guard }) => (guard.kind === 'blocked' || !guard.covered ? [] : [guard]));
  const routes = guards.map(({ parts }) => parts.filter(({ on }) => on !== 'service').map(({ policy }) => policy));
  const denied = entries.some(
    ({ guard }) =>
      guard.kind === 'guarded' &&
      guard.parts.some(
        ({ policy, on }) =>
          on !== 'service' &&
          !evaluate(
            { allow: [{ constraints: [], sources: [] }], deny: policy.decision.deny.filter(namesIdentity) },
            unseen,
          ).admitted,
      ),
  );
  if (denied) return false;
  const named = routes.some(
    (policies) =>
      policies.every(admittedBy) &&
      policies.some(
        (policy) => evaluate({ allow: policy.decision.allow.filter(namesIdentity), deny: [] }, unseen).admitted,
      ),
  );
  return named || onService.some(({ opens }) => opens);
}

describe('inside the mesh', () => {
  test('callers are admitted that a Route names or Service policies admit, and nobody else', () => {
    fc.assert(
      fc.property(
        worlds(plain),
        fc.array(fc.tuple(request, callers), { minLength: 20, maxLength: 20 }),
        (objects, calls) => {
          const resolution = resolved(objects);
          for (const [each, principal] of calls) {
            const facts = { ...withToken(each, resolution), principal };
            for (const to of ['orders', 'other']) {
              const workload = workloadOf(resolution, to);
              if (workload === undefined) continue;
              const admitted = admits(workload, to, facts);
              const expected = naiveInside(resolution, to, facts);
              if (admitted === expected) continue;
              expect(story(objects, resolution, { each, principal, to, admitted })).toBe('');
            }
          }
        },
      ),
      fuzz(400),
    );
  });
});

test('whatever it is, it can be said to Istio', () => {
  const modes = fc.constantFrom<object>(
    { mode: 'Sidecar' },
    { mode: 'Ambient' },
    { mode: 'Ambient', waypoint: { name: 'waypoint' } },
    { mode: 'Sidecar', enforcement: 'Shadow' },
  );
  fc.assert(
    fc.property(worlds(odd), modes, (objects, mesh) => {
      const { workloads } = resolved([...objects, gateway({ mesh })]).mesh;
      for (const workload of workloads.values()) {
        expect(meshObjects(workload, 'evengate').length).toBeGreaterThan(0);
        const principals = [...workload.decision.allow, ...workload.decision.deny].flatMap(({ conjunction }) =>
          conjunction.constraints.filter(({ attribute }) => observability(attribute) !== 'portable'),
        );
        expect(principals.filter(({ attribute }) => attribute.kind !== 'principal')).toEqual([]);
      }
    }),
    fuzz(300),
  );
});
