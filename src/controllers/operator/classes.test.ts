/** Several operators: replicas of one, of which one leads; and classes, of which none touches what is another's. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { elect, LeadershipLost } from '../../runtime/leader.ts';
import { gateway, service } from '../../testing/build.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import { endOf, idOf } from '../../testing/operator/oracles.ts';
import {
  conditionOf,
  type OperatorRig,
  type OperatorSettings,
  type RunningOperator,
  rigPool,
} from '../../testing/operator/rig.ts';
import { createAll, pathRoute, publicFor, shop, shopChanges } from '../../testing/operator/shop.ts';
import { faultsOf, tell } from '../../testing/operator/story.ts';
import { trafficFaults } from '../../testing/operator/traffic.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

const ours = gateway({ className: 'evengate' });
const theirs = gateway({ className: 'theirs' });
const content = [service(), pathRoute('menu'), publicFor('menu')];

function agentsIn({ api }: Pick<OperatorRig, 'api'>, agent: string): readonly string[] {
  return [...new Set(api.writes.filter(({ userAgent }) => userAgent === agent).map(idOf))].toSorted();
}

function startBoth({ start }: OperatorRig): void {
  start({ userAgent: 'ours' });
  start({ className: 'theirs', userAgent: 'theirs' });
}

describe('operators of two classes', () => {
  test('write to no object of the other', async () => {
    const rig = await pool.open();
    const named = (name: string, object: KubeObject): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, name },
    });
    createAll(rig.api, [...content, ours, named('other', theirs)]);
    const other = pathRoute('orders');
    rig.api.create({ ...other, spec: { ...(other.spec as object), parentRefs: [{ name: 'other' }] } });
    startBoth(rig);
    await rig.quiet();
    const [left, right] = [agentsIn(rig, 'ours'), agentsIn(rig, 'theirs')];
    const shared = left.filter((id) => right.includes(id) && !/ (Event|Pod)$/.test(id));
    expect(shared).toEqual([]);
    expect(left).toEqual(expect.arrayContaining(['apply Deployment shop/edge-edge', 'patch Route/status shop/menu']));
    expect(right).toEqual(
      expect.arrayContaining(['apply Deployment shop/edge-other', 'patch Route/status shop/orders']),
    );
  });

  test('leave alone an ApiGateway that is of neither', async () => {
    const rig = await pool.open();
    createAll(rig.api, [...content, gateway({ className: 'nobody' })]);
    startBoth(rig);
    await rig.quiet();
    expect(rig.writes().map(idOf)).toEqual([]);
  });

  test('hand an ApiGateway over, and back, while it serves', async () => {
    const rig = await pool.open();
    const { api, quiet, pods } = rig;
    createAll(api, [...content, ours]);
    startBoth(rig);
    await quiet();
    const before = endOf(rig);
    const uid = api.get(resources.Deployment, 'shop', 'edge-edge')?.metadata.uid;
    api.put(theirs);
    await quiet();
    const owned = api.list(resources.ConfigMap).map(({ metadata }) => metadata.labels?.['evengate.dev/class']);
    expect(new Set(owned)).toEqual(new Set(['theirs']));
    expect(conditionOf(api.get(resources.ApiGateway, 'shop', 'edge'), 'Ready')).toBe('True Ready');
    expect(api.get(resources.Deployment, 'shop', 'edge-edge')?.metadata.uid).toBe(uid);
    api.put(ours);
    await quiet();
    expect(endOf(rig)).toEqual(before);
    expect(api.get(resources.Deployment, 'shop', 'edge-edge')?.metadata.uid).toBe(uid);
    expect(api.writes.filter(({ verb }) => verb === 'delete').map(idOf)).toEqual([]);
    expect(trafficFaults(pods.everyEnvoy(), { guarded: [], lasting: ['shop/menu'] })).toEqual([]);
  });

  test('delete nothing that the other has taken over, also where it is seen late', async () => {
    const rig = await pool.open();
    createAll(rig.api, [...content, ours]);
    startBoth(rig);
    await rig.quiet();
    const blind = rig.api
      .watches()
      .filter(({ request }) => request.userAgent === 'ours' && request.resource !== 'apigateways');
    for (const watch of blind) watch.freeze();
    rig.api.put(theirs);
    await rig.quiet(100_000);
    expect(rig.api.writes.filter(({ verb }) => verb === 'delete').map(idOf)).toEqual([]);
    for (const watch of blind) watch.thaw();
    await rig.quiet(100_000);
    expect(rig.api.writes.filter(({ verb }) => verb === 'delete').map(idOf)).toEqual([]);
    expect(conditionOf(rig.api.get(resources.ApiGateway, 'shop', 'edge'), 'Ready')).toBe('True Ready');
  });

  test('take a fleet down that was given to nobody', async () => {
    const rig = await pool.open();
    createAll(rig.api, [...content, ours]);
    rig.start();
    await rig.quiet();
    rig.api.put(gateway({ className: 'nobody' }));
    await rig.quiet(100_000);
    for (const type of [resources.Deployment, resources.ConfigMap, resources.ServiceAccount, resources.NetworkPolicy]) {
      expect(rig.api.list(type)).toEqual([]);
    }
    expect(rig.api.list(resources.Service).map(({ metadata }) => metadata.name)).toEqual(['orders']);
  });
});

describe('replicas of one operator', () => {
  const election =
    (identity: string): OperatorSettings['election'] =>
    ({ client, clock, log }) =>
      elect({ client, clock, log, namespace: 'shop', name: 'evengate', identity });
  const settings = (name: string) => ({ readSecrets: true, userAgent: name, election: election(name) });

  test('the standby goes on where a leader died', async () => {
    const undisturbed = await tell(await pool.open());
    const rig = await pool.open();
    const { end } = await tell(rig, {
      settings: settings('first'),
      opened: async ({ start, kill }) => {
        await kill();
        start(settings('second'));
        start(settings('third'));
        await rig.clock.sleep(40_000);
      },
    });
    expect(end).toEqual(undisturbed.end);
    expect(faultsOf(rig, undisturbed)).toEqual([]);
    const writers = ['second', 'third'].filter((name) => agentsIn(rig, name).some(isNoLease));
    expect(writers).toHaveLength(1);
  });

  test.each([3, 14])('a leader that slept from its write %d on finds another leading, and ends', async (write) => {
    const undisturbed = await tell(await pool.open());
    const rig = await pool.open();
    let [seen, wake]: [number, () => void] = [0, () => undefined];
    const onWrite = (operator: RunningOperator) => {
      seen += 1;
      if (seen === write) wake = operator.pause();
    };
    createAll(rig.api, shop());
    const first = rig.start({ ...settings('first'), onWrite });
    await rig.api.until('it leads', () => seen > 0);
    rig.start(settings('second'));
    await rig.clock.sleep(60_000);
    await rig.quiet();
    const before = rig.writes().length;
    wake();
    await expect(first.ended).rejects.toThrow(LeadershipLost);
    await rig.quiet();
    expect(rig.writes().slice(before).map(idOf)).toEqual([]);
    for (const step of shopChanges) {
      step(rig.api);
      await rig.quiet();
    }
    expect(endOf(rig)).toEqual(undisturbed.end);
    expect(faultsOf(rig, undisturbed)).toEqual([]);
  });
});

function isNoLease(id: string): boolean {
  return !id.includes('Lease');
}
