import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { namespace } from '../../../testing/build.ts';
import { meshedShop, meshGateway, ordersRoute } from '../../../testing/operator/meshed-shop.ts';
import { type OperatorRig, readyOf, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';

const pool = rigPool();
afterEach(pool.stop);

const asked = { mode: 'Ambient', enrolment: 'Managed', waypoint: { name: 'waypoint', managed: true } };

async function opened(mesh: object, own: Readonly<Record<string, string>> = {}, meshEnrolment = true) {
  const rig = await pool.open();
  createAll(rig.api, [namespace('shop', { team: 'shop', ...own }), ...meshedShop(mesh)]);
  rig.start({ meshEnrolment });
  await rig.quiet();
  return rig;
}

const labels = (object: KubeObject | undefined) => object?.metadata.labels;
function ofNamespace({ api }: OperatorRig) {
  const { 'kubernetes.io/metadata.name': _, ...others } = labels(api.get(resources.Namespace, '', 'shop')) ?? {};
  return others;
}
const ofOrders = ({ api }: OperatorRig) => labels(api.get(resources.Service, 'shop', 'orders'));
const waypoints = ({ api }: OperatorRig) => api.list(resources.Gateway).map(({ metadata }) => metadata.name);

describe('enrolment', () => {
  test('labels namespaces and Services and keeps waypoints, once, and nothing else of them changes', async () => {
    const rig = await opened(asked);
    expect(ofNamespace(rig)).toEqual({ team: 'shop', 'istio.io/dataplane-mode': 'ambient' });
    expect(ofOrders(rig)).toEqual({ 'istio.io/use-waypoint': 'waypoint', 'istio.io/ingress-use-waypoint': 'true' });
    expect(waypoints(rig)).toEqual(['waypoint']);
    const mark = rig.writes().length;
    await rig.kill();
    rig.start({ meshEnrolment: true });
    await rig.quiet(60_000);
    expect(rig.writes().slice(mark)).toEqual([]);
  });

  test('that is not asked for any more is undone, but for what others wrote', async () => {
    const rig = await opened(asked);
    rig.api.put(meshGateway({ mode: 'Ambient' }));
    await rig.quiet(60_000);
    expect([ofNamespace(rig), ofOrders(rig) ?? {}, waypoints(rig)]).toEqual([{ team: 'shop' }, {}, []]);
  });

  test('stays where something is kept closed: nobody would enforce it', async () => {
    const rig = await opened({ mode: 'Sidecar', enrolment: 'Managed' });
    expect(ofNamespace(rig)).toEqual({ team: 'shop', 'istio-injection': 'enabled' });
    rig.api.delete(ordersRoute());
    for (const { metadata } of rig.api.list(resources.AuthPolicy)) {
      rig.api.delete({ apiVersion: 'evengate.dev/v1alpha1', kind: 'AuthPolicy', metadata });
    }
    await rig.quiet(100_000);
    expect(ofNamespace(rig)).toEqual({ team: 'shop', 'istio-injection': 'enabled' });
  });

  test('stays while drained Envoys send there: who takes it out of the mesh opens what is closed', async () => {
    const mesh = { mode: 'Sidecar', enrolment: 'Managed' };
    const rig = await pool.open({ graceMs: 60_000 });
    const isOfBilling = ({ metadata: { name } }: KubeObject) => name.startsWith('billing');
    createAll(rig.api, [namespace('shop', { team: 'shop' }), ...meshedShop(mesh).filter((one) => !isOfBilling(one))]);
    rig.start({ meshEnrolment: true });
    await rig.quiet();
    rig.api.put(meshGateway(mesh, { workload: { template: { annotations: { 'example.com/rollout': '1' } } } }));
    await rig.clock.sleep(1000);
    rig.api.delete(ordersRoute());
    for (const ms of [20_000, 20_000, 60_000, 60_000]) {
      await rig.clock.sleep(ms);
      expect(ofNamespace(rig)).toEqual({ team: 'shop', 'istio-injection': 'enabled' });
    }
  });

  test('takes no label from anybody, and says so until it is gone', async () => {
    const rig = await opened({ mode: 'Sidecar', enrolment: 'Managed' }, { 'istio-injection': 'disabled' });
    expect(ofNamespace(rig)).toEqual({ team: 'shop', 'istio-injection': 'disabled' });
    const edge = () => rig.api.get(resources.ApiGateway, 'shop', 'edge');
    expect(readyOf(edge())).toBe('False NotEnrolled');
    expect(JSON.stringify(edge())).toMatch(
      /Namespace shop is not labelled for Istio, .*Take that label away, set it to istio-injection=enabled, or/,
    );
    rig.api.put(namespace('shop', { team: 'shop' }));
    await rig.quiet(70_000);
    expect([readyOf(edge()), ofNamespace(rig)['istio-injection']]).toEqual(['True Ready', 'enabled']);
  });

  test('is not done by an operator that may not', async () => {
    const rig = await opened(asked, {}, false);
    expect([ofNamespace(rig), waypoints(rig)]).toEqual([{ team: 'shop' }, []]);
  });
});
