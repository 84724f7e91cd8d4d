import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import type { EdgeFile } from '../../render/edge.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  jwt,
  rateLimitPolicy,
  route,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { compile, compiler } from '../../testing/compile.ts';
import { missingNames } from '../../testing/missing-names.ts';
import { type Phase, planPhases, planWithdrawal } from './phases.ts';

function filesOf(...objects: readonly KubeObject[]): readonly EdgeFile[] {
  return compile(objects).edges.get('shop/edge')?.files ?? [];
}

/** Per phase, what of each file that differs from the phase before: `new`, `both`, `gone`, … */
function shown(
  phases: readonly Phase[],
  previous: readonly EdgeFile[],
  next: readonly EdgeFile[],
): readonly (readonly [string, Readonly<Record<string, string>>])[] {
  const hashes = (files: readonly EdgeFile[]) => new Map(files.map(({ name, hash }) => [name, hash]));
  const old = hashes(previous);
  const fresh = hashes(next);
  let before = old;
  return phases.map(({ name, files }) => {
    const now = hashes(files);
    const what = (file: string) => {
      const hash = now.get(file);
      if (hash === undefined) return 'gone';
      return hash === fresh.get(file) ? 'new' : hash === old.get(file) ? 'old' : 'both';
    };
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
      (file) => before.get(file) !== now.get(file),
    );
    before = now;
    return [name, Object.fromEntries(changed.toSorted().map((file) => [file, what(file)]))];
  });
}

function plan(previous: readonly EdgeFile[], next: readonly EdgeFile[]) {
  return shown(planPhases(previous, next), previous, next);
}

const two = {
  listeners: [
    { name: 'web', port: 80, protocol: 'HTTP' },
    { name: 'admin', port: 8080, protocol: 'HTTP' },
  ],
};
const toOrders = [gateway(), route(), authPolicy(), service()];
const toCanary = [
  gateway(),
  route({ rules: [{ name: 'all', backendRefs: [backendRef({ name: 'canary' })] }] }),
  authPolicy(),
  service({}, { name: 'canary' }),
];
const answering = (body: string, ...more: readonly KubeObject[]) => [
  gateway(),
  route({ rules: [{ name: 'all', respond: { status: 200, body } }] }),
  authPolicy(),
  ...more,
];
const otherKey = jwt({ issuer: 'https://other.example.com' });
const guarded = (provider: object) => [
  gateway(),
  route(),
  authPolicy({ authenticate: { jwt: [provider] } }),
  service(),
];
const limited = (name: string, requests = 3) => [
  ...toOrders,
  rateLimitPolicy({ limits: [{ name, requests, per: 'Minute' }] }),
];

