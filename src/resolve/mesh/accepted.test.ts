import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type KubeObject, objectKey } from '../../kube/object.ts';
import { isWatchedKind, type Snapshot } from '../../kube/snapshot.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  jwt,
  object,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { type Compiled, compile, compiler, type JsonObject } from '../../testing/compile.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { everyRoute, filtersOf, tablesOf } from '../../testing/tables.ts';

const sidecar = { mode: 'Sidecar' };
const edge = (mesh: object | undefined = sidecar, name = 'edge') =>
  gateway({ defaultAccess: 'Public', ...(mesh === undefined ? {} : { mesh }) }, { name });
const at = (name: string, ...names: readonly string[]) => ({
  name,
  matches: [{ path: { value: `/${name}` } }],
  backendRefs: names.map((one) => backendRef({ name: one })),
});
const workload = (name: string, more: object = {}) => service({ selector: { app: name, ...more } }, { name });
const corp = jwt({ issuer: 'corp' });
const partner = jwt({ issuer: 'partner' });
const needing = (rule: string, issuer: object, more: object = {}) =>
  authPolicy(
    { targetRefs: [routeTarget('orders', rule)], authorize: undefined, authenticate: { jwt: [issuer] }, ...more },
    { name: rule },
  );

const rules = [
  at('guarded', 'orders'),
  at('public', 'orders'),
  at('other', 'pay'),
  at('both', 'orders', 'pay'),
  { name: 'moved', matches: [{ path: { value: '/moved' } }], redirect: { hostname: 'example.com' } },
];
const world = [edge(), workload('orders'), workload('pay'), route({ rules }), needing('guarded', corp)];

/** By rule: of whom a token passes, in the order in which they are asked; `any` is what the chain says. */
function asked({ resources }: Compiled, gatewayKey = 'shop/edge'): Readonly<Record<string, string>> {
  const routes = everyRoute(tablesOf(resources.filter((one) => one.gateway === gatewayKey)));
  const config = resources.find((one) => one.gateway === gatewayKey && one.file === 'ecds-jwt-http-80.json')?.json;
  const { providers, requirement_map: map } = (config?.['typed_config'] ?? {}) as {
    readonly providers: Readonly<Record<string, { readonly issuer: string }>>;
    readonly requirement_map: Readonly<Record<string, JsonObject>>;
  };
  const words = (requirement: JsonObject = {}): string => {
    const { provider_name: id, requires_any: any } = requirement;
    if (any !== undefined) return (any as { requirements: JsonObject[] }).requirements.map(words).join(' ');
    if ('allow_missing_or_failed' in requirement) return 'any';
    return 'allow_missing' in requirement ? 'none' : (providers[String(id)]?.issuer ?? 'unheard of');
  };
  return Object.fromEntries(
    routes.flatMap(({ host, route: { name, ...rest } }) => {
      const [, , rule] = name.split('/');
      const token = filtersOf(host, { name, ...rest })['jwt.http-80'];
      return rule === undefined ? [] : [[rule, words(map[String(token?.['requirement_name'])])]];
    }),
  );
}

describe('a route asks for the tokens that the workload behind it takes', () => {
  const chain = { guarded: 'corp', public: 'any', other: 'any', both: 'any', moved: 'any' };
  const one = { ...chain, public: 'corp none', both: 'corp none' };
  const second = [
    edge(sidecar, 'second'),
    route({ parentRefs: [{ name: 'second' }], rules: [at('x', 'pay')] }, { name: 'x' }),
  ];
  const partnerAt = (name: string, more: object = {}) =>
    authPolicy(
      { targetRefs: [routeTarget(name)], authorize: undefined, authenticate: { jwt: [partner] }, ...more },
      { name: 'partner' },
    );
  test.each<readonly [what: string, objects: readonly KubeObject[], asked: Readonly<Record<string, string>>]>([
    ['of the workloads that its policies guard', world, one],
    [
      'where several policies guard one workload, each its own first',
      [...world, needing('public', partner)],
      { ...one, guarded: 'corp partner', public: 'partner corp', both: expect.any(String) as unknown as string },
    ],
    [
      'also where a policy at another gateway guards it',
      [...world, ...second, partnerAt('x')],
      {
        ...one,
        other: 'partner none',
        both: expect.stringMatching(/^(corp partner|partner corp) none$/) as unknown as string,
      },
    ],
    ['and not what a policy in Shadow names', [...world, ...second, partnerAt('x', { mode: 'Shadow' })], one],
    ['outside of a mesh, the chain says it', [...world, gateway({ defaultAccess: 'Public' })], chain],
    ['where the mesh only counts, too', [...world, edge({ ...sidecar, enforcement: 'Shadow' })], chain],
    ['and where nothing reads tokens', [...world, edge({ mode: 'Ambient' })], chain],
    ['or no Pods are selected', [...world, service()], chain],
  ])('%s', (_what, objects, expected) => {
    expect(asked(compile(objects))).toEqual(expected);
  });
});

