/** A Service's selector changes: the Pods that it selected before stay closed, and are not open for a moment. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { SecurityObject } from '../../../istio/security.ts';
import type { KubeObject } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { decideInMesh } from '../../../proof/istio.ts';
import { service } from '../../../testing/build.ts';
import { billingPolicy, meshedShop, workloadPod } from '../../../testing/operator/meshed-shop.ts';
import { conditionOf, type OperatorRig, type RigOptions, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';
import { securityKinds } from './stored.ts';

const pool = rigPool();
afterEach(pool.stop);

async function opened(mesh: object = {}, options: RigOptions = {}): Promise<OperatorRig> {
  const rig = await pool.open(options);
  createAll(rig.api, [...meshedShop(mesh), workloadPod('green'), workloadPod('blue')]);
  rig.start();
  await rig.quiet();
  return rig;
}

function selecting(name: string, app: string, targetPort = 8080): KubeObject {
  return service({ selector: { app }, ports: [{ name: 'http', port: 80, targetPort }] }, { name });
}

const security = ({ api }: OperatorRig) =>
  securityKinds.flatMap((kind) => api.list(resources[kind]) as readonly SecurityObject[]);

/** Who of these may call Pods of that app, with a GET of `/orders`. */
function admitted(rig: OperatorRig, app: string, port = 8080): readonly string[] {
  const objects = security(rig).filter(({ kind }) => kind !== 'PeerAuthentication');
  const sent = { method: 'GET', path: '/orders', host: 'shop.example.com', headers: new Map() };
  const at = { namespace: 'shop', labels: { app }, services: [], port, directIp: '10.0.0.1', remoteIp: '192.0.2.1' };
  return ['edge-edge', 'batch', 'nobody'].filter(
    (name) =>
      decideInMesh(objects, 'sidecar', { ...sent, ...at, principal: `cluster.local/ns/shop/sa/${name}` }).admitted,
  );
}

const everybody = ['edge-edge', 'batch', 'nobody'];

/** Names of what is there for Pods that a Service selected before. */
const formers = (rig: OperatorRig) =>
  security(rig).flatMap(({ kind, metadata: { name } }) =>
    name.includes('.former-') ? [`${kind} ${name.replace(/former-[0-9a-f]{8}/, 'former')}`] : [],
  );

/** What is said of them. */
const told = (rig: OperatorRig) =>
  new Set(
    security(rig).flatMap(({ metadata: { name, annotations = {} } }) =>
      name.includes('.former-') ? [annotations['evengate.dev/kept'] ?? annotations['evengate.dev/former']] : [],
    ),
  );

describe('a Service that selects other Pods', () => {
  test('leaves its old ones closed: at once to strangers, and to the edge when nothing is under way any more', async () => {
    const rig = await opened();
    const open: string[] = [];
    rig.api.onChange(() => {
      for (const app of ['orders', 'billing']) if (admitted(rig, app).includes('nobody')) open.push(app);
    });
    rig.api.put(selecting('orders', 'green'));
    rig.api.put(selecting('billing', 'blue'));
    await rig.clock.sleep(10_000);
    const of = (...apps: readonly string[]) => apps.map((app) => admitted(rig, app));
    expect(of('orders', 'green', 'billing', 'blue')).toEqual([['edge-edge'], ['edge-edge'], ['batch'], ['batch']]);
    await rig.quiet(100_000);
    expect(of('orders', 'green', 'billing', 'blue')).toEqual([[], ['edge-edge'], [], ['batch']]);
    expect(open).toEqual([]);
    expect(formers(rig)).toEqual([
      'AuthorizationPolicy evengate-billing.former.allow',
      'AuthorizationPolicy evengate-orders.former.allow',
      'PeerAuthentication evengate-billing.former',
      'PeerAuthentication evengate-orders.former',
    ]);
  });

  test('says of what stays why it is there, and writes nothing for it again, be it restarted', async () => {
    const rig = await opened();
    rig.api.put(selecting('orders', 'green'));
    await rig.clock.sleep(10_000);
    expect([...told(rig)]).toEqual([
      expect.stringMatching(/^its Service selects other Pods since generation 1 of .*-orders/),
    ]);
    await rig.quiet(100_000);
    expect([...told(rig)]).toEqual([expect.stringContaining('it goes with the last of those that it is about')]);
    const mark = rig.writes().length;
    await rig.kill();
    rig.start();
    await rig.quiet(100_000);
    expect(rig.writes().slice(mark)).toEqual([]);
    const policies = ['orders', 'billing'].map((name) => rig.api.get(resources.AuthPolicy, 'shop', name));
    expect(policies.map((policy) => conditionOf(policy, 'MeshEnforced'))).toEqual(['True Full', 'True Full']);
  });

  test('refuses at its old Pods at once what it is told to refuse', async () => {
    const rig = await opened();
    rig.api.put(selecting('billing', 'blue'));
    await rig.clock.sleep(5000);
    rig.api.put(billingPolicy('shop/audit'));
    await rig.clock.sleep(5000);
    expect([admitted(rig, 'billing'), admitted(rig, 'blue')]).toEqual([[], []]);
  });

  test('admits at its old Pods what is under way for long enough, be the operator restarted', async () => {
    const rig = await opened();
    rig.api.put(selecting('orders', 'green', 9090));
    await rig.clock.sleep(5000);
    await rig.kill();
    rig.start();
    await rig.clock.sleep(40_000);
    expect(admitted(rig, 'orders')).toEqual(['edge-edge']);
    await rig.quiet(100_000);
    const closed = [admitted(rig, 'orders'), admitted(rig, 'orders', 9090), admitted(rig, 'green', 9090)];
    expect(closed).toEqual([[], everybody, ['edge-edge']]);
  });
});
