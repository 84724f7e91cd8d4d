/** Certificates that change under load: every handshake succeeds. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type TestCertificate, testCertificate } from '../../../src/testing/rig-certificates.ts';
import { envoys, settled } from '../lib/fleet.ts';
import { startOperator } from '../lib/operator.ts';
import { report, say } from '../lib/report.ts';
import { type Address, addressOf, authPolicy, backends, gateway, route, rule, tlsSecret } from '../lib/shop.ts';
import { clusterSuite } from '../lib/suite.ts';
import { startTraffic, type Traffic } from '../lib/traffic.ts';
import { until } from '../lib/until.ts';
import { openWorld, type World } from '../lib/world.ts';

const suite = await clusterSuite();
const host = 'www.shop.example.com';

let world: World;
let traffic: Traffic | undefined;
let https: Address;

const edge = (...certificates: readonly string[]) => gateway('edge', { className: world.namespace, certificates });
const fingerprintOf = ({ certificate }: TestCertificate) => new X509Certificate(certificate).fingerprint256;

/** Of the certificate that is shown for `servername`. */
function shown(servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...https, servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** Resolves when ten new connections in a row, which are with all Envoys, are shown it. */
async function untilShown(certificate: TestCertificate, servername = host): Promise<number> {
  const begun = performance.now();
  const wanted = fingerprintOf(certificate);
  await until(
    'the certificate is shown',
    async () => {
      for (let count = 0; count < 10; count += 1) if ((await shown(servername).catch(String)) !== wanted) return false;
      return true;
    },
    { timeoutMs: 120_000 },
  );
  return Math.round(performance.now() - begun);
}

let nudges = 0;

/**
 * The operator cannot see Secrets, and by itself a kubelet looks at them once in a minute or two: any change that Envoys
 * are told makes it look at once.
 */
async function nudge(): Promise<void> {
  nudges += 1;
  const requestHeaders = { set: [{ name: 'x-nudge', value: String(nudges) }] };
  await world.apply(route('other', 'www.other.example.com', [rule('/', 'a', { requestHeaders })]));
}

/** How often the Envoy has refused a pair that took the place of a good one. */
async function refusedRotations(pod: string): Promise<number> {
  const path = `/api/v1/namespaces/${world.namespace}/pods/${pod}:19001/proxy/stats?filter=key_rotation_failed`;
  return Number(/: (\d+)/.exec(await world.client.text({ path }))?.[1] ?? 0);
}

const podNames = async () => (await envoys(world)).map(({ metadata }) => metadata.name).toSorted();

async function load(): Promise<Traffic> {
  traffic = startTraffic({
    at: { https },
    targets: [{ name: 'a', host, path: '/', expected: ['200 a'] }],
    clients: 2,
    pauseMs: 15,
  });
  await traffic.seen('a', '200 a');
  return traffic;
}

suite('certificates under load', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-tls');
    await startOperator(world, { class: world.namespace, where: 'outside' });
    await backends(world, 'a');
    await world.apply(
      tlsSecret('shop-tls', testCertificate(host)),
      edge('shop-tls'),
      route('a', host, [rule('/', 'a')]),
      authPolicy('a', 'a'),
      route('other', 'www.other.example.com', [rule('/', 'a')]),
      authPolicy('other', 'other'),
    );
    await settled(world, 2);
    await world.ready('Route', 'a');
    https = await addressOf(world, 'edge', 443);
  });
  afterEach(() => traffic?.stop());
  afterAll(() => world?.end());

  test('rotated: no handshake fails, and no Pod is replaced', async () => {
    const pods = await podNames();
    const running = await load();
    for (let turn = 1; turn <= 3; turn += 1) {
      running.doing = `rotation ${turn}`;
      const next = testCertificate(host);
      await world.apply(tlsSecret('shop-tls', next));
      await nudge();
      say(`certificate ${turn} was served after ${await untilShown(next)} ms`);
    }
    await running.stop();
    report('certificates rotated', running);
    expect(running.failures).toEqual([]);
    expect(await podNames()).toEqual(pods);
  }, 90_000);

  test('a key that is not the certificate’s: the last good pair is served, until it is corrected', async () => {
    const running = await load();
    const served = await shown(host);
    const [one, other] = [testCertificate(host), testCertificate(host)];
    await world.apply(tlsSecret('shop-tls', { certificate: one.certificate, key: other.key }));
    await nudge();
    await until('every Envoy has refused the pair', async () => {
      const refusals = await Promise.all((await envoys(world)).map(({ metadata }) => refusedRotations(metadata.name)));
      return refusals.every((count) => count > 0);
    });
    expect(await shown(host)).toBe(served);
    await running.stop();
    report('wrong pair', running);
    expect(running.failures).toEqual([]);

    // A new Pod has no last good one; it must be told of.
    const [first] = await settled(world, 2);
    await world.kill(first?.metadata.name ?? '');
    await until('the gateway says that an Envoy cannot load the pair', async () => {
      const { status, message = '' } = (await world.condition('ApiGateway', 'edge', 'ResolvedRefs')) ?? {};
      return status === 'False' && message.includes('shop-tls holds a tls.key that does not belong to its tls.crt');
    });
    await world.apply(tlsSecret('shop-tls', other));
    await nudge();
    await untilShown(other);
    await world.ready('ApiGateway', 'edge');
  }, 90_000);

  test('a second certificate: new Pods, and no request fails', async () => {
    const pods = await podNames();
    const running = await load();
    const second = testCertificate('www.other.example.com');
    await world.apply(tlsSecret('other-tls', second), edge('shop-tls', 'other-tls'));
    say(`a second certificate was served after ${await untilShown(second, 'www.other.example.com')} ms`);
    await settled(world, 2, ({ metadata }) => !pods.includes(metadata.name));
    await world.ready('ApiGateway', 'edge');
    await running.stop();
    report('a second certificate', running);
    expect(running.failures).toEqual([]);
  }, 90_000);
});
