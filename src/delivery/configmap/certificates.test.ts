/** A certificate that an Envoy cannot load closes its own listener, and is told again until it can. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Edge } from '../../render/edge.ts';
import { kubeClient } from '../../runtime/client.ts';
import { type Connection, connectTo } from '../../runtime/connection.ts';
import { authPolicy, gateway, route } from '../../testing/build.ts';
import { compile } from '../../testing/compile.ts';
import { EdgePods } from '../../testing/edge-pods.ts';
import { type KubeApi, startKubeApi } from '../../testing/kube-api/index.ts';
import { certificateSecret } from '../../testing/operator/shop.ts';
import { SkippingClock } from '../../testing/skipping-clock.ts';
import { type ConfigMapDelivery, configMapDelivery, type Published } from '../configmap.ts';

const names = ['edge-config-0'];
const never = new AbortController().signal;
const file = 'sds-shop.late.json';

let api: KubeApi;
let connection: Connection;
let pods: EdgePods;
let operator: ConfigMapDelivery;
let clock: SkippingClock;
/** What Envoys say of the Secret. */
let problem: string | undefined;
const said: string[] = [];
const refuses = (name: string, text: string) => (name === file ? problem : rebuilt(name, text));
/** What Envoys say of listeners that are made anew. */
let rebuilt: (name: string, text: string) => string | undefined = () => undefined;

beforeEach(async () => {
  said.length = 0;
  rebuilt = () => undefined;
  problem = 'Invalid path: /etc/evengate/certificates/shop.late/tls.crt';
  api = await startKubeApi();
  connection = connectTo({ server: api.url });
  pods = new EdgePods({ api, namespace: 'shop', configMaps: names });
  operator = start();
});
afterEach(async () => {
  await operator.idle();
  await connection.close();
  await api.stop();
});

function start(): ConfigMapDelivery {
  clock = new SkippingClock({ longMs: 500 });
  return configMapDelivery({
    gateway: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' },
    configMaps: names,
    metadata: {},
    client: kubeClient(connection, { fieldManager: 'evengate', clock }),
    fleet: pods.fleet,
    access: pods.access,
    clock,
    log: (level, line) => said.push(`${level}: ${line}`),
  });
}

function edgeOf(body: string, spec: object = {}): Edge {
  const tls = { certificateRefs: [{ name: 'late' }] };
  const listeners = [
    { name: 'web', port: 80, protocol: 'HTTP' },
    { name: 'secure', port: 443, protocol: 'HTTPS', tls },
  ];
  const answers = route({ rules: [{ name: 'all', respond: { status: 200, body } }] });
  const edge = compile([gateway({ listeners, ...spec }), answers, authPolicy(), certificateSecret('late')]).edges.get(
    'shop/edge',
  );
  if (edge === undefined) throw new Error('no edge');
  return edge;
}

async function publish(edge: Edge): Promise<Published> {
  const published = await operator.publish(edge, never);
  await operator.idle();
  return published;
}

async function opened(...podNames: readonly string[]): Promise<Edge> {
  const edge = edgeOf('one');
  await publish(edge);
  for (const name of podNames) pods.add(name, { refuses });
  return edge;
}

const missing = { file, secret: 'shop.late', details: ['Invalid path: /etc/evengate/certificates/shop.late/tls.crt'] };
const closed = [{ ...missing, served: false }];

test('the rest is served, and goes on being changed', async () => {
  const one = await opened('a', 'b');
  expect(await publish(one)).toMatchObject({ kind: 'served', revision: one.revision, unusable: closed });
  const two = edgeOf('two');
  expect(await publish(two)).toMatchObject({ kind: 'served', revision: two.revision, unusable: closed, findings: [] });
  expect(said).toHaveLength(2);
});

