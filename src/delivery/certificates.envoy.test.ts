/** Real Envoys whose certificates come late, or are bad. */
import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Edge, edgeRenderer } from '../render/edge.ts';
import { containerPort } from '../render/envoy-process.ts';
import { inCluster } from '../render/in-cluster.ts';
import { resolver } from '../resolve/resolve.ts';
import { systemClock } from '../runtime/clock.ts';
import { authPolicy, gateway, route, snapshotOf } from '../testing/build.ts';
import { type DeliveryRig, deliveryRig } from '../testing/delivery-rig.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { certificateSecret } from '../testing/operator/shop.ts';
import { podAddress, type RealPods } from '../testing/real-pods.ts';
import { type TestCertificate, testCertificate } from '../testing/rig-certificates.ts';
import type { ConfigMapDelivery, EdgePod, Published } from './configmap.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';
const never = new AbortController().signal;
const configMaps = ['edge-config-0'];

let folder: string;
let rig: DeliveryRig;
let pods: RealPods;
let operator: ConfigMapDelivery;

beforeEach(async () => {
  trustedHops = 0;
  folder = mkdtempSync(join(tmpdir(), 'evengate-certificates-'));
  rig = await deliveryRig(binary, configMaps);
  pods = rig.pods;
  operator = rig.deliver();
}, 30_000);
afterEach(async () => {
  await operator.idle();
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

let turn = 0;
/** Another one makes listeners anew. */
let trustedHops: number;

/** As a kubelet does (pkg/volume/util/atomic_writer.go): what is new has its names a moment after the swap. */
async function mount(secret: string, pair?: TestCertificate, momentMs = 0): Promise<void> {
  const at = join(folder, `shop.${secret}`);
  turn += 1;
  const moment = `..${turn}`;
  mkdirSync(join(at, moment), { recursive: true });
  if (pair !== undefined) {
    writeFileSync(join(at, moment, 'tls.crt'), pair.certificate);
    writeFileSync(join(at, moment, 'tls.key'), pair.key);
  }
  symlinkSync(moment, join(at, '..data_tmp'));
  renameSync(join(at, '..data_tmp'), join(at, '..data'));
  if (momentMs > 0) await systemClock.sleep(momentMs);
  for (const name of ['tls.crt', 'tls.key']) {
    if (pair === undefined) rmSync(join(at, name), { force: true });
    else if (lstatSync(join(at, name), { throwIfNoEntry: false }) === undefined)
      symlinkSync(join('..data', name), join(at, name));
  }
}

const tls = (secret: string) => ({ certificateRefs: [{ name: secret }] });
const listeners = [
  { name: 'any', port: 443, protocol: 'HTTPS', tls: tls('good') },
  { name: 'late', port: 443, protocol: 'HTTPS', hostname: 'late.example.com', tls: tls('late') },
];

function edgeOf(body: string): Edge {
  const render = edgeRenderer({
    ...inCluster,
    certificates: folder,
    bind: (_, given) => ({ address: podAddress, port: containerPort(given) }),
    readiness: { address: podAddress, port: 19_003 },
  });
  const answers = route({ rules: [{ name: 'all', respond: { status: 200, body } }] });
  const objects = [
    gateway({ listeners, clientIP: { trustedHops } }),
    answers,
    authPolicy(),
    certificateSecret('good'),
    certificateSecret('late'),
  ];
  const resolved = resolver()(snapshotOf(objects)).gateways.get('shop/edge');
  if (resolved === undefined) throw new Error('no gateway');
  return render(resolved);
}

async function publish(body: string): Promise<Published> {
  const published = await operator.publish(edgeOf(body), never);
  await operator.idle();
  return published;
}

/** Until nothing is missing; the last word. */
async function untilWhole(body: string): Promise<Published> {
  for (;;) {
    const published = await publish(body);
    if (published.unusable.length === 0) return published;
    await systemClock.sleep(published.againInMs ?? 0);
  }
}

/** Name in the certificate that is shown; or that the handshake failed. */
function shown({ ip: host }: EdgePod, servername: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: containerPort(443), servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', () => resolve('no handshake'));
  });
}

async function untilShown(pod: EdgePod, servername: string, name: string): Promise<void> {
  for (const deadline = systemClock.monotonic() + 10_000; (await shown(pod, servername)) !== name; ) {
    if (systemClock.monotonic() > deadline) throw new Error(`${name} is not shown`);
    await systemClock.sleep(20);
  }
}

