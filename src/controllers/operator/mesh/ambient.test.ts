/** Mode Ambient: nobody is refused by a mesh that Istio has not made ready, and what Istio says of it is told. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy, IstioCondition } from '../../../istio/security.ts';
import { waypointBound } from '../../../kube/core.ts';
import { type KubeObject, objectKey } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import { resources } from '../../../kube/resources.ts';
import { service } from '../../../testing/build.ts';
import { meshedShop, workloadPod } from '../../../testing/operator/meshed-shop.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';

const pool = rigPool();
afterEach(pool.stop);

/** As Istio's CNI leaves it. */
function captured(app: string): KubeObject {
  const pod = workloadPod(app, 'none');
  return { ...pod, metadata: { ...pod.metadata, annotations: { 'ambient.istio.io/redirection': 'enabled' } } };
}

async function opened(waypoint?: object): Promise<OperatorRig> {
  const rig = await pool.open();
  const objects = meshedShop({ mode: 'Ambient', ...(waypoint && { waypoint }) });
  createAll(rig.api, [...objects.filter(({ kind }) => kind !== 'Pod'), captured('orders'), captured('billing')]);
  rig.start();
  await rig.quiet(40_000);
  return rig;
}

const policiesOf = ({ api }: OperatorRig, app: string) =>
  api
    .list(resources.AuthorizationPolicy)
    .filter(({ metadata }) => metadata.name.includes(app))
    .map((object) => objectKey(object))
    .toSorted();

const policy = ({ api }: OperatorRig) => api.get(resources.AuthPolicy, 'shop', 'orders');
const meshed = (rig: OperatorRig) => conditionOf(policy(rig), 'MeshEnforced');

async function say(rig: OperatorRig, object: KubeObject | undefined, condition: IstioCondition): Promise<void> {
  if (object === undefined) throw new Error('there is nothing to say it of');
  rig.api.putStatus(object, { conditions: [condition] });
  await rig.quiet(40_000);
}

async function bind(rig: OperatorRig, status: 'True' | 'False', message: string): Promise<void> {
  const reason = status === 'True' ? 'WaypointAccepted' : 'WaypointIsNotReady';
  await say(rig, rig.api.get(resources.Service, 'shop', 'orders'), { type: waypointBound, status, reason, message });
}

