/** A certificate that comes after its ApiGateway, as cert-manager's do, or that is bad: it closes its own listener alone. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type TestCertificate, testCertificate } from '../../src/testing/rig-certificates.ts';
import { settled } from './lib/fleet.ts';
import { startOperator } from './lib/operator.ts';
import { report, say } from './lib/report.ts';
import { type Address, addressOf, authPolicy, backends, gateway, route, rule, tlsSecret } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { startTraffic, type Traffic } from './lib/traffic.ts';
import { until } from './lib/until.ts';
import { openWorld, type World } from './lib/world.ts';

const suite = await clusterSuite();
const host = 'www.late.example.com';

let world: World;
let traffic: Traffic | undefined;

/** SHA-256 of the certificate that is shown; rejects where the handshake fails. */
function shown(https: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...https, servername: host, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const untilShown = ({ certificate }: TestCertificate, https: Address) =>
  until('every Envoy shows the certificate', async () => {
    const wanted = new X509Certificate(certificate).fingerprint256;
    for (let count = 0; count < 10; count += 1) if ((await shown(https).catch(String)) !== wanted) return false;
    return true;
  });

const conditionOf = async (type: string) => {
  const { status, reason, message } = (await world.condition('ApiGateway', 'edge', type)) ?? {};
  return { status, reason, message };
};

const refsResolved = (words: string) =>
  until(`ResolvedRefs tells: ${words}`, async () => {
    const { reason, message = '' } = await conditionOf('ResolvedRefs');
    return reason === 'InvalidCertificateRef' && message.includes(words);
  });

suite('a certificate that comes late', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-late');
    await startOperator(world, { class: world.namespace, where: 'outside' });
    await backends(world, 'a', 'b');
    await world.apply(
      gateway('edge', { className: world.namespace, certificates: ['late'] }),
      route('a', host, [rule('/', 'a')]),
      authPolicy('a', 'a'),
    );
    await settled(world, 2);
    await world.ready('Route', 'a');
  }, 90_000);
  afterEach(() => traffic?.stop());
  afterAll(() => world?.end());

  test('HTTP is served and changed without it; HTTPS follows by itself, and a bad pair changes nothing', async () => {
    await refsResolved(`Secret ${world.namespace}/late does not exist`);
    expect(await conditionOf('Programmed')).toMatchObject({ status: 'True', reason: 'Programmed' });
    const [http, https] = [await addressOf(world, 'edge', 80), await addressOf(world, 'edge', 443)];
    await expect(shown(https)).rejects.toThrow();
    const target = { name: 'a', host, path: '/', expected: ['200 a'] };
    traffic = startTraffic({ at: { http }, targets: [target], clients: 2, pauseMs: 15 });
    await traffic.seen('a', '200 a');

    traffic.doing = 'a Route changes without the Secret';
    traffic.allow('a', '200 a', '200 b');
    await world.apply(route('a', host, [rule('/', 'b')]));
    await world.ready('Route', 'a');
    traffic.expect('a', '200 b');

    traffic.doing = 'the Secret comes';
    const pair = testCertificate(host);
    const begun = performance.now();
    await world.apply(tlsSecret('late', pair));
    await untilShown(pair, https);
    const tookMs = Math.round(performance.now() - begun);
    say(`HTTPS was served ${tookMs} ms after its Secret came`);
    expect(tookMs).toBeLessThan(30_000);
    await world.ready('ApiGateway', 'edge');

    traffic.doing = 'a new Envoy meets a bad pair';
    await world.apply(tlsSecret('late', { ...pair, key: testCertificate(host).key }));
    const [first] = await settled(world, 2);
    await world.kill(first?.metadata.name ?? '');
    await refsResolved('holds a tls.key that does not belong to its tls.crt');
    traffic.allow('a', '200 a', '200 b');
    await world.apply(route('a', host, [rule('/', 'a')]));
    await world.ready('Route', 'a');
    traffic.expect('a', '200 a');
    await world.apply(tlsSecret('late', pair));
    await world.ready('ApiGateway', 'edge');
    await untilShown(pair, https);
    await traffic.stop();
    report('a late certificate', traffic);
    expect(traffic.failures).toEqual([]);
  }, 120_000);
});
