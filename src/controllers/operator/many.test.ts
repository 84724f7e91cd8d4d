/** Many objects, and some of them broken: each is reported once, and none is another's trouble. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import type { ReportedKind } from '../../reconcilers/statuses.ts';
import {
  authPolicy,
  configMap,
  corpJwks,
  gateway,
  jwt,
  object,
  rateLimitPolicy,
  routeTarget,
  service,
} from '../../testing/build.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import type { ApiRequest } from '../../testing/kube-api/request.ts';
import { countsOf, endOf, idOf, repeatedEvents, reportFaults } from '../../testing/operator/oracles.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import {
  createAll,
  guardFor,
  httpGateway,
  pathRoute,
  publicFor,
  servingShop,
  shop,
} from '../../testing/operator/shop.ts';
import { formsOf, trafficFaults } from '../../testing/operator/traffic.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

const names = (count: number) => Array.from({ length: count }, (_, index) => `r${String(index).padStart(3, '0')}`);

/** Ends every watch so that all is listed again. */
function relist({ api }: OperatorRig): void {
  for (const watch of api.watches()) watch.error(410);
  for (const watch of api.watches()) watch.close();
}

describe('nothing is written', () => {
  const opened = async () => servingShop(await pool.open());

  test.each<[string, (rig: OperatorRig) => void | Promise<void>]>([
    ['after time', (rig) => rig.quiet(100_000)],
    ['after everything was listed again', relist],
    ['after events without news', ({ api }) => api.bookmark()],
    [
      'after a restart',
      async ({ kill, start }) => {
        await kill();
        start({ readSecrets: true });
      },
    ],
    [
      'after a label or an annotation of a user',
      ({ api }) => {
        for (const one of shop()) {
          api.patch(one, {
            metadata: { labels: { team: 'a' }, annotations: { 'kubectl.kubernetes.io/last-applied': '{}' } },
          });
        }
      },
    ],
    [
      'after the same was applied again',
      ({ api }) => {
        for (const one of shop()) api.apply(one, 'kubectl');
      },
    ],
  ])('%s', async (_, happens) => {
    const rig = await opened();
    const { length } = rig.writes();
    await happens(rig);
    await rig.quiet();
    expect(rig.writes().slice(length).map(idOf)).toEqual([]);
  });
});

test('of 300 Routes that come at once each is reported once, with few publications', async () => {
  const rig = await pool.open();
  createAll(rig.api, [
    service(),
    httpGateway,
    authPolicy({ targetRefs: [{ kind: 'ApiGateway', name: 'edge' }], sufficient: true }),
  ]);
  rig.start();
  await rig.quiet();
  const { length } = rig.writes();
  for (const name of names(300)) rig.api.create(pathRoute(name));
  await rig.quiet();
  const counts = countsOf(rig.writes().slice(length));
  const ofRoutes = [...counts].filter(([id]) => id.startsWith('patch Route/status'));
  expect(ofRoutes).toHaveLength(300);
  expect(ofRoutes.filter(([, count]) => count !== 1)).toEqual([]);
  expect(counts.get('patch ApiGateway/status shop/edge')).toBeLessThan(6);
  expect(counts.get('apply ConfigMap shop/edge-edge-config-0')).toBeLessThan(12);
  expect(conditionOf(rig.api.get(resources.Route, 'shop', 'r299'), 'Ready')).toBe('True Ready');
  expect(reportFaults(rig.writes())).toEqual([]);
  expect(repeatedEvents(rig.writes())).toEqual([]);
  expect(rig.api.get(resources.ApiGateway, 'shop', 'edge')).toHaveProperty('status.attachedRoutes', 300);
});

const onBad = { targetRefs: [routeTarget('bad')] };
const regex = { matches: [{ path: { type: 'RegularExpression', value: '(' } }] };
const broken: readonly (readonly [string, readonly KubeObject[], ReportedKind])[] = [
  ['a Route', [pathRoute('bad', regex), publicFor('bad')], 'Route'],
  [
    'a Route of another shape',
    [object('Route', 'bad', { spec: { parentRefs: [{ name: 'edge' }], rules: 'all' } }), publicFor('bad')],
    'Route',
  ],
  ['an AuthPolicy', [pathRoute('bad'), guardFor('bad', { authorize: { allow: 'everyone' } })], 'AuthPolicy'],
  [
    'an AuthPolicy without its keys',
    [
      pathRoute('bad'),
      authPolicy(
        { ...onBad, authenticate: { jwt: [jwt({ jwks: { configMapRef: { name: 'none' } } })] } },
        { name: 'bad' },
      ),
    ],
    'AuthPolicy',
  ],
  [
    'a RateLimitPolicy',
    [pathRoute('bad'), publicFor('bad'), rateLimitPolicy({ ...onBad, limits: [{ requests: -1 }] }, { name: 'bad' })],
    'RateLimitPolicy',
  ],
  [
    'another ApiGateway',
    [gateway({ listeners: [{ name: 'web', port: 'http' }] }, { name: 'bad' }), pathRoute('bad')],
    'ApiGateway',
  ],
];

