import { afterEach, expect, test } from '@jest/globals';
import { freePort } from '../testing/ports.ts';
import { type Check, type HealthServer, serveHealth } from './health.ts';
import { createMetrics } from './metrics.ts';

const servers: HealthServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(checks: Readonly<Record<string, Check>>) {
  const port = await freePort();
  const metrics = createMetrics({ process: true });
  const ready = () => new Map(Object.entries(checks));
  const live = () => new Map<string, Check>();
  servers.push(await serveHealth({ port, host: '127.0.0.1', live, ready, registry: metrics.registry }));
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { status: response.status, body: await response.text(), headers: response.headers };
  };
  return { ask, metrics };
}

test('says ok in a word, and more when asked or when something is wrong', async () => {
  let why: string | undefined;
  const { ask } = await serve({ 'cache-sync/routes': () => why });
  expect(await ask('/readyz')).toMatchObject({ status: 200, body: 'ok' });
  expect(await ask('/readyz?verbose')).toMatchObject({
    status: 200,
    body: '[+]ping ok\n[+]cache-sync/routes ok\nreadyz check passed\n',
  });
  why = 'list: 403';
  expect(await ask('/readyz')).toMatchObject({
    status: 503,
    body: '[+]ping ok\n[-]cache-sync/routes failed: list: 403\nreadyz check failed\n',
  });
  expect(await ask('/healthz')).toMatchObject({ status: 200, body: 'ok' });
});

test('a check that throws is a check that fails', async () => {
  const { ask } = await serve({
    broken: () => {
      throw new Error('no');
    },
  });
  expect(await ask('/readyz')).toMatchObject({ status: 500, body: expect.stringContaining('no') });
});

test('only GET, and only what there is', async () => {
  const { ask } = await serve({});
  const posted = await ask('/healthz', 'POST');
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect((await ask('/debug')).status).toBe(404);
  expect((await ask('//')).status).toBe(404);
  expect(await ask('/readyz', 'HEAD')).toMatchObject({ status: 200, body: '' });
});

test('metrics of the process, of client-go and of our own', async () => {
  const { ask, metrics } = await serve({});
  metrics.request({ verb: 'list', code: 200, method: 'GET', ms: 20, host: '10.96.0.1:443' });
  metrics.leader('evengate-operator')(true);
  metrics.queue('route').depth(3);
  metrics.controller('route').concurrency(2);
  const gateways = new Set(['edge', 'internal']);
  metrics
    .counter({ ...declared, name: 'evengate_publications_total', labels: { phase: 'x' } })
    .inc({ phase: 'routes' });
  metrics.state({ ...declared, name: 'evengate_gateway_pods', labels: { gateway: 'x' } }, () =>
    [...gateways].map((gateway) => ({ labels: { gateway }, value: 7 })),
  );
  metrics.histogram({ ...declared, name: 'evengate_publication_seconds' }, [1]).observe(2);
  const { body, headers } = await ask('/metrics');
  expect(headers.get('content-type')).toContain('text/plain');
  for (const line of [
    'rest_client_requests_total{code="200",method="GET",host="10.96.0.1:443"} 1',
    'rest_client_request_duration_seconds_bucket{le="0.025",verb="list",host="10.96.0.1:443"} 1',
    'leader_election_master_status{name="evengate-operator"} 1',
    'workqueue_depth{name="route",controller="route"} 3',
    'workqueue_retries_total{name="route",controller="route"} 0',
    'controller_runtime_max_concurrent_reconciles{controller="route"} 2',
    'controller_runtime_reconcile_total{controller="route",result="error"} 0',
    'evengate_publications_total{phase="routes"} 1',
    'evengate_gateway_pods{gateway="edge"} 7',
    'evengate_gateway_pods{gateway="internal"} 7',
    'evengate_publication_seconds_bucket{le="+Inf"} 1',
  ]) {
    expect(body.split('\n')).toContain(line);
  }
  expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
  gateways.delete('internal');
  expect((await ask('/metrics')).body).not.toContain('internal');
});

const declared = { help: 'x', type: 'gauge', labels: {} } as const;

test('port 0 is no server', async () => {
  const { registry } = createMetrics({ process: false });
  const none = () => new Map<string, Check>();
  await (await serveHealth({ port: 0, live: none, ready: none, registry })).close();
});
