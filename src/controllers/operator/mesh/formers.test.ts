/** A Service's selector changes: the Pods that it selected before stay closed, and are not open for a moment. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { SecurityObject } from '../../../istio/security.ts';
import type { KubeObject } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { decideInMesh } from '../../../proof/istio.ts';
import { service } from '../../../testing/build.ts';
import {
  billingPolicy,
  meshedShop,
  meshGateway,
  workloadPod,
  workloadService,
} from '../../../testing/operator/meshed-shop.ts';
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
function admitted(rig: OperatorRig, app: string, port = 8080, more: object = {}): readonly string[] {
  const objects = security(rig).filter(({ kind }) => kind !== 'PeerAuthentication');
  const sent = { method: 'GET', path: '/orders', host: 'shop.example.com', headers: new Map() };
  const at = {
    namespace: 'shop',
    labels: { app, ...more },
    services: [],
    port,
    directIp: '10.0.0.1',
    remoteIp: '192.0.2.1',
  };
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

/** What strangers may call of Pods that are closed to them, or were once: nothing, at any moment. */
function opening(rig: OperatorRig, ...apps: readonly string[]): readonly string[] {
  const closed = new Set(apps.filter((app) => !admitted(rig, app).includes('nobody')));
  const open: string[] = [];
  rig.api.onChange(({ type }) => {
    if (!(securityKinds as readonly string[]).includes(type.kind)) return;
    for (const app of apps) {
      if (!admitted(rig, app).includes('nobody')) closed.add(app);
      else if (closed.has(app)) open.push(`${app} at ${rig.clock.monotonic()}`);
    }
  });
  return open;
}

describe('what stays of a Service’s old Pods', () => {
  test('goes with the last of them, and not before', async () => {
    const rig = await opened();
    rig.api.put(selecting('orders', 'green'));
    await rig.quiet(100_000);
    rig.api.delete(workloadPod('orders'));
    await rig.clock.sleep(5000);
    expect(formers(rig)).toHaveLength(2);
    await rig.quiet(30_000);
    expect(formers(rig)).toEqual([]);
    expect(admitted(rig, 'green')).toEqual(['edge-edge']);
  });

  test('stays where they come again soon', async () => {
    const rig = await opened();
    rig.api.put(selecting('orders', 'green'));
    await rig.quiet(100_000);
    rig.api.delete(workloadPod('orders'));
    await rig.clock.sleep(5000);
    rig.api.create(workloadPod('orders'));
    await rig.quiet(30_000);
    expect(formers(rig)).toHaveLength(2);
  });

  test('is nothing where there is none of them', async () => {
    const rig = await opened();
    rig.api.delete(workloadPod('orders'));
    await rig.quiet();
    rig.api.put(selecting('orders', 'green'));
    await rig.quiet(100_000);
    expect(formers(rig)).toEqual([]);
  });

  test('goes when the Service selects them again, and then the other colour stays', async () => {
    const rig = await opened();
    const open = opening(rig, 'orders', 'green');
    for (const app of ['green', 'orders', 'green', 'orders']) {
      rig.api.put(selecting('orders', app));
      await rig.quiet(20_000);
    }
    await rig.quiet(100_000);
    expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([['edge-edge'], []]);
    expect(formers(rig)).toHaveLength(2);
    expect(open).toEqual([]);
  });

  test.each([0, 20, 150, 1000])('is closed at all times, however quickly colours change (%d ms)', async (ms) => {
    const rig = await opened();
    const open = opening(rig, 'orders', 'green', 'blue');
    for (const app of ['green', 'blue', 'orders', 'blue', 'orders', 'green', 'orders', 'blue', 'green']) {
      rig.api.put(selecting('orders', app));
      if (ms > 0) await rig.clock.sleep(ms);
    }
    await rig.quiet(100_000);
    expect(['orders', 'blue', 'green'].map((app) => admitted(rig, app)[0])).toEqual([
      undefined,
      ms === 0 ? 'edge-edge' : undefined,
      'edge-edge',
    ]);
    expect(formers(rig)).toHaveLength(ms === 0 ? 2 : 4);
    expect(open).toEqual([]);
  });

  test('is there once for the same Pods, whatever selected them', async () => {
    const rig = await opened();
    const labels = { a: '1', b: '1', c: '1' };
    const pod = workloadPod('orders');
    rig.api.put({ ...pod, metadata: { ...pod.metadata, labels: { app: 'orders', ...labels } } });
    const open: string[] = [];
    rig.api.onChange(() => {
      if (admitted(rig, 'orders', 8080, labels).includes('nobody')) open.push(`at ${rig.clock.monotonic()}`);
    });
    for (const name of Object.keys(labels)) {
      rig.api.put(
        service(
          { selector: { app: 'orders', [name]: '1' }, ports: [{ port: 80, targetPort: 8080 }] },
          { name: 'orders' },
        ),
      );
      await rig.clock.sleep(500);
      rig.api.put(selecting('orders', 'green'));
      await rig.clock.sleep(500);
    }
    expect(formers(rig)).toHaveLength(6);
    await rig.quiet(100_000);
    expect(formers(rig)).toHaveLength(2);
    expect(admitted(rig, 'orders', 8080, labels)).toEqual([]);
    expect(open).toEqual([]);
  });

  test('is opened where every gateway says Release, and not at once', async () => {
    const rig = await opened({ onLastPolicy: 'Release' });
    rig.api.put(selecting('orders', 'green'));
    await rig.clock.sleep(5000);
    expect(admitted(rig, 'orders')).toEqual(['edge-edge']);
    await rig.quiet(30_000);
    expect([admitted(rig, 'orders'), formers(rig)]).toEqual([everybody, []]);
  });

  test('is nothing under enforcement Shadow, and goes when it begins', async () => {
    const shadow = await opened({ enforcement: 'Shadow' });
    shadow.api.put(selecting('orders', 'green'));
    await shadow.quiet(30_000);
    expect(formers(shadow)).toEqual([]);
    const rig = await opened();
    rig.api.put(selecting('orders', 'green'));
    await rig.quiet(30_000);
    rig.api.put(meshGateway({ enforcement: 'Shadow' }));
    await rig.quiet(30_000);
    expect(formers(rig)).toEqual([]);
  });

  test('stays where the mesh is switched off', async () => {
    const rig = await opened();
    rig.api.put(selecting('orders', 'green'));
    await rig.clock.sleep(5000);
    rig.api.put(meshGateway({ mode: 'None' }));
    await rig.quiet(100_000);
    expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([[], []]);
  });

  test('is about a selector that we wrote, and no one that somebody else wrote into our object', async () => {
    const rig = await opened();
    const name = 'evengate-orders.allow';
    const object = rig.api.get(resources.AuthorizationPolicy, 'shop', name) as KubeObject;
    const selector = { matchLabels: { app: 'green' } };
    rig.api.put({ ...object, spec: { ...(object.spec as object), selector } });
    await rig.quiet(30_000);
    expect([admitted(rig, 'orders'), admitted(rig, 'green'), formers(rig)]).toEqual([['edge-edge'], everybody, []]);
  });
});

