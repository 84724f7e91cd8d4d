import { afterEach, describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy } from '../../../istio/security.ts';
import { type KubeObject, objectKey } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import type { WriteRecord } from '../../../testing/kube-api/log.ts';
import {
  billingPolicy,
  meshedShop,
  meshGateway,
  ordersPolicy,
  ordersRoute,
} from '../../../testing/operator/meshed-shop.ts';
import { idOf } from '../../../testing/operator/oracles.ts';
import { type OperatorRig, type RigOptions, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';
import { securityKinds } from './stored.ts';

const pool = rigPool();
afterEach(pool.stop);

async function opened(mesh: object = {}, options: RigOptions = {}): Promise<OperatorRig> {
  const rig = await pool.open(options);
  createAll(rig.api, meshedShop(mesh));
  rig.start();
  await rig.quiet();
  return rig;
}

const isSecurity = ({ kind }: { readonly kind: string }) => (securityKinds as readonly string[]).includes(kind);

/** `apply AuthorizationPolicy shop/evengate-orders.allow`, since the mark. */
function written(rig: OperatorRig, since = 0): readonly string[] {
  const told = ({ verb, kind, namespace, name }: WriteRecord) => `${verb} ${kind} ${namespace}/${name}`;
  return rig.writes().slice(since).filter(isSecurity).map(told);
}

const there = ({ api }: OperatorRig) =>
  securityKinds.flatMap((kind) => api.list(resources[kind]).map((object) => `${kind} ${objectKey(object)}`)).toSorted();

function ofOrders(rig: OperatorRig, end: string): KubeObject & AuthorizationPolicy {
  const all = rig.api.list(resources.AuthorizationPolicy) as readonly KubeObject[];
  const found = all.find(({ metadata }) => metadata.name.includes('orders') && metadata.name.endsWith(end));
  if (found === undefined) throw new Error(`no ${end} of orders`);
  return found as AuthorizationPolicy;
}

const rulesOf = ({ spec }: AuthorizationPolicy) => JSON.stringify(spec?.rules ?? []);

describe('workloads behind a gateway in a mesh', () => {
  test('are written once, ALLOW before PeerAuthentication, and no more by a restart, a resync or time', async () => {
    const rig = await opened();
    const first = written(rig);
    for (const app of ['orders', 'billing']) {
      const own = first.filter((line) => line.includes(app));
      expect(own).toEqual([
        expect.stringMatching(/^apply AuthorizationPolicy /),
        expect.stringMatching(/^apply PeerAuthentication /),
      ]);
    }
    expect(first).toHaveLength(4);
    const mark = rig.writes().length;
    await rig.kill();
    rig.start();
    await rig.quiet(100_000);
    expect(rig.writes().slice(mark).map(idOf)).toEqual([]);
  });

  test('one changed policy is one write, be it about the inside, or looser or tighter for the outside', async () => {
    const rig = await opened();
    for (const [policy, name] of [
      [billingPolicy('shop/batch', 'shop/audit'), 'billing'],
      [ordersPolicy('GET', 'POST'), 'orders'],
      [ordersPolicy('GET'), 'orders'],
    ] as const) {
      const mark = rig.writes().length;
      rig.api.put(policy);
      await rig.quiet();
      expect(written(rig, mark)).toEqual([expect.stringMatching(`^apply AuthorizationPolicy .*${name}`)]);
    }
  });

  test('what the edge serves is admitted until its Envoys serve the change', async () => {
    const rig = await opened();
    rig.pods.refuses = (file) => (file.startsWith('rds') ? 'no' : undefined);
    rig.api.put(ordersPolicy('POST'));
    await rig.quiet(30_000);
    const both = rulesOf(ofOrders(rig, 'allow'));
    expect([both.includes('GET'), both.includes('POST')]).toEqual([true, true]);
    rig.pods.refuses = () => undefined;
    rig.api.put(ordersPolicy('PUT'));
    await rig.quiet(60_000);
    const after = rulesOf(ofOrders(rig, 'allow'));
    expect(['GET', 'POST', 'PUT'].map((method) => after.includes(method))).toEqual([false, false, true]);
  });

  test('are told what the edge is to send before the edge is, and of what it sends no more after it', async () => {
    const rig = await opened();
    const waited: number[] = [];
    const order = async (policy: KubeObject) => {
      const mark = rig.writes().length;
      rig.api.put(policy);
      await rig.quiet();
      const told = ({ kind, name }: WriteRecord) => kind === 'AuthorizationPolicy' || name === 'edge-edge-config-0';
      return rig
        .writes()
        .slice(mark)
        .filter(told)
        .map(({ kind }) => kind);
    };
    let admitted = 0;
    rig.api.onChange(({ after }) => {
      if (after?.kind === 'AuthorizationPolicy') admitted = rig.clock.monotonic();
      if (after?.metadata.name === 'edge-edge-config-0') waited.push(rig.clock.monotonic() - admitted);
    });
    expect(await order(ordersPolicy('GET', 'POST'))).toEqual(['AuthorizationPolicy', 'ConfigMap']);
    expect(waited[0]).toBeGreaterThanOrEqual(300);
    expect(await order(ordersPolicy('GET'))).toEqual(['ConfigMap', 'AuthorizationPolicy']);
    rig.api.faults.add({
      match: ({ resource }) => resource === 'authorizationpolicies',
      fault: { kind: 'refuse', code: 500 },
    });
    expect(await order(ordersPolicy('GET', 'PUT'))).toContain('ConfigMap');
  });

  test('are closed only once the Envoys have their identity', async () => {
    const ready = { is: false };
    const rig = await opened({}, { deployments: { ready: () => ready.is } });
    // Nothing of the outside is in the way of who is for the inside alone.
    expect(new Set(written(rig).map((line) => line.includes('billing')))).toEqual(new Set([true]));
    ready.is = true;
    rig.deployments.refresh();
    await rig.quiet();
    expect(there(rig)).toHaveLength(4);
  });
});

describe('a workload that nothing names any more', () => {
  async function abandoned(rig: OperatorRig): Promise<number> {
    const mark = rig.writes().length;
    rig.api.delete(ordersRoute());
    await rig.quiet(30_000);
    return mark;
  }

  test('stays closed: its ALLOW admits nobody', async () => {
    const rig = await opened();
    const before = rulesOf(ofOrders(rig, 'allow'));
    const mark = await abandoned(rig);
    const kept = ofOrders(rig, 'allow');
    expect(before).toContain('principals');
    expect(kept.spec?.rules).toEqual([{ to: [{ operation: { notPorts: ['8080'] } }] }]);
    expect(there(rig)).toHaveLength(4);
    await rig.kill();
    rig.start();
    await rig.quiet(50_000);
    expect(written(rig, mark)).toHaveLength(2);
    rig.api.create(ordersRoute());
    await rig.quiet(30_000);
    expect(rulesOf(ofOrders(rig, 'allow'))).toBe(before);
  });

  test('is opened where every gateway says Release, PeerAuthentication first', async () => {
    const rig = await opened({ onLastPolicy: 'Release' });
    const mark = await abandoned(rig);
    expect(written(rig, mark).filter((line) => line.startsWith('delete'))).toEqual([
      expect.stringMatching(/^delete PeerAuthentication .*orders/),
      expect.stringMatching(/^delete AuthorizationPolicy .*orders/),
    ]);
    expect(there(rig)).toHaveLength(2);
  });

  test('stays closed where the mesh is switched off', async () => {
    const rig = await opened();
    rig.api.put(meshGateway({ mode: 'None' }));
    await rig.quiet(30_000);
    expect(there(rig)).toHaveLength(4);
    expect(ofOrders(rig, 'allow').spec?.rules).toEqual([{ to: [{ operation: { notPorts: ['8080'] } }] }]);
  });
});

describe('what others do', () => {
  test("an object of somebody else's with our name is left alone, and nothing is half closed", async () => {
    const clean = await opened();
    const { name } = ofOrders(clean, 'allow').metadata;
    const theirs: KubeObject = {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name, namespace: 'shop' },
      spec: { rules: [{}] },
    };
    const rig = await pool.open();
    createAll(rig.api, [...meshedShop(), theirs]);
    rig.start();
    await rig.quiet(100_000);
    expect(ofOrders(rig, 'allow').spec).toEqual(theirs.spec);
    expect(written(rig).filter((line) => line.includes('orders'))).toEqual([]);
    rig.api.delete(theirs);
    await rig.quiet(100_000);
    expect(there(rig)).toEqual(there(clean));
  });

  test.each<readonly [string, (object: AuthorizationPolicy) => KubeObject]>([
    ['another rule', (object) => ({ ...object, spec: { ...object.spec, rules: [{}] } })],
    [
      'a trial of it',
      ({ metadata, ...object }) => ({
        ...object,
        metadata: { ...metadata, annotations: { ...metadata.annotations, 'istio.io/dry-run': 'true' } },
      }),
    ],
  ])('%s is made as it was', async (_, change) => {
    const rig = await opened();
    const before = ofOrders(rig, 'allow');
    rig.api.put(change(before));
    await rig.quiet(30_000);
    const after = ofOrders(rig, 'allow');
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.annotations?.['istio.io/dry-run'] ?? 'false').toBe('false');
  });

  test('what is deleted by hand is written again', async () => {
    const rig = await opened();
    const before = there(rig);
    rig.api.delete(ofOrders(rig, 'allow'));
    await rig.quiet(30_000);
    expect(there(rig)).toEqual(before);
  });
});