describe('planPhases', () => {
  test('an Envoy that starts finds everything', () => {
    const files = filesOf(...toOrders);
    expect(planPhases(undefined, files)).toEqual([{ name: 'all', files }]);
  });

  test('nothing changed, nothing done', () => {
    expect(plan(filesOf(...toOrders), filesOf(...toOrders))).toEqual([]);
  });

  test('a change of routes alone is one phase', () => {
    expect(plan(filesOf(...answering('one')), filesOf(...answering('two')))).toEqual([
      ['routes', { 'rds-http-80.json': 'new' }],
    ]);
  });

  test('another cluster: there before the routes, the old one gone after them', () => {
    expect(plan(filesOf(...toOrders), filesOf(...toCanary))).toEqual([
      ['clusters', { 'cds.json': 'both' }],
      ['routes', { 'rds-http-80.json': 'new' }],
      ['removals', { 'cds.json': 'new' }],
    ]);
  });

  test('a first cluster needs no removal, a last one nothing before', () => {
    const none = filesOf(...answering('one'));
    const one = filesOf(...toOrders);
    expect(plan(none, one).map(([name]) => name)).toEqual(['clusters', 'routes']);
    expect(plan(one, none).map(([name]) => name)).toEqual(['routes', 'removals']);
  });

  test('another issuer: known to the filter before the routes ask for it, the old one until they do not', () => {
    expect(plan(filesOf(...guarded(jwt())), filesOf(...guarded(otherKey)))).toEqual([
      ['listeners', { 'ecds-jwt-http-80.json': 'both' }],
      ['routes', { 'rds-http-80.json': 'new' }],
      ['removals', { 'ecds-jwt-http-80.json': 'new' }],
    ]);
  });

  test('a cluster and an issuer that do not need each other come together', () => {
    const before = filesOf(...guarded(jwt()));
    const moved = [...toCanary.slice(0, 2), authPolicy({ authenticate: { jwt: [otherKey] } }), ...toCanary.slice(3)];
    expect(plan(before, filesOf(...moved))).toEqual([
      ['listeners', { 'cds.json': 'both', 'ecds-jwt-http-80.json': 'both' }],
      ['routes', { 'rds-http-80.json': 'new' }],
      ['removals', { 'cds.json': 'new', 'ecds-jwt-http-80.json': 'new' }],
    ]);
  });

  test('an issuer whose keys come by a cluster comes after it, and so does a listener', () => {
    const remote = jwt({ jwks: { uri: 'https://login.example.com/keys' } });
    const none = filesOf(...toOrders);
    expect(plan(none, filesOf(...guarded(remote))).map(([name]) => name)).toEqual(['clusters', 'listeners', 'routes']);
    const large = filesOf(gateway(two), ...toCanary.slice(1));
    expect(plan(none, large).map(([name]) => name)).toEqual(['clusters', 'listeners', 'routes', 'removals']);
  });

  test('both issuers and both requirements stand in between', () => {
    const phases = planPhases(filesOf(...guarded(jwt())), filesOf(...guarded(otherKey)));
    const text = phases[0]?.files.find(({ name }) => name.startsWith('ecds-jwt'))?.text('v') ?? '';
    const { version_info, resources } = JSON.parse(text);
    expect(version_info).toBe('v');
    const { providers, requirement_map } = resources[0].typed_config;
    const issuers = Object.values(providers as Record<string, { issuer: string }>).map(({ issuer }) => issuer);
    expect(issuers.toSorted()).toEqual(['https://login.example.com', 'https://other.example.com']);
    expect(Object.keys(requirement_map)).toHaveLength(3);
  });

  test('a first issuer comes before the routes, a last one goes after them', () => {
    const open = filesOf(...toOrders);
    const closed = filesOf(...guarded(jwt()));
    expect(plan(open, closed).map(([name]) => name)).toEqual(['listeners', 'routes']);
    expect(plan(closed, open).map(([name]) => name)).toEqual(['routes', 'removals']);
  });

  test('another limit: both count in between; another number of the same limit is simply new', () => {
    expect(plan(filesOf(...limited('a')), filesOf(...limited('b')))).toEqual([
      ['listeners', { 'ecds-limits-http-80.json': 'both' }],
      ['routes', { 'rds-http-80.json': 'new' }],
      ['removals', { 'ecds-limits-http-80.json': 'new' }],
    ]);
    expect(plan(filesOf(...limited('a')), filesOf(...limited('a', 5)))).toEqual([
      ['listeners', { 'ecds-limits-http-80.json': 'new' }],
    ]);
  });

  test('a new listener comes with all of its own files, and one that goes takes them with it', () => {
    const small = filesOf(...toOrders);
    const large = filesOf(gateway(two), ...toOrders.slice(1));
    const own = (what: string) =>
      Object.fromEntries(
        ['ecds-jwt-http-8080.json', 'ecds-limits-http-8080.json', 'lds.json', 'rds-http-8080.json'].map((file) => [
          file,
          file === 'lds.json' ? 'new' : what,
        ]),
      );
    expect(plan(small, large)).toEqual([['listeners', own('new')]]);
    expect(plan(large, small)).toEqual([['removals', own('gone')]]);
  });

  test('a listener that moves: the new one serves before the old one goes', () => {
    const moved = gateway({ listeners: [{ name: 'web', port: 8080, protocol: 'HTTP' }] });
    const phases = planPhases(filesOf(...toOrders), filesOf(moved, ...toOrders.slice(1)));
    const listeners = phases.map(({ name, files }) => {
      const { resources } = JSON.parse(files.find((file) => file.name === 'lds.json')?.text('') ?? '{}');
      return [name, resources.map((resource: { name: string }) => resource.name)];
    });
    expect(listeners).toEqual([
      ['listeners', ['tcp-8080', 'tcp-80']],
      ['removals', ['tcp-8080']],
    ]);
  });

  test('a new listener that binds where an old one did takes its place at once', () => {
    const address = (file: EdgeFile): EdgeFile =>
      file.name === 'lds.json'
        ? { ...file, text: (version) => file.text(version).replace(/"port_value":\d+/, '"port_value":1') }
        : file;
    const moved = gateway({ listeners: [{ name: 'web', port: 8080, protocol: 'HTTP' }] });
    const before = filesOf(...toOrders).map(address);
    const after = filesOf(moved, ...toOrders.slice(1)).map(address);
    const [first] = planPhases(before, after);
    expect(first?.files.find(({ name }) => name === 'lds.json')?.text('')).not.toContain('"tcp-80"');
  });

  test('every phase names only clusters, requirements and files that are there', () => {
    const worlds = [toOrders, toCanary, guarded(jwt()), guarded(otherKey), limited('a'), answering('x')].map(
      (objects) => filesOf(...objects),
    );
    for (const before of worlds) {
      for (const after of worlds) {
        for (const { files } of planPhases(before, after)) {
          expect(missingNames(new Map(files.map((file) => [file.name, file.text('')])))).toEqual([]);
        }
      }
    }
  });
});

