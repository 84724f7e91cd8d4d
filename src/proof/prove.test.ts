import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AuthorizationPolicy, Rule } from '../istio/security.ts';
import type { KubeObject } from '../kube/object.ts';
import { resolver } from '../resolve/resolve.ts';
import { meshConfig, snapshotOf } from '../testing/build.ts';
import { fuzz } from '../testing/fuzz.ts';
import { type Change, proved } from '../testing/mesh/proved.ts';
import { type World, worlds } from '../testing/mesh/worlds.ts';
import { signingKey } from '../testing/rig-tokens.ts';
import { prove } from './prove.ts';

const keys = { a: await signingKey('a'), b: await signingKey('b') };

function objectsOf({ objects }: Pick<World, 'objects'>): readonly KubeObject[] {
  const text = JSON.stringify(objects)
    .replaceAll('WORLD', 'world')
    .replaceAll('"JWKS-A"', JSON.stringify(keys.a.jwks))
    .replaceAll('"JWKS-B"', JSON.stringify(keys.b.jwks));
  return JSON.parse(text) as readonly KubeObject[];
}

const proofOf = (objects: readonly KubeObject[], change: Change = (object) => object) =>
  proved([meshConfig(), ...objects], change, 1200);

const ours = (kind: string, name: string, spec: object) => ({
  apiVersion: 'evengate.dev/v1alpha1',
  kind,
  metadata: { name, namespace: 'shop' },
  spec,
});

function shop(mesh: object): readonly KubeObject[] {
  const jwt = [{ name: 'a', issuer: 'https://a.example', jwks: { inline: keys.a.jwks } }];
  return [
    ours('ApiGateway', 'edge', { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }], mesh }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'orders', namespace: 'shop' },
      spec: { selector: { app: 'orders' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    ours('Route', 'orders', {
      parentRefs: [{ name: 'edge' }],
      hostnames: ['api.example.com'],
      rules: [
        {
          name: 'read',
          matches: [{ path: { value: '/orders' }, method: 'GET' }],
          backendRefs: [{ name: 'orders', port: 80 }],
        },
      ],
    }),
    ours('AuthPolicy', 'orders', {
      targetRefs: [{ kind: 'Route', name: 'orders' }],
      authenticate: { jwt },
      authorize: {
        allow: [
          {
            name: 'readers',
            when: [
              { claim: 'scope', values: ['read'] },
              { header: 'x-team', values: ['red'] },
            ],
          },
          { name: 'job', from: [{ serviceAccounts: ['billing/batch'] }] },
        ],
        deny: [{ name: 'test', when: [{ header: 'x-debug', values: ['1'] }] }],
      },
    }),
  ] as readonly KubeObject[];
}

const meshes = [
  ['sidecar', { mode: 'Sidecar' }],
  ['waypoint', { mode: 'Ambient', waypoint: { name: 'waypoint' } }],
] as const;

describe.each(meshes)('at a %s', (_, mesh) => {
  const faults = (change?: Change) =>
    proofOf(shop(mesh), change).workloads.flatMap(({ difference }) => difference ?? []);

  test('what is rendered is equivalent', () => {
    const { workloads, regions } = proofOf(shop(mesh));
    expect(workloads).toMatchObject([{ workload: 'shop/orders', limits: [{ reason: 'MissingCredential' }] }]);
    expect(workloads[0]).not.toHaveProperty('difference');
    expect(regions).toBeGreaterThan(100);
  });

  test.each<[what: string, change: (rule: Rule) => Rule]>([
    ['a condition is dropped', ({ when: _when, ...rule }) => rule],
    ['one of two conditions is dropped', (rule) => ({ ...rule, ...(rule.when && { when: rule.when.slice(1) }) })],
    ['the methods are dropped', (rule) => operations(rule, ({ methods: _methods, ...rest }) => rest)],
    ['a path is widened', (rule) => operations(rule, (one) => (one.paths ? { ...one, paths: ['/*'] } : one))],
    ['a path is narrowed', (rule) => operations(rule, (one) => (one.paths ? { ...one, paths: ['/orders'] } : one))],
    ['the host is dropped', (rule) => operations(rule, ({ hosts: _hosts, ...rest }) => rest)],
    ['the principals are dropped', ({ from: _from, ...rule }) => rule],
    ['a port is dropped', (rule) => operations(rule, (one) => (one.notPorts ? { notPorts: ['1'] } : one))],
    ['another claim is asked', (rule) => JSON.parse(JSON.stringify(rule).replaceAll('"read"', '"write"')) as Rule],
    ['a caller is another one', (rule) => JSON.parse(JSON.stringify(rule).replaceAll('batch', 'other')) as Rule],
  ])('it is found when %s', (_what, change) => {
    expect(faults(inRules('ALLOW', change))).toHaveLength(1);
  });

  test('it is found when the deny is gone', () => {
    expect(faults(inRules('DENY', (rule) => ({ ...rule, to: [{ operation: { paths: ['/none'] } }] })))).toHaveLength(1);
  });

  test('it is found when nobody verifies tokens', () => {
    const change: Change = (object) =>
      object.kind === 'RequestAuthentication' ? { ...object, spec: { ...object.spec, jwtRules: [] } } : object;
    expect(faults(change)).toHaveLength(1);
  });
});

