/** ApiGateways and their objects come, go, come back, and are meddled with. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ResourceType } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import { countsOf, endOf, idOf } from '../../testing/operator/oracles.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import {
  canary,
  createAll,
  guarded,
  keyMaterial,
  servingShop,
  shop,
  shopGateway,
} from '../../testing/operator/shop.ts';
import { trafficFaults } from '../../testing/operator/traffic.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

async function opened(options: Parameters<typeof pool.open>[0] = {}): Promise<OperatorRig> {
  return servingShop(await pool.open(options));
}

const edge = ({ api }: OperatorRig) => api.get(resources.ApiGateway, 'shop', 'edge');
const deletions = ({ api }: OperatorRig) => api.writes.filter(({ verb }) => verb === 'delete').map(idOf);
/** Ours, by the label that every child has. */
function childrenIn({ api }: OperatorRig): readonly string[] {
  return Object.entries(api.dump()).flatMap(([id, object]) =>
    JSON.stringify(object).includes('"evengate.dev/class":"evengate"') ? [id] : [],
  );
}

describe('an ApiGateway', () => {
  test('that is deleted leaves nothing behind, and comes back as it was', async () => {
    const rig = await opened();
    const before = endOf(rig);
    rig.api.delete(shopGateway());
    await rig.quiet();
    expect(childrenIn(rig)).toEqual([]);
    expect(deletions(rig)).toEqual([]);
    expect(conditionOf(rig.api.get(resources.Route, 'shop', 'menu'), 'Ready')).toBe('False NoMatchingParent');
    rig.api.create(shopGateway());
    await rig.quiet();
    expect(endOf(rig)).toEqual(before);
  });

  test('comes back under its name while its old objects are being collected', async () => {
    const rig = await opened({ garbageCollection: false });
    const before = endOf(rig);
    rig.api.delete(shopGateway());
    rig.api.create(shopGateway());
    await rig.quiet();
    expect(conditionOf(edge(rig), 'Ready')).toBe('Unknown Pending');
    rig.api.collectGarbage();
    await rig.quiet();
    rig.api.collectGarbage();
    await rig.quiet();
    expect(endOf(rig)).toEqual(before);
    expect(deletions(rig)).toEqual([]);
    expect(trafficFaults(rig.pods.everyEnvoy(), { guarded })).toEqual([]);
  });

  test.each(['Foreground', 'Orphan'] as const)(
    'is deleted with %s propagation, also without an operator',
    async (how) => {
      const rig = await opened();
      await rig.kill();
      rig.api.delete(shopGateway(), how);
      expect(edge(rig)).toBeUndefined();
      if (how === 'Foreground') expect(childrenIn(rig)).toEqual([]);
    },
  );

  test('goes with its namespace, and nothing is written after that', async () => {
    const rig = await opened({ strictNamespaces: false });
    rig.api.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await rig.quiet();
    const { length } = rig.writes();
    await rig.quiet(100_000);
    expect(rig.writes()).toHaveLength(length);
    expect(rig.api.list(resources.ConfigMap)).toEqual([]);
  });

  test('serves on when it cannot be read any more', async () => {
    const rig = await opened({ validate: () => [] });
    const before = childrenIn(rig);
    rig.api.put({ ...shopGateway(), spec: { listeners: 'none' } });
    await rig.quiet();
    expect(conditionOf(edge(rig), 'Ready')).toBe('False Invalid');
    expect(childrenIn(rig)).toEqual(before);
    expect(trafficFaults(rig.pods.everyEnvoy(), { guarded, lasting: ['shop/menu'] })).toEqual([]);
  });

  test('that asks for an autoscaler no more loses it, and one with a single Envoy its budget', async () => {
    const rig = await opened();
    const before = endOf(rig);
    rig.api.put(shopGateway({ workload: { autoscaling: { maxReplicas: 4 } } }));
    await rig.quiet();
    expect(rig.api.list(resources.HorizontalPodAutoscaler)).toHaveLength(1);
    rig.api.put(shopGateway({ workload: { replicas: 1 } }));
    await rig.quiet();
    expect(deletions(rig)).toEqual([
      'delete HorizontalPodAutoscaler shop/edge-edge',
      'delete PodDisruptionBudget shop/edge-edge',
    ]);
    const bodies = rig.api.writes.flatMap(({ verb, body }) => (verb === 'delete' ? [JSON.parse(body) as object] : []));
    const preconditions = { uid: expect.any(String), resourceVersion: expect.any(String) };
    for (const body of bodies) expect(body).toMatchObject({ preconditions });
    rig.api.put(shopGateway());
    await rig.quiet();
    expect(endOf(rig)).toEqual(before);
  });
});

const children: readonly (readonly [ResourceType, string])[] = [
  [resources.ServiceAccount, 'edge-edge'],
  [resources.ConfigMap, 'edge-edge-bootstrap'],
  [resources.ConfigMap, 'edge-edge-config-0'],
  [resources.NetworkPolicy, 'edge-edge'],
  [resources.Service, 'edge-edge'],
  [resources.Deployment, 'edge-edge'],
  [resources.PodDisruptionBudget, 'edge-edge'],
];