describe('planWithdrawal', () => {
  const good = filesOf(...toOrders);
  const phases = planPhases(good, filesOf(...toCanary));

  test('before the routes phase everything goes back at once', () => {
    const [clusters] = phases;
    expect(clusters?.name).toBe('clusters');
    expect(clusters && planWithdrawal(clusters, good)).toEqual([{ name: 'removals', files: good }]);
  });

  test('from the routes phase, routes go back first', () => {
    const routes = phases.find(({ name }) => name === 'routes') ?? { name: 'routes' as const, files: [] };
    const back = planWithdrawal(routes, good);
    expect(back.map(({ name }) => name)).toEqual(['routes', 'removals']);
    const file = (phase: Phase | undefined, name: string) => phase?.files.find((one) => one.name === name)?.hash;
    const hash = (name: string) => good.find((one) => one.name === name)?.hash;
    expect(file(back[0], 'rds-http-80.json')).toBe(hash('rds-http-80.json'));
    expect(file(back[0], 'cds.json')).toBe(file(routes, 'cds.json'));
    expect(back[1]?.files).toEqual(good);
  });
});

/** Files of one world after the other, as an operator that runs renders them. */
function history(...worlds: readonly (readonly KubeObject[])[]): readonly (readonly EdgeFile[])[] {
  const compileNext = compiler();
  const kept = new Map<string, KubeObject>();
  return worlds.map((objects) => {
    // An object that says the same is the same object, as in a cache.
    const same = objects.map((object) => {
      const text = JSON.stringify(object);
      const known = kept.get(text) ?? object;
      kept.set(text, known);
      return known;
    });
    return compileNext(snapshotOf(same)).edges.get('shop/edge')?.files ?? [];
  });
}

function named(name: string, host: string, backend: string): KubeObject {
  const rules = [{ name: 'all', backendRefs: [backendRef({ name: backend })] }];
  const one = route({ hostnames: [host], rules });
  return { ...one, metadata: { ...one.metadata, name } };
}

function covered(name: string): KubeObject {
  const one = authPolicy({ targetRefs: [{ kind: 'Route', name }] });
  return { ...one, metadata: { ...one.metadata, name } };
}

describe('a new host', () => {
  const orders = [named('orders', 'orders.example.com', 'orders'), covered('orders'), service()];
  const canary = service({}, { name: 'canary' });
  const fresh = [named('new', 'new.example.com', 'canary'), covered('new'), canary];
  const phasesOf = (...worlds: readonly (readonly KubeObject[])[]) => {
    const [before = [], after = []] = history(...worlds);
    return plan(before, after);
  };

  test('comes in the same moment as its cluster', () => {
    expect(phasesOf([gateway(), ...orders], [gateway(), ...orders, ...fresh])).toEqual([
      ['clusters', { 'cds.json': 'new', 'rds-http-80.json': 'new' }],
    ]);
  });

  test('comes after it where a wildcard served the host', () => {
    const wide = [named('wide', '*.example.com', 'orders'), covered('wide')];
    const phases = phasesOf([gateway(), ...orders, ...wide], [gateway(), ...orders, ...wide, ...fresh]);
    expect(phases.map(([name]) => name)).toEqual(['clusters', 'routes']);
  });

  test('comes after it where another host changes, too', () => {
    const moved = [named('orders', 'orders.example.com', 'canary'), covered('orders'), service()];
    const phases = phasesOf([gateway(), ...orders], [gateway(), ...moved, ...fresh]);
    expect(phases.map(([name]) => name)).toEqual(['clusters', 'routes', 'removals']);
  });

  test('comes after what its filters have to learn', () => {
    const token = authPolicy({ targetRefs: [{ kind: 'Route', name: 'new' }], authenticate: { jwt: [otherKey] } });
    const guard = { ...token, metadata: { ...token.metadata, name: 'new' } };
    const [, ...others] = fresh.filter(({ kind }) => kind !== 'AuthPolicy');
    const [first] = fresh;
    const phases = phasesOf(
      [gateway(), ...orders],
      [gateway(), ...orders, ...(first === undefined ? [] : [first]), ...others, guard],
    );
    expect(phases.map(([name]) => name).at(-1)).toBe('routes');
    expect(phases.length).toBeGreaterThan(1);
  });
});
