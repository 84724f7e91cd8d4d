/** What is in the ConfigMap, whoever else writes it, and for how long. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ConfigMap } from '../../../kube/core.ts';
import { resources } from '../../../kube/resources.ts';
import { kubeClient } from '../../../runtime/client.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { type Connection, connectTo } from '../../../runtime/connection.ts';
import { leadingClient } from '../../../runtime/leading-client.ts';
import { corpJwks } from '../../../testing/build.ts';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { type KubeApi, startKubeApi } from '../../../testing/kube-api/index.ts';
import type { ApiRequest } from '../../../testing/kube-api/request.ts';
import { readEntries } from './key-entries.ts';
import { KeyStore } from './key-store.ts';

const namespace = 'evengate-system';
const uri = 'https://login.example.com/jwks';
const other = 'https://other.example.com/jwks';
const hourMs = 3_600_000;

let api: KubeApi;
let connection: Connection;
let clock: FakeClock;
let leads: boolean;

beforeEach(async () => {
  api = await startKubeApi();
  connection = connectTo({ server: api.url, userAgent: 'test' });
  clock = new FakeClock();
  leads = true;
});
afterEach(async () => {
  await connection.close();
  await api.stop();
});

interface Opened {
  readonly store: KeyStore;
  readonly reconcile: () => Promise<number | undefined>;
  readonly warned: readonly string[];
  readonly enqueued: readonly string[];
}

function open(...wanted: readonly string[]): Opened {
  const client = leadingClient(kubeClient(connection, { fieldManager: 'evengate', clock: systemClock }), {
    holds: () => leads,
  });
  const warned: string[] = [];
  const enqueued: string[] = [];
  const store = new KeyStore({
    client,
    clock,
    log: { warn: (message, fields) => void warned.push(`${message} ${JSON.stringify(fields)}`) },
    namespace,
    className: 'internal',
    enqueue: (key) => void enqueued.push(key),
  });
  store.want(new Set(wanted));
  const reconcile = async () => (await store.reconcile(new AbortController().signal)).requeueAfterMs;
  return { store, reconcile, warned, enqueued };
}

function stored(): ConfigMap | undefined {
  return api.get<ConfigMap>(resources.ConfigMap, namespace, 'evengate-keys-internal');
}

const kept = () => [...readEntries(stored()?.data ?? {}).sets.keys()].toSorted();

function large(kib: number): string {
  return corpJwks.replace(/"kid": ?"[^"]*"/, `"kid":"${'x'.repeat(kib * 1024)}"`);
}

test('is looked at with the first URI, and made with the first keys', async () => {
  const { store, reconcile, enqueued } = open();
  expect(enqueued).toEqual([]);
  store.want(new Set([uri]));
  expect(enqueued).toEqual(['evengate-system/evengate-keys-internal']);
  expect([store.isAnswered, await reconcile(), store.isAnswered]).toEqual([false, undefined, true]);
  expect(stored()).toBeUndefined();
  store.keep(uri, corpJwks);
  store.keep(uri, corpJwks);
  expect(enqueued).toHaveLength(2);
  expect(await reconcile()).toBe(300_000);
  expect(stored()).toMatchObject({
    metadata: { labels: { 'app.kubernetes.io/name': 'evengate', 'app.kubernetes.io/managed-by': 'evengate' } },
  });
  await reconcile();
  expect(api.writes.map(({ verb, manager }) => `${verb} as ${manager}`)).toEqual(['apply as evengate']);
});

test('a write whose answer is lost is not done twice', async () => {
  const { store, reconcile } = open(uri);
  store.keep(uri, corpJwks);
  api.faults.add({ match: ({ verb }) => verb === 'patch', times: 1, fault: { kind: 'lose-answer' } });
  await expect(reconcile()).rejects.toMatchObject({ code: 0 });
  await reconcile();
  expect([kept(), api.writes.length]).toEqual([[uri], 1]);
});

test('what nobody wants goes after an hour, and not if it is wanted again', async () => {
  const { store, reconcile } = open(uri, other);
  for (const one of [uri, other]) store.keep(one, corpJwks);
  await reconcile();
  store.want(new Set());
  await clock.advance(hourMs - 1000);
  expect(await reconcile()).toBe(1000);
  store.want(new Set([other]));
  await clock.advance(1000);
  await reconcile();
  expect(kept()).toEqual([other]);
  store.want(new Set());
  await clock.advance(hourMs);
  expect(await reconcile()).toBeUndefined();
  expect(stored()?.data).toBeUndefined();
});

test('what was kept before is not forgotten by who does not want it yet', async () => {
  const before = open(uri, other);
  for (const one of [uri, other]) before.store.keep(one, corpJwks);
  await before.reconcile();
  const after = open(other);
  await clock.advance(10 * hourMs);
  await after.reconcile();
  expect([kept(), after.store.get(uri) !== undefined]).toEqual([[uri, other], true]);
  await clock.advance(hourMs);
  await after.reconcile();
  expect(kept()).toEqual([other]);
});

test('what was fetched before it was read is newer', async () => {
  const before = open(uri);
  before.store.keep(uri, corpJwks);
  await before.reconcile();
  const after = open(uri);
  const rotated = large(1);
  after.store.keep(uri, rotated);
  await after.reconcile();
  expect(after.store.get(uri)).toBe(rotated);
  expect(JSON.stringify(stored()?.data)).toContain('xxx');
});

test('what others do to it is undone, and what others add stays theirs', async () => {
  const { store, reconcile } = open(uri);
  store.keep(uri, corpJwks);
  await reconcile();
  const [name = ''] = Object.keys(stored()?.data ?? {});
  api.patch(stored() as ConfigMap, { data: { [name]: '{}', note: 'theirs' } });
  await reconcile();
  expect(kept()).toEqual([uri]);
  expect(stored()?.data?.['note']).toBe('theirs');
  api.delete(stored() as ConfigMap);
  await reconcile();
  expect(kept()).toEqual([uri]);
});

test('keys that find no room are named once, and the others are kept', async () => {
  const { store, reconcile, warned } = open(uri, other);
  store.keep(uri, corpJwks);
  store.keep(other, large(950));
  await reconcile();
  await reconcile();
  expect(kept()).toEqual([uri]);
  expect(warned).toEqual([expect.stringMatching(/^keys are not kept over a restart .*other\.example\.com.*no room/)]);
});

test('who does not lead any more writes nothing, and over a newer leader nobody does', async () => {
  const { store, reconcile } = open(uri);
  store.keep(uri, corpJwks);
  leads = false;
  await expect(reconcile()).rejects.toMatchObject({ reason: 'NotLeader' });
  expect(stored()).toBeUndefined();
  leads = true;
  await reconcile();
  store.keep(other, corpJwks);
  // Between the look and the write.
  const newer = ({ verb }: ApiRequest) => {
    if (verb === 'patch') api.patch(stored() as ConfigMap, { metadata: { annotations: { newer: 'leader' } } });
    return false;
  };
  api.faults.add({ match: newer, fault: { kind: 'reset' } });
  await expect(reconcile()).rejects.toMatchObject({ code: 409 });
  expect(kept()).toEqual([uri]);
});

test.each([
  [403, false],
  [500, true],
])('a read that is answered with %d', async (code, throws) => {
  const { store, reconcile, warned } = open(uri);
  api.faults.add({ match: ({ verb }) => verb === 'get', fault: { kind: 'refuse', code } });
  if (throws) await expect(reconcile()).rejects.toMatchObject({ code });
  else expect(await reconcile()).toBe(60_000);
  expect([store.isAnswered, warned.length]).toEqual([!throws, throws ? 0 : 1]);
  expect(api.writes).toEqual([]);
});