const universe: readonly (readonly [KubeObject, ...KubeObject[]])[] = [
  [
    edge(),
    edge(undefined),
    edge({ ...sidecar, enforcement: 'Shadow' }),
    edge({ mode: 'Ambient', waypoint: { name: 'w' } }),
  ],
  [edge(sidecar, 'second'), edge(undefined, 'second')],
  [route({ rules }), route({ rules: [...rules.slice(2), at('guarded', 'pay')] })],
  [
    route({ parentRefs: [{ name: 'second' }], rules: [at('x', 'orders')] }, { name: 'x' }),
    route({ hostnames: ['a.example.com'], rules: [at('x', 'pay'), at('y', 'orders')] }, { name: 'x' }),
  ],
  [needing('guarded', corp), needing('guarded', partner), needing('guarded', corp, { mode: 'Shadow' })],
  [
    authPolicy(
      { targetRefs: [routeTarget('x')], authorize: undefined, authenticate: { jwt: [partner] } },
      { name: 'x' },
    ),
    authPolicy(
      { targetRefs: [routeTarget('x')], authenticate: { jwt: [corp] }, authorize: { deny: [{}] } },
      { name: 'x' },
    ),
  ],
  [rateLimitPolicy({ limits: [{ name: 'each', requests: 5, per: 'Minute', by: [{ claim: 'sub' }] }] })],
  [workload('orders'), service(), workload('orders', { track: 'stable' })],
  [workload('pay'), service({ selector: { app: 'orders' } }, { name: 'pay' })],
];

const step = fc
  .constantFrom(...universe)
  .chain((forms) => fc.tuple(fc.constant(forms[0]), fc.option(fc.constantFrom(...forms), { nil: undefined, freq: 4 })));

function changedBy(snapshot: Snapshot, first: KubeObject, form: KubeObject | undefined): Snapshot {
  const { kind } = first;
  if (!isWatchedKind(kind)) throw new Error(kind);
  const next = new Map<string, KubeObject>(snapshot[kind]);
  if (form === undefined) next.delete(objectKey(first));
  else next.set(objectKey(form), { ...form });
  return { ...snapshot, [kind]: next };
}

test('whatever happens, one after another, is rendered as if it had been so from the start', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 10, size: 'max' }), (steps) => {
      const incremental = compiler();
      let snapshot = snapshotOf(universe.map(([good]) => good));
      incremental(snapshot);
      for (const [first, form] of steps) {
        snapshot = changedBy(snapshot, first, form);
        const [now, fresh] = [incremental(snapshot), compiler()(snapshot)];
        expect(Object.fromEntries(now.files)).toEqual(Object.fromEntries(fresh.files));
        expect([...now.edges.values()].map(({ revision }) => revision).toSorted()).toEqual(
          [...fresh.edges.values()].map(({ revision }) => revision).toSorted(),
        );
      }
    }),
    fuzz(30),
  );
});

test('a gateway stays the same object while the workloads behind it take the same tokens', () => {
  const usual = compiler();
  const start = snapshotOf(world);
  const before = usual(start).resolution;
  const pod = object('Pod', 'one', { spec: { serviceAccountName: 'orders' } }, { labels: { app: 'orders' } });
  const more = changedBy(start, pod, pod);
  const after = usual(more).resolution;
  expect(after.mesh.workloads).not.toBe(before.mesh.workloads);
  expect(after.gateways.get('shop/edge')?.chains).toBe(before.gateways.get('shop/edge')?.chains);
});