describe('a server that refuses', () => {
  test.each(['authorizationpolicies', 'peerauthentications'])(
    '%s: what is open is closed by the whole or not at all, and in the end it is',
    async (plural) => {
      const rig = await pool.open();
      const fault = rig.api.faults.add({
        match: ({ resource, verb }) => resource === plural && verb === 'patch',
        fault: { kind: 'refuse', code: 422, message: 'no' },
      });
      createAll(rig.api, meshedShop());
      rig.start();
      await rig.quiet(30_000);
      const plurals = there(rig).map((line) => line.split(' ')[0]);
      expect(new Set(plurals)).toEqual(new Set(plural === 'authorizationpolicies' ? [] : ['AuthorizationPolicy']));
      fault.release();
      await rig.quiet(70_000);
      expect(there(rig)).toHaveLength(4);
    },
  );

  test('to delete: the rest waits, and ALLOW goes last', async () => {
    const rig = await opened({ onLastPolicy: 'Release' });
    const fault = rig.api.faults.add({
      match: ({ resource, verb }) => resource === 'peerauthentications' && verb === 'delete',
      fault: { kind: 'refuse', code: 500 },
    });
    rig.api.delete(ordersRoute());
    await rig.quiet(60_000);
    expect(there(rig)).toHaveLength(4);
    fault.release();
    await rig.quiet(70_000);
    expect(there(rig)).toHaveLength(2);
  });

  test('as istiod’s webhook is away: however long that lasts, what is tighter is written seconds after', async () => {
    const rig = await opened();
    const away = rig.api.faults.add({
      match: ({ resource, verb }) => resource === 'authorizationpolicies' && verb === 'patch',
      fault: { kind: 'refuse', code: 500, message: 'failed calling webhook "validation.istio.io"' },
    });
    rig.api.put(billingPolicy('shop/audit'));
    await rig.clock.sleep(28_000);
    expect(JSON.stringify(rig.api.list(resources.AuthorizationPolicy))).toContain('/sa/batch"');
    away.release();
    await rig.clock.sleep(6000);
    expect(JSON.stringify(rig.api.list(resources.AuthorizationPolicy))).not.toContain('/sa/batch"');
  });

  test('a write whose answer is lost is not done twice', async () => {
    const rig = await pool.open();
    rig.api.faults.add({
      match: ({ resource, verb }) => resource === 'authorizationpolicies' && verb === 'patch',
      times: 1,
      fault: { kind: 'lose-answer' },
    });
    createAll(rig.api, meshedShop());
    rig.start();
    await rig.quiet(30_000);
    expect(written(rig)).toHaveLength(4);
  });
});

describe('Istio', () => {
  test('may come later, and go', async () => {
    const rig = await pool.open();
    for (const kind of securityKinds) rig.api.unserve(resources[kind]);
    createAll(rig.api, meshedShop());
    rig.start();
    await rig.quiet();
    expect(written(rig)).toEqual([]);
    for (const kind of securityKinds) rig.api.serve(resources[kind]);
    await rig.quiet(60_000);
    expect(there(rig)).toHaveLength(4);
  });

  test('of which a list comes back empty loses nothing', async () => {
    const rig = await opened();
    await rig.kill();
    rig.api.faults.add({
      match: ({ resource, verb }) =>
        securityKinds.some((kind) => resources[kind].plural === resource) && verb === 'list',
      times: 3,
      fault: { kind: 'empty-list' },
    });
    const mark = rig.writes().length;
    rig.start();
    await rig.quiet(30_000);
    expect(written(rig, mark)).toEqual([]);
  });
});