describe('an object of an ApiGateway', () => {
  test.each(children)('$0.kind $1 that is deleted comes back', async (type, name) => {
    const rig = await opened();
    const before = endOf(rig);
    rig.api.delete(rig.api.get(type, 'shop', name) as KubeObject);
    await rig.quiet();
    expect(endOf(rig)).toEqual(before);
  });

  test.each([
    [resources.ConfigMap, 'edge-edge-config-0', { data: { 'lds.json': '{}' } }],
    [resources.ConfigMap, 'edge-edge-bootstrap', { data: { 'bootstrap.json': '{}' } }],
    [resources.Service, 'edge-edge', { spec: { selector: { app: 'other' } } }],
    [resources.Deployment, 'edge-edge', { spec: { replicas: 5 } }],
    [resources.NetworkPolicy, 'edge-edge', { spec: { podSelector: { matchLabels: { a: 'b' } } } }],
    [resources.Deployment, 'edge-edge', { metadata: { labels: { 'evengate.dev/class': 'other' } } }],
    [resources.ConfigMap, 'edge-edge-config-0', { metadata: { labels: { 'evengate.dev/class': null } } }],
  ])('$0.kind $1 that is edited is restored, once: $2', async (type, name, edit) => {
    const rig = await opened();
    const before = endOf(rig);
    const { length } = rig.writes();
    rig.api.patch(rig.api.get(type, 'shop', name) as KubeObject, edit);
    await rig.quiet();
    expect(endOf(rig)).toEqual(before);
    const counts = countsOf(
      rig
        .writes()
        .slice(length)
        .filter(({ kind }) => kind !== 'Pod'),
    );
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(2);
    expect(trafficFaults(rig.pods.everyEnvoy(), { guarded })).toEqual([]);
  });

  test('keeps what others add to it', async () => {
    const rig = await opened();
    const service = rig.api.get(resources.Service, 'shop', 'edge-edge') as KubeObject;
    const deployment = rig.api.get(resources.Deployment, 'shop', 'edge-edge') as KubeObject;
    const { length } = rig.writes();
    rig.api.patch(service, {
      metadata: { annotations: { 'cloud.example.com/id': '7' } },
      spec: { externalIPs: ['192.0.2.7'] },
    });
    rig.api.patch(deployment, { metadata: { annotations: { 'deployment.kubernetes.io/revision': '2' } } });
    await rig.quiet();
    expect(rig.writes().slice(length).map(idOf)).toEqual([]);
  });

  test('is not fought over: who changes it a hundred times is answered seldom', async () => {
    const rig = await opened();
    const { api } = rig;
    let fights = 0;
    const end = api.onChange(({ type, after }) => {
      if (type.kind !== 'NetworkPolicy' || after === undefined || fights >= 100) return;
      const { podSelector } = after['spec'] as { readonly podSelector?: { readonly matchLabels?: object } };
      if ('a' in (podSelector?.matchLabels ?? {})) return;
      fights += 1;
      api.patch(after as unknown as KubeObject, { spec: { podSelector: { matchLabels: { a: 'b' } } } });
    });
    const { length } = rig.writes();
    api.patch(api.get(resources.NetworkPolicy, 'shop', 'edge-edge') as KubeObject, {
      metadata: { annotations: { x: 'y' } },
    });
    for (let minute = 0; minute < 10; minute += 1) await rig.clock.sleep(60_000);
    expect(fights).toBeGreaterThan(5);
    expect(rig.writes().slice(length).length).toBeLessThan(15);
    end();
    for (let minute = 0; minute < 10; minute += 1) await rig.clock.sleep(60_000);
    const stored = api.get(resources.NetworkPolicy, 'shop', 'edge-edge');
    expect(JSON.stringify(stored?.spec)).toContain('"evengate.dev/gateway":"edge"');
  });
});

describe('a name that is taken', () => {
  const foreign: readonly KubeObject[] = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'edge-edge', namespace: 'shop' },
      spec: { ports: [{ port: 1 }] },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'edge-edge-config-0', namespace: 'shop' } },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'edge-edge', namespace: 'shop' }, spec: {} },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'edge-edge-tls-9bb675c7b34d', namespace: 'shop' } },
  ];
  test.each(foreign)(
    '$kind: it is left alone, a condition names it, and it is taken over by nobody',
    async (object) => {
      const undisturbed = endOf(await opened());
      const rig = await pool.open();
      rig.api.create(object);
      const before = rig.api.dump(object.kind);
      createAll(rig.api, shop());
      const id = `${object.kind} shop/${object.metadata.name}`;
      rig.start({ readSecrets: true });
      await rig.quiet();
      expect(conditionOf(edge(rig), 'Programmed')).toBe('False NameTaken');
      expect(JSON.stringify(edge(rig))).toContain(
        `${object.kind} shop/${object.metadata.name} exists and does not belong`,
      );
      if (!['Service', 'Deployment'].includes(object.kind)) expect(rig.api.dump(object.kind)[id]).toEqual(before[id]);
      expect(rig.writes().filter((write) => idOf(write).endsWith(id))).toEqual([]);
      rig.api.delete(object);
      await rig.quiet(100_000);
      expect(endOf(rig)).toEqual(undisturbed);
    },
  );
});

test('no Secret is told to anybody', async () => {
  const rig = await opened();
  for (const secret of [canary, ...keyMaterial]) {
    const where = rig.api.requests
      .filter(({ body }) => body.includes(secret))
      .map(({ verb, path }) => `${verb} ${path}`);
    const mirrored = where.filter((one) => /^patch .*\/secrets\/edge-edge-tls-/.test(one));
    expect(where).toEqual(secret === keyMaterial[1] ? mirrored : []);
    expect(rig.log.join('')).not.toContain(secret);
    const others = Object.entries(rig.api.dump()).filter(([id]) => !id.startsWith('Secret '));
    expect(others.filter(([, object]) => JSON.stringify(object).includes(secret))).toEqual([]);
  }
});