describe('a workload behind a waypoint', () => {
  test('of which the Service takes other Pods: its old ones admit what is under way through the waypoint, then nobody', async () => {
    const rig = await opened({ name: 'wp' });
    await bind(rig, 'True', 'Successfully attached to waypoint shop/wp');
    const at = (name: string) => {
      const all = rig.api.list(resources.AuthorizationPolicy) as readonly AuthorizationPolicy[];
      const found = all.find(
        ({ metadata }) => metadata.name.startsWith(name) && metadata.name.endsWith('.ztunnel-allow'),
      );
      return [found?.spec?.selector?.matchLabels?.['app'], JSON.stringify(found?.spec?.rules).includes('/sa/wp"')];
    };
    const selector = { app: 'green' };
    rig.api.put(service({ selector, ports: [{ name: 'http', port: 80, targetPort: 9090 }] }, { name: 'orders' }));
    await rig.clock.sleep(20_000);
    const [now, before] = ['evengate-orders.ztunnel', 'evengate-orders.former'];
    expect([at(now), at(before)]).toEqual([
      ['green', true],
      ['orders', true],
    ]);
    await rig.quiet(100_000);
    expect(at(before)).toEqual(['orders', false]);
  });

  test('is closed once Istio has bound its Service, Pending with the reason until then, and stays closed', async () => {
    const rig = await opened({ name: 'wp' });
    expect([policiesOf(rig, 'orders'), meshed(rig)]).toEqual([[], 'Unknown Pending']);
    await bind(rig, 'False', 'waypoint "shop/wp" is not ready.');
    expect([policiesOf(rig, 'orders'), meshed(rig)]).toEqual([[], 'Unknown Pending']);
    expect(JSON.stringify(policy(rig))).toContain(
      'closed once Istio has bound Service shop/orders to waypoint wp (waypoint \\"shop/wp\\" is not ready)',
    );
    await bind(rig, 'True', 'Successfully attached to waypoint shop/wp');
    const closed = policiesOf(rig, 'orders');
    expect(closed).toEqual(['shop/evengate-orders.waypoint-allow', 'shop/evengate-orders.ztunnel-allow']);
    expect(meshed(rig)).toBe('True Full');
    await bind(rig, 'False', 'waypoint "shop/wp" is not ready.');
    expect([policiesOf(rig, 'orders'), meshed(rig)]).toEqual([closed, 'False NotEnrolled']);
    expect(JSON.stringify(policy(rig))).toContain('create Gateway shop/wp of class istio-waypoint');
    await bind(rig, 'True', 'Successfully attached to waypoint shop/other');
    expect([policiesOf(rig, 'orders'), meshed(rig)]).toEqual([closed, 'False NotEnrolled']);
    expect(JSON.stringify(policy(rig))).toContain('has waypoint shop/other, and not shop/wp');
    await bind(rig, 'True', 'Successfully attached to waypoint shop/wp');
    expect(meshed(rig)).toBe('True Full');
  });

  test('is Pending while no Pod of its waypoint is ready, whatever Istio says', async () => {
    const rig = await opened({ name: 'wp' });
    await bind(rig, 'True', 'Successfully attached to waypoint shop/wp');
    const { status: _, ...pod } = workloadPod('wp', 'none') as Pod;
    const labels = { 'gateway.networking.k8s.io/gateway-name': 'wp' };
    const proxy = (name: string): KubeObject => ({ ...pod, metadata: { name, namespace: 'shop', labels } });
    const isReady = async (name: string, status: 'True' | 'False') => {
      rig.api.putStatus(proxy(name), { phase: 'Running', conditions: [{ type: 'Ready', status }] });
      await rig.quiet(40_000);
      return meshed(rig);
    };
    createAll(rig.api, [proxy('wp-0'), proxy('wp-1')]);
    expect(await isReady('wp-0', 'False')).toBe('Unknown Pending');
    expect(JSON.stringify(policy(rig))).toContain('no Pod of waypoint shop/wp is ready');
    expect(await isReady('wp-1', 'True')).toBe('True Full');
    const before = rig.writes().length;
    expect(await isReady('wp-0', 'True')).toBe('True Full');
    expect(rig.writes().slice(before)).toEqual([]);
    rig.api.delete(proxy('wp-0'));
    expect(await isReady('wp-1', 'False')).toBe('Unknown Pending');
  });

  // istiod writes the generation as a text, and True also for what it takes up in part.
  test.each<readonly [string, string, Omit<IstioCondition, 'observedGeneration'>, readonly [string, string]]>([
    [
      'AncestorNotBound',
      'waypoint-allow',
      {
        type: 'WaypointAccepted',
        status: 'False',
        reason: 'AncestorNotBound',
        message: 'Service shop/orders is not bound to a waypoint',
      },
      ['False NotEnrolled', 'is not bound to a waypoint'],
    ],
    [
      'UnsupportedValue',
      'ztunnel-allow',
      {
        type: 'ZtunnelAccepted',
        status: 'True',
        reason: 'UnsupportedValue',
        message: 'ztunnel does not support HTTP attributes (found: methods).',
      },
      ['False NotTranslatable', 'found: methods'],
    ],
  ])('is not called enforced where Istio says %s', async (_, end, condition, [expected, why]) => {
    const rig = await opened({ name: 'wp' });
    await bind(rig, 'True', '');
    const found = rig.api
      .list(resources.AuthorizationPolicy)
      .find(({ metadata }) => metadata.name.endsWith(`orders.${end}`));
    const accepted = { type: condition.type, status: 'True', reason: 'Accepted' };
    await say(rig, found, { ...accepted, observedGeneration: String(found?.metadata.generation) });
    expect(meshed(rig)).toBe('True Full');
    await say(rig, found, { ...condition, observedGeneration: String(found?.metadata.generation) });
    expect([meshed(rig), JSON.stringify(policy(rig)).includes(why)]).toEqual([expected, true]);
    // Of a policy that there is no more.
    await say(rig, found, { ...condition, observedGeneration: '0' });
    expect(meshed(rig)).toBe('True Full');
  });
});

test('without a waypoint a workload is closed at once, and its Envoys carry what ztunnel takes them up by', async () => {
  const rig = await opened();
  expect(policiesOf(rig, 'orders')).toEqual(['shop/evengate-orders.ztunnel-allow']);
  const [deployment] = rig.api.list(resources.Deployment) as readonly KubeObject[];
  expect(JSON.stringify(deployment)).toContain('"istio.io/dataplane-mode":"ambient"');
  expect(meshed(rig)).toBe('True PartlyAtEdge');
});