test('what is broken among 50 good Routes is told so, and shut, and nobody else notices', async () => {
  const rig = await pool.open({ validate: () => [] });
  const { api, quiet, writes, pods } = rig;
  createAll(api, [service(), configMap({ 'jwks.json': corpJwks }), httpGateway]);
  for (const name of names(50)) {
    createAll(api, [pathRoute(name), name < 'r025' ? publicFor(name) : guardFor(name)]);
  }
  rig.start();
  await quiet();
  const goodOnes = () => Object.entries(endOf(rig)).filter(([id]) => / shop\/r0/.test(id));
  const good = goodOnes();
  const { length } = writes();
  for (const [what, objects, kind] of broken) {
    createAll(api, objects);
    await quiet();
    const said = conditionOf(api.get(resources[kind], 'shop', 'bad'), 'Ready');
    expect([what, said]).toEqual([what, expect.stringMatching(/^False /)]);
    expect([what, goodOnes()]).toEqual([what, good]);
    for (const one of objects) api.delete(one);
    await quiet();
  }
  const noticed = writes()
    .slice(length)
    .map(idOf)
    .filter((id) => id.includes(' shop/r0'));
  expect(noticed).toEqual([]);
  const envoys = pods.everyEnvoy();
  for (const name of names(50)) expect(formsOf(envoys, `shop/${name}`)).toHaveLength(1);
  const guarded = ['shop/bad', 'shop/r025', 'shop/r049'];
  expect(trafficFaults(envoys, { guarded, lasting: ['shop/r000'] })).toEqual([]);
  expect(reportFaults(writes())).toEqual([]);
});

describe('what a policy needs', () => {
  const keys = (kind: 'configMapRef' | 'secretRef') =>
    authPolicy({ authenticate: { jwt: [jwt({ jwks: { [kind]: { name: 'corp-keys' } } })] }, authorize: undefined });
  const asSecret: KubeObject = {
    ...configMap({}),
    kind: 'Secret',
    data: { 'jwks.json': Buffer.from(corpJwks).toString('base64') },
  } as KubeObject;

  test.each([
    ['a ConfigMap', keys('configMapRef'), configMap({ 'jwks.json': corpJwks })],
    ['a Secret', keys('secretRef'), asSecret],
  ])(
    '%s that is late, goes, comes back: its Routes are never open, and the status follows',
    async (_, policy, keySet) => {
      const rig = await pool.open();
      const ready = () => conditionOf(rig.api.get(resources.AuthPolicy, 'shop', 'orders'), 'Ready');
      createAll(rig.api, [service(), httpGateway, pathRoute('orders'), policy]);
      rig.start({ readSecrets: true });
      await rig.quiet();
      const seen = [ready()];
      for (const happens of [
        () => rig.api.create(keySet),
        () => rig.api.delete(keySet),
        () => rig.api.create(keySet),
      ]) {
        happens();
        await rig.quiet();
        seen.push(ready());
      }
      expect(seen).toEqual(['False InvalidJwks', 'True Ready', 'False InvalidJwks', 'True Ready']);
      expect(trafficFaults(rig.pods.everyEnvoy(), { guarded: ['shop/orders'] })).toEqual([]);
    },
  );

  test('a ConfigMap that nobody says anything of holds the others up for ten seconds, and no longer', async () => {
    const rig = await pool.open();
    createAll(rig.api, [
      service(),
      httpGateway,
      pathRoute('orders'),
      keys('configMapRef'),
      pathRoute('menu'),
      publicFor('menu'),
    ]);
    const match = ({ verb, query }: ApiRequest) =>
      verb === 'list' && query.get('fieldSelector')?.endsWith('corp-keys') === true;
    const silence = rig.api.faults.add({ match, fault: { kind: 'hang' } });
    rig.start();
    await rig.clock.sleep(9000);
    expect(rig.pods.everyEnvoy()).toEqual([]);
    await rig.clock.sleep(9000);
    expect(conditionOf(rig.api.get(resources.Route, 'shop', 'menu'), 'Ready')).toBe('True Ready');
    silence.release();
    rig.api.create(configMap({ 'jwks.json': corpJwks }));
    await rig.quiet();
    expect(conditionOf(rig.api.get(resources.AuthPolicy, 'shop', 'orders'), 'Ready')).toBe('True Ready');
    expect(trafficFaults(rig.pods.everyEnvoy(), { guarded: ['shop/orders'], lasting: ['shop/menu'] })).toEqual([]);
  });

  test('a Secret that is forbidden, and then is not', async () => {
    let allowed = false;
    const rig = await pool.open({
      authorize: ({ resource, name }) => allowed || resource !== 'secrets' || name !== 'corp-keys',
    });
    createAll(rig.api, [
      service(),
      httpGateway,
      pathRoute('orders'),
      keys('secretRef'),
      asSecret,
      pathRoute('menu'),
      publicFor('menu'),
    ]);
    const ready = () => conditionOf(rig.api.get(resources.AuthPolicy, 'shop', 'orders'), 'Ready');
    rig.start({ readSecrets: true });
    await rig.clock.sleep(60_000);
    await rig.quiet();
    expect(conditionOf(rig.api.get(resources.Route, 'shop', 'menu'), 'Ready')).toBe('True Ready');
    expect(ready()).toBe('False InvalidJwks');
    allowed = true;
    await rig.quiet(100_000);
    expect(ready()).toBe('True Ready');
    expect(trafficFaults(rig.pods.everyEnvoy(), { guarded: ['shop/orders'] })).toEqual([]);
  });
});

test('lists that are empty for once take no Route away, and no object', async () => {
  const rig = await pool.open();
  createAll(rig.api, shop());
  rig.start({ readSecrets: true });
  await rig.quiet();
  const before = endOf(rig);
  const { length } = rig.writes();
  const struck = new Set<string>();
  const match = ({ verb, resource, query }: ApiRequest) => {
    const id = `${resource} ${query.get('labelSelector')} ${query.get('fieldSelector')}`;
    if (verb !== 'list' || struck.has(id)) return false;
    struck.add(id);
    return true;
  };
  rig.api.faults.add({ match, fault: { kind: 'empty-list' } });
  relist(rig);
  await rig.quiet();
  expect(struck.size).toBeGreaterThan(15);
  expect(rig.writes().slice(length).map(idOf)).toEqual([]);
  expect(endOf(rig)).toEqual(before);
});
