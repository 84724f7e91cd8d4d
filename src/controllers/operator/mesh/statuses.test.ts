import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { elect } from '../../../runtime/leader.ts';
import { meshedShop, meshGateway, ordersPolicy, workloadPod } from '../../../testing/operator/meshed-shop.ts';
import type { ElectionParts } from '../../../testing/operator/process.ts';
import { conditionOf, type OperatorRig, readyOf, rigPool } from '../../../testing/operator/rig.ts';
import { createAll } from '../../../testing/operator/shop.ts';
import { kstatus, statusFaults } from '../../../testing/status-rules.ts';
import { securityKinds } from './stored.ts';

const pool = rigPool();
afterEach(pool.stop);

const policy = ({ api }: OperatorRig, name: string) => api.get(resources.AuthPolicy, 'shop', name);
const meshed = (rig: OperatorRig, name: string) => conditionOf(policy(rig, name), 'MeshEnforced');

function statusOf(object: KubeObject | undefined): Readonly<Record<string, unknown>> {
  return (object as { readonly status?: Readonly<Record<string, unknown>> } | undefined)?.status ?? {};
}

const edge = ({ api }: OperatorRig) => api.get(resources.ApiGateway, 'shop', 'edge');
const gatewayMesh = (rig: OperatorRig) => statusOf(edge(rig))['mesh'];
const atGateway = (rig: OperatorRig) => [conditionOf(edge(rig), 'MeshEnforced'), readyOf(edge(rig))];

function faults({ api }: OperatorRig): readonly string[] {
  return (['ApiGateway', 'Route', 'AuthPolicy'] as const).flatMap((kind) =>
    api.list(resources[kind]).flatMap((object) => statusFaults(object)),
  );
}

async function opened(objects: readonly KubeObject[], prepare: (rig: OperatorRig) => void = () => undefined) {
  const rig = await pool.open();
  prepare(rig);
  createAll(rig.api, objects);
  rig.start();
  await rig.quiet(40_000);
  return rig;
}

describe('status of what a mesh enforces', () => {
  test('is Full once the objects are there, with each place, and written once', async () => {
    const rig = await opened(meshedShop());
    expect([meshed(rig, 'orders'), meshed(rig, 'billing')]).toEqual(['True Full', 'True Full']);
    expect(readyOf(policy(rig, 'orders'))).toBe('True Ready');
    expect(statusOf(policy(rig, 'orders'))['enforcement']).toEqual([
      { point: 'sidecar', workload: 'shop/orders', enforced: true, reason: 'Full' },
    ]);
    expect(gatewayMesh(rig)).toBe('Sidecar, mTLS Strict, 1/1 workloads enforced, NormalizationMismatch');
    expect(atGateway(rig)).toEqual(['True NormalizationMismatch', 'True Ready']);
    expect(faults(rig)).toEqual([]);
    const written = rig.writes().filter(({ kind, name }) => kind === 'AuthPolicy' && name === 'orders');
    expect(written).toHaveLength(1);
  });

  test('is not there where no gateway is in a mesh', async () => {
    const rig = await opened([...meshedShop({ mode: 'None' })]);
    expect([meshed(rig, 'orders'), gatewayMesh(rig)]).toEqual(['', undefined]);
  });

  test('says that Istio is missing, which is no crash, and that it came', async () => {
    const rig = await opened(meshedShop(), ({ api }) => {
      for (const kind of securityKinds) api.unserve(resources[kind]);
    });
    expect([meshed(rig, 'orders'), readyOf(policy(rig, 'orders'))]).toEqual([
      'False IstioMissing',
      'False IstioMissing',
    ]);
    expect(atGateway(rig)).toEqual(['False IstioMissing', 'True Ready']);
    expect([edge(rig), policy(rig, 'orders')].map((one) => kstatus(one as KubeObject))).toEqual([
      'Current',
      'InProgress',
    ]);
    expect(faults(rig)).toEqual([]);
    for (const kind of securityKinds) rig.api.serve(resources[kind]);
    await rig.quiet(60_000);
    expect(meshed(rig, 'orders')).toBe('True Full');
    expect(atGateway(rig)).toEqual(['True NormalizationMismatch', 'True Ready']);
    expect(faults(rig)).toEqual([]);
    const before = rig.writes().length;
    await rig.quiet(60_000);
    expect(rig.writes().slice(before)).toEqual([]);
  });

  test('calls nobody protected before whom no proxy stands', async () => {
    const objects = meshedShop().filter(({ kind, metadata }) => !(kind === 'Pod' && metadata.name === 'orders-0'));
    const rig = await opened([...objects, workloadPod('orders', 'none')]);
    expect(meshed(rig, 'orders')).toBe('False NotEnrolled');
    expect(gatewayMesh(rig)).toBe('Sidecar, mTLS Strict, 0/1 workloads enforced, NotEnrolled');
    expect(atGateway(rig)).toEqual(['False NotEnrolled', 'True Ready']);
    expect(faults(rig)).toEqual([]);
  });

  test('in Shadow is Ready, and nothing is enforced', async () => {
    const rig = await opened(meshedShop({ enforcement: 'Shadow' }));
    expect([meshed(rig, 'orders'), readyOf(policy(rig, 'orders'))]).toEqual(['False Shadow', 'True Ready']);
    expect(rig.api.list(resources.PeerAuthentication)).toEqual([]);
    rig.api.put(meshGateway());
    await rig.quiet(40_000);
    expect(meshed(rig, 'orders')).toBe('True Full');
  });

  test('names an object of somebody else that has the name', async () => {
    const theirs = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', spec: { rules: [{}] } };
    const metadata = { name: 'evengate-orders.allow', namespace: 'shop' };
    const rig = await opened([...meshedShop(), { ...theirs, metadata }]);
    expect(meshed(rig, 'orders')).toBe('False MeshConflict');
    expect(JSON.stringify(statusOf(policy(rig, 'orders')))).toContain(
      'AuthorizationPolicy shop/evengate-orders.allow exists and is not this operator',
    );
  });
});

test('a leader that slept writes nothing for Istio when it wakes', async () => {
  const rig = await pool.open();
  createAll(rig.api, meshedShop());
  const election = (identity: string) => ({
    election: ({ client, clock, log }: ElectionParts) =>
      elect({ client, clock, log, namespace: 'evengate-system', name: 'evengate', identity }),
  });
  const first = rig.start({ ...election('one'), userAgent: 'first' });
  await rig.quiet(20_000);
  const wake = first.pause();
  rig.start({ ...election('two'), userAgent: 'second' });
  await rig.quiet(40_000);
  rig.api.put(ordersPolicy('POST'));
  await rig.quiet(20_000);
  const before = rig.api.dump('AuthorizationPolicy', 'PeerAuthentication');
  wake();
  await rig.quiet(20_000);
  expect(rig.api.dump('AuthorizationPolicy', 'PeerAuthentication')).toEqual(before);
});

test('of PeerAuthentications that select one workload the oldest counts, ours or theirs', async () => {
  // Of one second, the first by name.
  const theirs = (name: string): KubeObject => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { matchLabels: { app: 'orders' } }, mtls: { mode: 'PERMISSIVE' } },
  });
  const before = await opened([...meshedShop(), theirs('before')]);
  expect(meshed(before, 'orders')).toBe('False Overridden');
  const after = await opened(meshedShop());
  const count = after.writes().length;
  after.api.create(theirs('late'));
  await after.quiet(40_000);
  expect(meshed(after, 'orders')).toBe('True Full');
  expect(after.writes().slice(count)).toEqual([]);
});