/** An Envoy that has two good ones. */
async function withBoth(): Promise<EdgePod> {
  await mount('good', testCertificate('any.example.com'));
  await mount('late', testCertificate('late.example.com'));
  await publish('one');
  const pod = await pods.add('a');
  await publish('one');
  return pod;
}

suite('a certificate', () => {
  test('that is missing closes its listener alone, and no other answers for it; it is taken up when it comes, and its last good pair is kept', async () => {
    await mount('good', testCertificate('any.example.com'));
    await mount('late');
    await publish('one');
    const a = await pods.add('a');
    const missing = {
      secret: 'shop.late',
      details: [`Invalid path: ${folder}/shop.late/..data/tls.crt`],
      served: false,
    };
    expect(await publish('one')).toMatchObject({ kind: 'served', unusable: [missing] });
    expect(await shown(a, 'any.example.com')).toBe('any.example.com');
    expect(await shown(a, 'late.example.com')).toBe('no handshake');
    expect(await publish('two')).toMatchObject({ kind: 'served', unusable: [missing], findings: [] });

    const pair = testCertificate('late.example.com');
    await mount('late', { ...pair, key: testCertificate('late.example.com').key });
    const { againInMs = 0 } = await publish('two');
    await systemClock.sleep(againInMs);
    const [wrong] = (await publish('two')).unusable;
    expect(wrong?.details.join()).toContain('KEY_VALUES_MISMATCH');
    expect(await shown(a, 'late.example.com')).toBe('no handshake');

    await mount('late', pair);
    expect(await untilWhole('two')).toMatchObject({ kind: 'served' });
    expect(await shown(a, 'late.example.com')).toBe('late.example.com');

    await mount('late', { ...pair, key: testCertificate('late.example.com').key });
    const b = await pods.add('b');
    expect(await publish('three')).toMatchObject({ kind: 'served', unusable: [{ served: true }] });
    expect(await shown(a, 'late.example.com')).toBe('late.example.com');
    expect(await shown(b, 'late.example.com')).toBe('no handshake');
    expect(await shown(b, 'any.example.com')).toBe('any.example.com');
    await mount('late', pair);
    await untilWhole('three');
    expect(await shown(b, 'late.example.com')).toBe('late.example.com');
  }, 90_000);

  test.each([
    ['absent', 'Invalid path'],
    ['bad', 'KEY_VALUES_MISMATCH'],
  ])(
    'that is %s, and acknowledged with another change, is missing for whoever looks then',
    async (kind, why) => {
      await mount('good', testCertificate('any.example.com'));
      const pair = testCertificate('late.example.com');
      await mount('late', kind === 'bad' ? { ...pair, key: testCertificate('late.example.com').key } : undefined);
      await publish('one');
      const a = await pods.add('a');
      await publish('one');
      await publish('two');
      await operator.idle();
      operator = rig.deliver();
      const missing = { secret: 'shop.late', details: [expect.stringContaining(why)], served: false };
      expect(await publish('two')).toMatchObject({ kind: 'served', unusable: [missing] });
      expect(await shown(a, 'late.example.com')).toBe('no handshake');
      await mount('late', pair);
      await untilWhole('two');
      expect(await shown(a, 'late.example.com')).toBe('late.example.com');
      operator = rig.deliver();
      await untilWhole('two');
      expect(await shown(a, 'late.example.com')).toBe('late.example.com');
    },
    60_000,
  );

  test('of a Secret that is made anew is shown, however long the kubelet takes to name its files', async () => {
    const a = await withBoth();
    await mount('late');
    await mount('late', testCertificate('again.example.com'), 200);
    await untilShown(a, 'late.example.com', 'again.example.com');
  }, 30_000);

  test('of a Secret that is gone is served on by who has it, whatever changes; a new Envoy takes it up when it comes', async () => {
    const a = await withBoth();
    await mount('late');
    const b = await pods.add('b');
    for (let turn = 0; turn < 4; turn += 1) {
      const { againInMs = 0, unusable } = await publish('one');
      expect(unusable).toMatchObject([{ secret: 'shop.late', served: true }]);
      await systemClock.sleep(againInMs);
    }
    trustedHops = 1;
    expect(await publish('one')).toMatchObject({ kind: 'served', unusable: [{ served: true }] });
    expect(await shown(a, 'late.example.com')).toBe('late.example.com');
    expect(await shown(b, 'late.example.com')).toBe('no handshake');
    await mount('late', testCertificate('again.example.com'));
    await untilWhole('one');
    for (const pod of [a, b]) expect(await shown(pod, 'late.example.com')).toBe('again.example.com');
  }, 60_000);
});