test('it is told again after 2, 5, 10, 20 and then 25 to 30 seconds, in one write and one touch of each Pod', async () => {
  const one = await opened('a');
  const waits: number[] = [];
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const { againInMs = 0, ...rest } = await publish(one);
    expect(rest).toMatchObject({ kind: 'served', revision: one.revision, unusable: closed });
    waits.push(againInMs / 1000);
    const before = api.writes.length;
    await clock.advance(againInMs - 1);
    await publish(one);
    expect(api.writes.length).toBe(before);
    await clock.advance(1);
    await publish(one);
    const written = api.writes.slice(before).map(({ kind, name }) => `${kind} ${name}`);
    expect(written.toSorted()).toEqual(['ConfigMap edge-config-0', 'ConfigMap edge-config-0-good', 'Pod a']);
  }
  for (const [index, least] of [2, 5, 10, 20, 25, 25].entries()) {
    expect(waits[index]).toBeGreaterThanOrEqual(least);
    expect(waits[index]).toBeLessThanOrEqual(least * 1.2);
  }
  expect(said).toHaveLength(1);
});

test('what is there at last is taken up, and nothing is written any more', async () => {
  const one = await opened('a');
  const { againInMs = 0 } = await publish(one);
  problem = undefined;
  await clock.advance(againInMs);
  const found = await publish(one);
  expect(found).toMatchObject({ kind: 'served', revision: one.revision, unusable: [] });
  expect(found.againInMs).toBeUndefined();
  const writes = api.writes.length;
  await clock.advance(3_600_000);
  expect(await publish(one)).toEqual(found);
  expect(api.writes.length).toBe(writes);
});

test('another operator finds out, tries again, and remembers nothing against it', async () => {
  const one = await opened('a');
  await publish(one);
  operator = start();
  const { againInMs = 0, ...rest } = await publish(one);
  expect(rest).toMatchObject({ kind: 'served', unusable: closed });
  problem = undefined;
  await clock.advance(againInMs);
  expect(await publish(one)).toMatchObject({ kind: 'served', unusable: [] });
  expect(JSON.stringify(api.writes)).not.toContain('evengate.dev/refused');
  operator = start();
  const writes = api.writes.length;
  expect(await publish(one)).toMatchObject({ kind: 'served', revision: one.revision, unusable: [] });
  expect(api.writes.length).toBe(writes);
});

/** Envoy acknowledges what it refused, when it reads it once more because another file changed. */
describe('a refusal that nobody saw, and an acknowledgement after it', () => {
  const mismatch = 'Failed to load private key from <inline>, Cause: KEY_VALUES_MISMATCH';

  test.each([missing.details[0] ?? '', mismatch])(
    'of an Envoy told the next thing before it was Ready: %s',
    async (why) => {
      problem = why;
      await publish(edgeOf('one'));
      pods.add('a', { refuses, ready: false });
      const two = edgeOf('two');
      await publish(two);
      pods.setReady('a', true);
      const unusable = [{ ...missing, details: [why], served: false }];
      const { againInMs = 0, ...rest } = await publish(two);
      expect(rest).toMatchObject({ kind: 'served', revision: two.revision, unusable });
      problem = undefined;
      await clock.advance(againInMs);
      expect(await publish(two)).toMatchObject({ kind: 'served', unusable: [] });
      expect(await publish(edgeOf('three'))).toMatchObject({ kind: 'served', unusable: [] });
    },
  );

  test.each([missing.details[0] ?? '', mismatch])('of an Envoy that an earlier operator has told: %s', async (why) => {
    problem = why;
    await publish(await opened('a'));
    const two = edgeOf('two');
    await publish(two);
    operator = start();
    const unusable = [{ ...missing, details: [why], served: false }];
    const { againInMs = 0, ...rest } = await publish(two);
    expect(rest).toMatchObject({ kind: 'served', revision: two.revision, unusable });
    problem = undefined;
    await clock.advance(againInMs);
    await publish(two);
    expect(await publish(two)).toMatchObject({ kind: 'served' });
  });

  test('that was mended since is none for the next operator, who writes nothing', async () => {
    const { againInMs = 0 } = await publish(await opened('a'));
    problem = undefined;
    await clock.advance(againInMs);
    expect(await publish(edgeOf('one'))).toMatchObject({ kind: 'served', unusable: [] });
    operator = start();
    const writes = api.writes.length;
    expect(await publish(edgeOf('one'))).toMatchObject({ kind: 'served', unusable: [] });
    expect(api.writes.length).toBe(writes);
  });

  test('of one that came back to its Pod after it had loaded it', async () => {
    problem = undefined;
    await opened('a');
    await publish(edgeOf('one'));
    problem = 'Invalid path: /etc/evengate/certificates/shop.late/tls.crt';
    pods.restart('a');
    expect(await publish(edgeOf('one'))).toMatchObject({ kind: 'served', unusable: closed });
  });
});

