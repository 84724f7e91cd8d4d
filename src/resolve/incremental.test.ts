import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../kube/object.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  jwt,
  namespace,
  object,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  snapshotOf,
  tlsSecret,
} from '../testing/build.ts';
import { changedBy, stepIn } from '../testing/changes.ts';
import { type Compiled, compile, compiler } from '../testing/compile.ts';
import { fuzz } from '../testing/fuzz.ts';
import { openings } from '../testing/invariants.ts';
import { everyRoute, tablesOf } from '../testing/tables.ts';
import { universe } from '../testing/universe.ts';

const step = stepIn(universe);

/** In whatever order: whether gateways come in one is not what this is about. */
function filesOf({ files }: Compiled): object {
  return Object.fromEntries(files);
}

function findingsOf({ resolution }: Compiled): readonly string[] {
  return resolution.findings.map((finding) => JSON.stringify(finding)).toSorted();
}

/** What is enforced behind the gateways, in whatever order. */
function meshOf({ resolution: { mesh } }: Compiled): object {
  return {
    workloads: Object.fromEntries(mesh.workloads),
    reports: Object.fromEntries(mesh.reports),
    findings: mesh.findings.map((finding) => JSON.stringify(finding)).toSorted(),
  };
}

function revisions({ edges }: Compiled): readonly string[] {
  return [...edges].map(([key, { revision }]) => `${key} ${revision}`).toSorted();
}

const everything = universe.map(([good]) => good);

describe('whatever happens, one after another', () => {
  test('ends as if it had been so from the start', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { minLength: 4, maxLength: 24, size: 'max' }), (full, steps) => {
        const incremental = compiler();
        let snapshot = snapshotOf(full ? everything : []);
        incremental(snapshot);
        for (const change of steps) {
          snapshot = changedBy(snapshot, change);
          const now = incremental(snapshot);
          const fresh = compiler()(snapshot);
          expect(filesOf(now)).toEqual(filesOf(fresh));
          expect(revisions(now)).toEqual(revisions(fresh));
          expect(findingsOf(now)).toEqual(findingsOf(fresh));
          expect(meshOf(now)).toEqual(meshOf(fresh));
          expect(openings(now)).toEqual([]);
        }
      }),
      fuzz(50),
    );
  });

  test('and taken back, gives back the same bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        const incremental = compiler();
        const start = snapshotOf(everything);
        const before = [...incremental(start).files];
        let snapshot = start;
        for (const change of steps) {
          snapshot = changedBy(snapshot, change);
          incremental(snapshot);
        }
        expect([...incremental(snapshotOf(everything)).files]).toEqual(before);
      }),
      fuzz(30),
    );
  });
});

test('the order in which objects arrive changes no byte', () => {
  const forms = fc.tuple(...universe.map((each) => fc.constantFrom(...each)));
  fc.assert(
    fc.property(
      forms.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, shuffled]) => {
        const one = compile(all);
        const two = compile(shuffled);
        expect(filesOf(two)).toEqual(filesOf(one));
        expect(findingsOf(two)).toEqual(findingsOf(one));
      },
    ),
    fuzz(50),
  );
});

describe('a broken object more', () => {
  const name = 'broken';
  const target = [routeTarget(name)];
  const serving = route(
    { rules: [{ matches: [{ path: { value: '/broken' } }], backendRefs: [backendRef()] }] },
    { name },
  );
  const cases: readonly { readonly what: string; readonly objects: readonly KubeObject[] }[] = [
    { what: 'ApiGateway', objects: [gateway({ listeners: 7 }, { name })] },
    {
      what: 'ApiGateway with twins',
      objects: [
        gateway(
          {
            listeners: [
              { name: 'a', port: 80, protocol: 'HTTP' },
              { name: 'b', port: 80, protocol: 'HTTP' },
            ],
          },
          { name },
        ),
      ],
    },
    { what: 'Route', objects: [route({ rules: [{ backendRefs: 7 }] }, { name })] },
    { what: 'Route without parents', objects: [route({ parentRefs: [] }, { name })] },
    {
      what: 'Route of a bad expression',
      objects: [
        route(
          { rules: [{ matches: [{ path: { type: 'RegularExpression', value: '[' } }], backendRefs: [] }] },
          { name },
        ),
      ],
    },
    { what: 'Route to nowhere', objects: [route({ rules: [{ backendRefs: [{ name: 'gone', port: 1 }] }] }, { name })] },
    { what: 'AuthPolicy', objects: [serving, authPolicy({ targetRefs: target, authorize: 7 }, { name })] },
    { what: 'AuthPolicy without target', objects: [authPolicy({ targetRefs: [routeTarget('gone')] }, { name })] },
    {
      what: 'AuthPolicy with bad keys',
      objects: [
        serving,
        authPolicy(
          { targetRefs: target, authenticate: { jwt: [{ name: 'a', issuer: 'a', jwks: { inline: '{}' } }] } },
          { name },
        ),
      ],
    },
    {
      what: 'RateLimitPolicy',
      objects: [serving, rateLimitPolicy({ targetRefs: target, limits: [{ name: 'a' }] }, { name })],
    },
    { what: 'Service', objects: [service({ ports: [] }, { name })] },
    {
      what: 'Secret',
      objects: [object('Secret', name, { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'x' } })],
    },
    { what: 'ConfigMap', objects: [object('ConfigMap', name, {})] },
    { what: 'ReferenceGrant', objects: [object('ReferenceGrant', name, { spec: {} })] },
    { what: 'Namespace', objects: [namespace(name)] },
  ];

  test.each(cases)('changes no byte of others: $what', ({ objects }) => {
    const incremental = compiler();
    const before = incremental(snapshotOf(everything));
    const now = incremental(snapshotOf([...everything, ...objects]));
    expect(ownRoutes(now).filter(([, text]) => !text.includes('shop/broken/'))).toEqual(ownRoutes(before));
    const elsewhere = ({ files }: Compiled) => [...files].filter(([file]) => file.startsWith('bank/'));
    expect(elsewhere(now)).toEqual(elsewhere(before));
    const others = ({ files }: Compiled) =>
      [...files].filter(([file]) => file.startsWith('shop/edge ') && !file.includes('rds-'));
    expect(others(now)).toEqual(others(before));
  });

  /** Every rendered route by its place, in order. */
  function ownRoutes({ resources }: Compiled): readonly (readonly [string, string])[] {
    return everyRoute(tablesOf(resources)).flatMap(({ host: { gateway: key, file, domain }, route: one }) =>
      key === 'shop/broken' ? [] : [[`${key} ${file} ${domain}`, JSON.stringify(one)] as const],
    );
  }
});