describe('Services that', () => {
  test('swap their Pods leave nothing', async () => {
    const rig = await opened();
    const open = opening(rig, 'orders', 'billing');
    rig.api.put(selecting('orders', 'billing'));
    rig.api.put(selecting('billing', 'orders'));
    await rig.quiet(30_000);
    expect(['orders', 'billing'].map((app) => admitted(rig, app))).toEqual([['batch'], ['edge-edge']]);
    expect(formers(rig)).toEqual([]);
    expect(open).toEqual([]);
  });

  test.each([0, 3000])(
    'are deleted and made anew with another selector after %d ms leave their Pods closed',
    async (ms) => {
      const rig = await opened();
      const open = opening(rig, 'orders', 'green');
      rig.api.delete(workloadService('orders'));
      if (ms > 0) await rig.clock.sleep(ms);
      rig.api.create(selecting('orders', 'green'));
      await rig.quiet(100_000);
      expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([[], ['edge-edge']]);
      expect(open).toEqual([]);
    },
  );

  test('narrow their selector leave the others closed, and open no port of either', async () => {
    const rig = await opened();
    const pod = workloadPod('orders');
    const second = { ...pod.metadata, name: 'orders-1', labels: { app: 'orders', tier: 'canary' } };
    rig.api.create({ ...pod, metadata: second });
    const narrow = {
      selector: { app: 'orders', tier: 'canary' },
      ports: [{ name: 'http', port: 80, targetPort: 9090 }],
    };
    rig.api.put(service(narrow, { name: 'orders' }));
    await rig.quiet(100_000);
    const ports = [8080, 9090];
    const both = [{}, { tier: 'canary' }].map((labels) => ports.map((port) => admitted(rig, 'orders', port, labels)));
    expect(both).toEqual([
      [[], []],
      [[], ['edge-edge']],
    ]);
    rig.api.delete(pod);
    await rig.quiet(30_000);
    expect(formers(rig)).toEqual([]);
  });

  test('are joined with another one, which gives the workload its name: who is under way to their old Pods arrives', async () => {
    const rig = await opened();
    const open = opening(rig, 'orders', 'green');
    rig.api.create(selecting('before', 'green'));
    rig.api.put(selecting('orders', 'green'));
    await rig.clock.sleep(5000);
    expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([['edge-edge'], ['edge-edge']]);
    await rig.quiet(100_000);
    expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([[], ['edge-edge']]);
    rig.api.delete(workloadPod('orders'));
    await rig.quiet(30_000);
    expect(admitted(rig, 'orders')).toEqual(everybody);
    expect(open.filter((line) => line.startsWith('green'))).toEqual([]);
  });
});

describe('a server that', () => {
  const creates = ({
    resource,
    verb,
    name,
  }: {
    readonly resource: string;
    readonly verb: string;
    readonly name: string;
  }) => resource === 'authorizationpolicies' && verb === 'patch' && name.includes('former');

  test('refuses what is to stay: nothing else is written until it takes it', async () => {
    const rig = await opened();
    const open = opening(rig, 'orders');
    rig.api.faults.add({ match: creates, times: 3, fault: { kind: 'refuse', code: 500 } });
    rig.api.put(selecting('orders', 'green'));
    await rig.quiet(30_000);
    expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([['edge-edge'], ['edge-edge']]);
    expect(open).toEqual([]);
  });

  test('never takes it: what the Service selects now is closed, and it is said that others are not', async () => {
    const rig = await opened();
    rig.api.faults.add({ match: creates, fault: { kind: 'refuse', code: 403, message: 'exceeded quota' } });
    rig.api.put(selecting('orders', 'green'));
    await rig.quiet(30_000);
    expect(admitted(rig, 'green')).toEqual(['edge-edge']);
    expect(rig.log.join()).toContain('selects no more are open');
  });

  test.each([1, 2, 3, 4])('sees the operator end after write %d of a change', async (writes) => {
    const rig = await opened();
    const open = opening(rig, 'orders');
    await rig.kill();
    let left = writes;
    rig.api.put(selecting('orders', 'green'));
    rig.start({
      onWrite: (operator) => {
        left -= 1;
        if (left === 0) void operator.kill().then(() => rig.start());
      },
    });
    await rig.quiet(100_000);
    expect(['orders', 'green'].map((app) => admitted(rig, app))).toEqual([[], ['edge-edge']]);
    expect(open).toEqual([]);
  });
});