function inRules(action: 'ALLOW' | 'DENY', change: (rule: Rule) => Rule): Change {
  return (object) => {
    const { spec } = object as AuthorizationPolicy;
    if (object.kind !== 'AuthorizationPolicy' || (spec?.action ?? 'ALLOW') !== action) return object;
    return { ...object, spec: { ...spec, rules: (spec?.rules ?? []).map(change) } };
  };
}

function operations(rule: Rule, change: (operation: Record<string, readonly string[]>) => object): Rule {
  const to = (rule.to ?? []).map(({ operation }) => ({ operation: change({ ...operation }) }));
  return { ...rule, ...(to.length === 0 ? {} : { to }) };
}

test('callers whom a policy of the gateway names are not let in by a rule that no policy covers', () => {
  const objects = shop({ mode: 'Sidecar' }).map((object) => {
    if (object.kind !== 'AuthPolicy') return object;
    const job = { name: 'job', from: [{ serviceAccounts: ['billing/batch'] }] };
    const onGateway = { targetRefs: [{ kind: 'ApiGateway', name: 'edge' }], authorize: { allow: [job] } };
    return { ...object, spec: onGateway } as KubeObject;
  });
  expect(proofOf(objects).workloads.map(({ difference }) => difference)).toEqual([undefined]);
});

test('callers whom ztunnel cannot let in because of the match of their Route are declared', () => {
  const objects = shop({ mode: 'Ambient' }).map((object) => {
    if (object.kind !== 'AuthPolicy') return object;
    const allow = [{ name: 'anyone' }, { name: 'job', from: [{ serviceAccounts: ['billing/batch'] }] }];
    const onRoute = { targetRefs: [{ kind: 'Route', name: 'orders' }], authorize: { allow } };
    return { ...object, spec: onRoute } as KubeObject;
  });
  const [proof] = proofOf(objects).workloads;
  expect(proof?.difference).toBeUndefined();
  expect(proof?.limits.map(({ reason }) => reason)).toContain('NotObservable');
});

test('who is outside of any mesh has nothing to prove', () => {
  const { workloads } = proofOf(shop({ mode: 'None' }));
  expect(workloads).toEqual([]);
});

test('a sample is said to be one', () => {
  const snapshot = snapshotOf(shop({ mode: 'Sidecar' }));
  const [proof] = prove(resolver()(snapshot), snapshot.Service, { mostRegions: 50 }).workloads;
  expect(proof?.regions).toBeLessThan(proof?.all ?? 0);
});

/** The edge verifies tokens of issuers that policies in Shadow alone name; the mesh does not. */
function withoutShadow(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.filter(({ spec }) => (spec as { readonly mode?: string }).mode !== 'Shadow');
}

test('what is rendered for generated worlds says the same on both sides', () => {
  fc.assert(
    fc.property(worlds({ outside: 1, inside: 1 }), (world) => {
      const objects = withoutShadow(objectsOf(world));
      const gateways = objects.filter(({ kind }) => kind === 'ApiGateway').length;
      fc.pre(gateways === 1);
      const { workloads } = proofOf(objects);
      expect(workloads.flatMap(({ difference }) => difference ?? [])).toEqual([]);
    }),
    fuzz(8),
  );
});
