/** Script 15: who leads when writes collide, clocks jump, and processes stand still. */
import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { type Copier, type CopierOptions, copiesOf, route, settled, startCopier } from '../../testing/copier.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { type KubeApi, startKubeApi } from '../../testing/kube-api/index.ts';

const hour = 3_600_000;
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function newApi(): Promise<KubeApi> {
  const api = await startKubeApi();
  ends.push(() => api.stop());
  return api;
}

function replica(api: KubeApi, identity: string, options: CopierOptions = {}): Copier {
  const copier = startCopier(api, { clock: new FakeClock(), identity, ...options });
  ends.push(async () => {
    copier.stop();
    await pass(api, 35_000, copier);
    await copier.end;
  });
  return copier;
}

/** Time passes alike for all of them, slowly enough for requests to be answered. */
async function pass(api: KubeApi, ms: number, ...replicas: readonly Copier[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    for (const { clock } of replicas) await clock.advance(500);
    for (let turn = 0; turn < 3; turn += 1) await (await fetch(`${api.url}/version`)).text();
  }
}

const leads = ({ election }: Copier) => election?.holds() === true;

async function leader(api: KubeApi, identity: string, options?: CopierOptions): Promise<Copier> {
  const copier = replica(api, identity, options);
  await pass(api, 2000, copier);
  await api.until(`${identity} leads`, () => leads(copier));
  return copier;
}

interface Lease extends KubeObject {
  readonly spec: { readonly holderIdentity?: string; readonly leaseTransitions?: number };
}

function leaseOf(api: KubeApi): Lease {
  const lease = api.get<Lease>(resources.Lease, 'copier', 'copier');
  if (lease === undefined) throw new Error('no lease');
  return lease;
}

/** `a a b`: who wrote ConfigMaps. */
function writers(api: KubeApi): readonly string[] {
  const own = api.writes.filter(({ kind, changed }) => kind === 'ConfigMap' && changed);
  return own.map(({ userAgent }) => userAgent.replace(/^copier-(.*)\/1$/, '$1'));
}

test('15: somebody else writes to the lease between read and write: the leader goes on', async () => {
  const api = await newApi();
  const a = await leader(api, 'a');
  const match = ({ verb, resource }: { readonly verb: string; readonly resource: string }) =>
    verb === 'update' && resource === 'leases';
  const fault = api.faults.add({ match, times: 2, fault: { kind: 'refuse', code: 409 } });
  await pass(api, 6000, a);
  api.patch(leaseOf(api), { metadata: { annotations: { note: 'hello' } } });
  await pass(api, 6000, a);
  expect([fault.hits, leads(a)]).toEqual([2, true]);
  expect(leaseOf(api).spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
});

test.each([hour, -hour])(
  '15: the wall clocks of both jump by %d ms, each at its own time: nothing changes hands',
  async (ms) => {
    const api = await newApi();
    const a = await leader(api, 'a');
    const b = replica(api, 'b');
    await pass(api, 5000, a, b);
    (b.clock as FakeClock).jump(ms);
    await pass(api, 20_000, a, b);
    (a.clock as FakeClock).jump(ms);
    await pass(api, 20_000, a, b);
    expect([leads(a), leads(b)]).toEqual([true, false]);
    expect(leaseOf(api).spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
  },
);

test('15: a leader that stood still for 20 s writes nothing more, and ends; the next one has done its work', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const api = await newApi();
  api.put(route('before'));
  const slow = (key: string) => (key === 'shop/during' ? gate : undefined);
  const a = await leader(api, 'a', { beforeWrite: slow });
  await api.until('its copy', () => copiesOf(api).join() === 'before=80');
  const b = replica(api, 'b');
  await pass(api, 1000, a, b);
  // A is in the middle of a reconcile when its process is stopped.
  api.put(route('during'));
  await api.until('its reconcile', () => a.reconciled.includes('shop/during'));
  await pass(api, 18_000, b);
  (a.clock as FakeClock).freeze(18_500);
  await api.until('b leads', () => leads(b));
  await pass(api, 1000, b);
  await settled(api, b);
  api.put(route('during', { port: 81 }));
  await settled(api, b);
  // It wakes up, and believes that it leads.
  open();
  await pass(api, 3000, a, b);
  expect(leads(a)).toBe(false);
  expect(await a.end).toContain('LeadershipLost');
  await settled(api, b);
  expect(copiesOf(api)).toEqual(['before=80', 'during=81']);
  expect(writers(api)).toEqual(['a', 'b', 'b']);
  expect(leaseOf(api).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('15: an API server that comes back after a minute finds one leader, and no flip-flop', async () => {
  const api = await newApi();
  api.put(route('a'));
  const a = await leader(api, 'a');
  const b = replica(api, 'b');
  await pass(api, 2000, a, b);
  await settled(api, a);
  await api.goDown();
  for (let passed = 0; passed < 60_000; passed += 500) {
    for (const { clock } of [a, b]) await clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await a.end).toContain('LeadershipLost');
  await api.comeBack();
  api.put(route('b'));
  await pass(api, 40_000, b);
  expect(leads(b)).toBe(true);
  await settled(api, b);
  expect(writers(api)).toEqual(['a', 'b']);
});
