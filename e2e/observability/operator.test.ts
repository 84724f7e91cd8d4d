/** What an operator and an Envoy in pods tell of themselves: their metrics, and the traces of a change. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { envoyMetrics } from '../../src/observability/envoy-metrics.ts';
import { operatorMetrics, sharedMetrics } from '../../src/observability/metrics-page.ts';
import { familyOf, parseExposition, type Scrape } from '../../src/testing/exposition.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../src/testing/otlp/receiver.ts';
import { requirePart } from '../../src/testing/parts.ts';
import { startOperator, type TestOperator } from '../operator/lib/operator.ts';
import { authPolicy, backends, gateway, route, rule } from '../operator/lib/shop.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';

const suite = await clusterSuite();

let world: World;
let operator: TestOperator;
let collector: OtlpReceiver | undefined;

/** Through the API server, as whoever may. */
async function scrape(namespace: string, selector: string, path: string): Promise<Scrape> {
  const words = ['--namespace', namespace, 'get', 'pods', '-l', selector, '-o', 'jsonpath={.items[0].metadata.name}'];
  const pod = await world.kubectl(...words);
  return parseExposition(await world.kubectl('get', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}:${path}`));
}

suite('in pods', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-observability');
    const { hostAddress } = world.cluster;
    if (hostAddress === undefined)
      requirePart('cluster', 'pods of this cluster cannot reach a collector on this machine');
    else collector = await startOtlpReceiver({ host: hostAddress });
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${hostAddress}:${collector?.httpPort}` };
    operator = await startOperator(world, {
      class: world.namespace,
      where: 'pod',
      ...(collector === undefined ? {} : { env: endpoint }),
    });
    await backends(world, 'a');
    await world.apply(
      gateway('edge', { className: world.namespace, replicas: 1 }),
      route('orders', 'shop.example.com', [rule('/orders', 'a')]),
      authPolicy('orders', 'orders'),
    );
    await world.ready('Route', 'orders');
  }, 90_000);

  afterAll(async () => {
    await collector?.stop();
    await world?.end();
  }, 60_000);

  test('an operator tells what it is measured by', async () => {
    const { types, series } = await scrape(operator.namespace, 'app.kubernetes.io/name=evengate', '8081/proxy/metrics');
    const documented = [...operatorMetrics, ...sharedMetrics].map(({ name }) => name);
    const own = [...types.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
    expect(own.toSorted()).toEqual(documented.toSorted());
    const programmed = series.find(({ name }) => name === 'evengate_gateway_programmed');
    expect(programmed).toMatchObject({ labels: { gateway_namespace: world.namespace, gateway: 'edge' }, value: 1 });
  });

  test('an operator sends one trace of a change, from what it resolved to what its Envoy acknowledged', async () => {
    if (collector === undefined) return;
    await world.apply(route('carts', 'shop.example.com', [rule('/carts', 'a')]), authPolicy('carts', 'carts'));
    await world.ready('Route', 'carts');
    const written = await collector.span(
      ({ name, attributes }) => name === 'patch routes' && attributes['k8s.object.name'] === 'carts',
    );
    const names = collector.spans().flatMap(({ traceId, name }) => (traceId === written.traceId ? [name] : []));
    expect(names).toEqual(expect.arrayContaining(['change', 'resolve', 'reconcile edge', 'render', 'acknowledge']));
    expect(written.resource).toMatchObject({ 'service.name': 'evengate-operator' });
  });

  test('an Envoy tells of which gateway it is, and what dashboards ask for', async () => {
    const selector = 'evengate.dev/gateway=edge';
    const told = await until('Envoy tells of its listener', async () => {
      const found = await scrape(world.namespace, selector, '19001/proxy/stats/prometheus');
      return found.series.some(({ name }) => name === 'envoy_http_downstream_rq_total') ? found : undefined;
    });
    const families = new Set(told.series.map((one) => familyOf(one, told.types)));
    // Without TLS there is no certificate, and without requests nothing of a Service's answers.
    const missing = envoyMetrics.filter(({ name }) => !families.has(name)).map(({ name }) => name);
    expect(missing.filter((name) => !/ssl_certificate|upstream_rq_xx/.test(name))).toEqual([]);
    const live = told.series.find(({ name }) => name === 'envoy_server_live');
    expect(live?.labels).toEqual({ gateway_namespace: world.namespace, gateway: 'edge' });
  });
});