describe('what does not concern a Route', () => {
  const unrelated: readonly { readonly what: string; readonly object: KubeObject }[] = [
    { what: 'another Service', object: service({}, { name: 'unrelated' }) },
    { what: 'another Secret', object: tlsSecret({ name: 'unrelated' }) },
    { what: 'another ConfigMap', object: object('ConfigMap', 'unrelated', {}) },
    { what: 'another Namespace', object: namespace('unrelated') },
    { what: 'a policy on nothing', object: authPolicy({ targetRefs: [routeTarget('gone')] }, { name: 'unrelated' }) },
    { what: 'another gateway', object: gateway({ defaultAccess: 'Public' }, { name: 'unrelated' }) },
    {
      what: 'a Route of another gateway',
      object: route({ parentRefs: [{ name: 'elsewhere' }] }, { name: 'unrelated' }),
    },
  ];

  test.each(unrelated)('does no work for it, and leaves its files: $what', ({ object: added }) => {
    const incremental = compiler();
    const start = snapshotOf(everything);
    const before = incremental(start);
    const now = incremental(changedBy(start, { forms: [added], form: added }));
    for (const [key, unit] of before.resolution.routes) expect(now.resolution.routes.get(key)).toBe(unit);
    for (const [key, edge] of before.edges) {
      const hashes = (files: typeof edge.files | undefined) => files?.map(({ name, hash }) => [name, hash]);
      expect(hashes(now.edges.get(key)?.files)).toEqual(hashes(edge.files));
      expect(now.edges.get(key)?.revision).toBe(edge.revision);
    }
  });

  test('a change of one Route leaves the others alone', () => {
    const incremental = compiler();
    const start = snapshotOf(everything);
    const before = incremental(start);
    const edited = route({ rules: [{ backendRefs: [backendRef({ weight: 2 })] }] });
    const now = incremental(changedBy(start, { forms: [edited], form: edited }));
    const same = [...before.resolution.routes].filter(([key, unit]) => now.resolution.routes.get(key) === unit);
    expect(same.map(([key]) => key).toSorted()).toEqual(['bank/pay', 'shop/other']);
    expect(now.edges.get('bank/second')?.revision).toBe(before.edges.get('bank/second')?.revision);
  });

  test('but an issuer more at its gateway shows where it counts callers', () => {
    const incremental = compiler();
    const counted = [
      gateway({ defaultAccess: 'Public' }),
      service(),
      route(),
      rateLimitPolicy({ limits: [{ name: 'each', requests: 1, per: 'Day', by: [{ claim: 'sub' }] }] }),
      route({ rules: [{ matches: [{ path: { value: '/other' } }], backendRefs: [backendRef()] }] }, { name: 'other' }),
    ];
    const start = snapshotOf(counted);
    incremental(start);
    const other = authPolicy({ targetRefs: [routeTarget('other')], authenticate: { jwt: [jwt()] } }, { name: 'other' });
    const next = changedBy(start, { forms: [other], form: other });
    expect(filesOf(incremental(next))).toEqual(filesOf(compiler()(next)));
    expect(filesOf(incremental(start))).toEqual(filesOf(compiler()(start)));
  });
});