test('a new Envoy that cannot load what the others have: they serve on, and are told changes', async () => {
  problem = undefined;
  await opened('a');
  await publish(edgeOf('one'));
  problem = 'Failed to load private key from <inline>, Cause: KEY_VALUES_MISMATCH';
  pods.add('b', { refuses });
  const found = { kind: 'served', unusable: [{ file, secret: 'shop.late', details: [problem], served: true }] };
  expect(await publish(edgeOf('one'))).toMatchObject(found);
  expect(await publish(edgeOf('two'))).toMatchObject(found);
});

test('where others have it, nothing is told again: the Pod that lacks it is touched, and looked at', async () => {
  problem = undefined;
  await opened('a');
  await publish(edgeOf('one'));
  problem = 'Invalid path: /etc/evengate/certificates/shop.late/tls.crt';
  pods.add('b', { refuses });
  expect(await publish(edgeOf('one'))).toMatchObject({ unusable: [{ ...missing, served: true }] });
  const before = api.writes.length;
  for (let seconds = 0; seconds < 60; seconds += 1) {
    await clock.advance(1000);
    await publish(edgeOf('one'));
  }
  const written = api.writes.slice(before).map(({ kind, name }) => `${kind} ${name}`);
  expect(new Set(written)).toEqual(new Set(['Pod b']));
  expect(written.length).toBeGreaterThanOrEqual(4);
  expect(written.length).toBeLessThanOrEqual(5);
  pods.envoy('b').mount(file);
  problem = undefined;
  await publish(edgeOf('one'));
  await clock.advance(30_000);
  expect(await publish(edgeOf('one'))).toMatchObject({ kind: 'served', unusable: [] });
  expect(await publish(edgeOf('two'))).toMatchObject({ kind: 'served', unusable: [] });
});

test('a listener that came back before it could be served is read anew', async () => {
  const one = await opened('a');
  await publish(one);
  const plain = compile([gateway(), authPolicy()]).edges.get('shop/edge') as Edge;
  expect(await publish(plain)).toMatchObject({ kind: 'served', unusable: [] });
  expect(await publish(one)).toMatchObject({ kind: 'served', unusable: closed });
});

test('a listener that cannot be made anew of a bad rotation is tried again, and nothing is remembered against it', async () => {
  problem = undefined;
  await opened('a');
  await publish(edgeOf('one'));
  rebuilt = (name, text) =>
    name === 'lds.json' && text.includes('"xff_num_trusted_hops":1')
      ? 'Error adding/updating listener(s) tcp-443: Failed to load private key from <inline>, Cause: KEY_VALUES_MISMATCH'
      : undefined;
  const next = edgeOf('one', { clientIP: { trustedHops: 1 } });
  expect(next.files.find(({ name }) => name === 'lds.json')?.text('')).toContain('"xff_num_trusted_hops":1');
  expect(await publish(next)).toMatchObject({
    kind: 'refused',
    againInMs: 30_000,
    findings: [{ remedy: expect.stringMatching(/^Mend the TLS Secret/) }],
  });
  rebuilt = () => undefined;
  expect(await publish(next)).toMatchObject({ kind: 'served', revision: next.revision });
});
