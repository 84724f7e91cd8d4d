/** What the Envoys of a fleet tell of requests: lines in the log of their pods, spans at a collector behind a Service. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type OtlpReceiver, startOtlpReceiver } from '../../src/testing/otlp/receiver.ts';
import { requirePart } from '../../src/testing/parts.ts';
import { kubectl } from '../cluster/use.ts';
import { http1 } from '../operator/lib/clients.ts';
import { startOperator } from '../operator/lib/operator.ts';
import { addressOf, authPolicy, backends, gateway, route, rule } from '../operator/lib/shop.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';

const suite = await clusterSuite();

let world: World;
let collector: OtlpReceiver | undefined;

/** A Service whose endpoint is this machine. */
function collectorService(address: string, port: number): readonly object[] {
  const ports = [{ name: 'otlp', port: 4317, protocol: 'TCP' }];
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'otel' }, spec: { ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'otel-test', labels: { 'kubernetes.io/service-name': 'otel' } },
      addressType: 'IPv4',
      ports: [{ name: 'otlp', port, protocol: 'TCP' }],
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    },
  ];
}

async function logLines(): Promise<readonly Record<string, unknown>[]> {
  const [pod] = await world.pods('evengate.dev/gateway=edge');
  const text = await world.kubectl('--namespace', world.namespace, 'logs', pod?.metadata.name ?? '', '-c', 'envoy');
  const lines = text.split('\n').filter((line) => line.includes('"decision"'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

suite('a fleet in pods', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-telemetry');
    const { hostAddress } = world.cluster;
    if (hostAddress === undefined)
      requirePart('cluster', 'pods of this cluster cannot reach a collector on this machine');
    else collector = await startOtlpReceiver({ host: hostAddress });
    await startOperator(world, { class: world.namespace, where: 'outside' });
    await backends(world, 'a');
    const namespace = ['--namespace', world.namespace];
    const parts = collector === undefined ? [] : collectorService(hostAddress ?? '', collector.grpcPort);
    for (const object of parts) await kubectl(['apply', ...namespace, '-f', '-'], JSON.stringify(object));
    const tracing = { tracing: { backendRef: { name: 'otel', port: 4317 } } };
    await world.apply(
      gateway('edge', {
        className: world.namespace,
        replicas: 1,
        spec: { telemetry: collector === undefined ? {} : tracing },
      }),
      route('orders', 'shop.example.com', [{ name: 'read', ...rule('/orders', 'a') }]),
      authPolicy('orders', 'orders', {
        authorize: { deny: [{ name: 'writes', to: [{ methods: ['PUT'] }] }], allow: [{ name: 'anyone' }] },
      }),
    );
    await world.ready('ApiGateway', 'edge');
    await world.ready('Route', 'orders');
    const client = http1(await addressOf(world, 'edge', 80), { tls: false, fresh: true });
    await until('an answer', async () => {
      const answer = await client
        .ask({ host: 'shop.example.com', path: '/orders/1?key=canary' })
        .catch(() => undefined);
      return answer?.status === 200;
    });
    client.close();
  }, 90_000);

  afterAll(async () => {
    await collector?.stop();
    await world?.end();
  }, 60_000);

  test('kubectl logs shows who was admitted by which rule', async () => {
    const line = await until('a line', async () => (await logLines()).find(({ route: of }) => of !== undefined));
    expect(line).toMatchObject({
      gateway: `${world.namespace}/edge`,
      listener: 'web',
      route: `${world.namespace}/orders`,
      rule: 'read',
      decision: 'admitted',
      policy: `${world.namespace}/orders`,
      policy_rule: 'anyone',
      path: '/orders/1',
      upstream_cluster: `${world.namespace}/a/80`,
    });
    expect(JSON.stringify(await logLines())).not.toContain('canary');
  }, 30_000);

  test('the span of the request arrives', async () => {
    if (collector === undefined) return;
    const span = await collector.span(({ kind }) => kind === 'SERVER', 20_000);
    expect(span.resource).toMatchObject({ 'service.name': `${world.namespace}/edge` });
    expect(span.attributes).toMatchObject({ 'evengate.decision': 'admitted', 'evengate.rule': 'read' });
    const [pod] = await world.pods('evengate.dev/gateway=edge');
    expect(span.attributes['node_id']).toBe(pod?.metadata.name);
  }, 30_000);
});
