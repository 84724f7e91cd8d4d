/** The rights that `evengate install` asks for: enough, and no more than what they say. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Secret } from '../../src/kube/core.ts';
import { type TestCertificate, testCertificate } from '../../src/testing/rig-certificates.ts';
import { addNamespace, faultsOfStatuses, grantSecret, installReferenceGrants } from './lib/elsewhere.ts';
import { settled } from './lib/fleet.ts';
import { startOperator, type TestOperator } from './lib/operator.ts';
import { addressOf, authPolicy, backends, gateway, rateLimitPolicy, route, rule, tlsSecret } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { until } from './lib/until.ts';
import { openWorld, type World } from './lib/world.ts';

const suite = await clusterSuite();
const host = 'www.shop.example.com';
const certificate = testCertificate(host);
const limits = [{ name: 'many', requests: 1000, per: 'Minute' }];

let world: World;
let operator: TestOperator;
/** Of somebody else's certificate. */
let vault: string;

const withVault = () => {
  const certificateRefs = [{ name: 'shop-tls', namespace: vault }];
  const https = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs } };
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }, https];
  return gateway('edge', { className: world.namespace, replicas: 1, drain: '1s', spec: { listeners } });
};
const inVault = ({ metadata, ...secret }: ReturnType<typeof tlsSecret>) => ({
  ...secret,
  metadata: { ...metadata, namespace: vault },
});
const forbidden = (text: string) =>
  text.split('\n').filter((line) => /forbidden|cannot (get|list|watch|create|patch)/i.test(line));

function start(readSecrets: boolean, watchNamespaces: readonly string[] | 'all'): Promise<TestOperator> {
  return startOperator(world, { class: world.namespace, where: 'pod', readSecrets, watchNamespaces });
}

/** Serial number of the certificate that is shown. */
async function shown(): Promise<string> {
  const at = await addressOf(world, 'edge', 443);
  return new Promise((resolve, reject) => {
    const socket = connect({ ...at, servername: host, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
const fingerprintOf = (one: TestCertificate) => new X509Certificate(one.certificate).fingerprint256;

async function copies(): Promise<readonly Secret[]> {
  const all = await world.list<Secret>('Secret');
  return all.filter(({ metadata }) => metadata.name.startsWith('edge-edge-tls-'));
}

suite('with the rights of its installation', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-rights');
    vault = await addNamespace(world, 'vault');
    await installReferenceGrants(world);
    await backends(world, 'a');
    await world.apply(
      inVault(tlsSecret('shop-tls', certificate)),
      grantSecret(world, vault, 'shop-tls'),
      route('a', host, [rule('/', 'a')]),
      authPolicy('a', 'a'),
      rateLimitPolicy('a', 'a', limits),
    );
  }, 60_000);
  afterAll(() => world?.end());

  test('Roles in two namespaces: works there, is told of no other, and says which Secret it may not read', async () => {
    const elsewhere = await addNamespace(world, 'elsewhere');
    operator = await start(false, [world.namespace, vault]);
    const foreign = gateway('foreign', { className: world.namespace, replicas: 1 });
    await world.apply({ ...foreign, metadata: { name: 'foreign', namespace: elsewhere } }, withVault());
    const refused = await until('the Secret is missed', async () => {
      const found = await world.condition('ApiGateway', 'edge', 'ResolvedRefs');
      return found?.status === 'False' ? found : undefined;
    });
    expect(refused.message).toContain(`Secret ${vault}/shop-tls`);
    expect(refused.message).toContain('--read-secrets');
    await world.ready('Route', 'a');
    expect(await world.condition('ApiGateway', 'edge', 'Programmed')).toMatchObject({ status: 'True' });
    expect((await world.get('ApiGateway', 'foreign', elsewhere))?.status?.conditions).toBeUndefined();
    expect(await world.get('Deployment', 'edge-foreign', elsewhere)).toBeUndefined();
    expect(await copies()).toEqual([]);
    expect(await faultsOfStatuses(world)).toEqual([]);
    expect(forbidden(await operator.logs())).toEqual([]);
  }, 60_000);

  test('--read-secrets, in all namespaces: the certificate is copied, served, and follows its source', async () => {
    await operator.stop();
    operator = await start(true, 'all');
    await world.ready('ApiGateway', 'edge');
    await settled(world, 1);
    expect(await shown()).toBe(fingerprintOf(certificate));
    const next = testCertificate(host);
    await world.apply(inVault(tlsSecret('shop-tls', next)));
    const wanted = Buffer.from(next.certificate).toString('base64');
    await until('the copy follows', async () => (await copies()).every(({ data }) => data?.['tls.crt'] === wanted));
    expect(await copies()).toHaveLength(1);
  }, 60_000);

  test('a whole life, and nothing was forbidden', async () => {
    const className = world.namespace;
    const autoscaling = { minReplicas: 1, maxReplicas: 2, targetCPUUtilizationPercentage: 80 };
    const second = gateway('second', { className, replicas: 1, drain: '1s' });
    await world.apply(second);
    await world.ready('ApiGateway', 'second');
    await world.apply({ ...second, spec: { ...(second.spec as object), workload: { autoscaling } } });
    await until('an autoscaler', () => world.get('HorizontalPodAutoscaler', 'edge-second'));
    await world.remove('RateLimitPolicy', 'a');
    await world.remove('AuthPolicy', 'a');
    await until('the Route is shut', async () => (await world.get('Route', 'a'))?.status?.['auth'] !== 'Public');
    await world.remove('ApiGateway', 'second');
    await until('its Deployment is gone', async () => (await world.get('Deployment', 'edge-second')) === undefined);
    expect(await faultsOfStatuses(world)).toEqual([]);
    expect(forbidden(await operator.logs())).toEqual([]);
    const events = await world.kubectl('--namespace', world.namespace, 'get', 'events', '-o', 'name');
    expect(events).toMatch(/edge\./);
  }, 60_000);
});
