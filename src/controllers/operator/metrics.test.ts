import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { operatorMetrics, sharedMetrics } from '../../observability/metrics-page.ts';
import { familyOf, parseExposition, type Series } from '../../testing/exposition.ts';
import { type RunningOperator, readyOf, rigPool } from '../../testing/operator/rig.ts';
import { createAll, shop } from '../../testing/operator/shop.ts';

const { open, stop } = rigPool();
afterEach(stop);

async function scrape({ metrics }: RunningOperator) {
  return parseExposition(await metrics.registry.metrics());
}

/** `name{label=value,…} value`, sorted, of series with these names. */
function lines(series: readonly Series[], ...names: readonly string[]): readonly string[] {
  return series
    .filter(({ name }) => names.includes(name))
    .map(({ name, labels, value }) => {
      const text = Object.entries(labels).map(([label, is]) => `${label}=${is}`);
      return `${name}{${text.join()}} ${value}`;
    })
    .toSorted();
}

function object(kind: string, name: string, spec: object, apiVersion = 'evengate.dev/v1alpha1'): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: 'shop' }, spec };
}

function gateway(name: string): KubeObject {
  return object('ApiGateway', name, { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }] });
}

const orders = object('Service', 'orders', { ports: [{ port: 80 }] }, 'v1');
const anyone = object('AuthPolicy', 'anyone', {
  targetRefs: [{ kind: 'ApiGateway', name: 'edge' }],
  sufficient: true,
  authorize: { allow: [{ name: 'anyone' }] },
});

function route(name: string, backend = 'orders'): KubeObject {
  const matches = [{ path: { type: 'PathPrefix', value: `/${name}` } }];
  return object('Route', name, {
    parentRefs: [{ name: 'edge' }],
    rules: [{ matches, backendRefs: [{ name: backend, port: 80 }] }],
  });
}

async function served() {
  const rig = await open();
  for (const one of [gateway('edge'), gateway('other'), orders, anyone, route('orders')]) rig.api.create(one);
  const operator = rig.start();
  await rig.quiet();
  return { ...rig, operator };
}

test('every metric that is scraped is documented, with its labels, and every documented one is scraped', async () => {
  const { api, start, quiet } = await open();
  createAll(api, shop());
  const operator = start({ readSecrets: true, preflight: {} });
  await quiet();
  const { metrics } = operator;
  metrics.leader('evengate-evengate');
  const { series, types } = await scrape(operator);
  const declared = new Map([...operatorMetrics, ...sharedMetrics].map((one) => [one.name, one]));
  expect([...types.keys()].toSorted()).toEqual([...declared.keys()].toSorted());
  for (const [name, type] of types) expect([name, type]).toEqual([name, declared.get(name)?.type]);
  const seen = new Map<string, Set<string>>();
  for (const one of series) {
    const family = familyOf(one, types);
    const labels = Object.keys(one.labels).filter((label) => label !== 'le');
    seen.set(family, new Set([...(seen.get(family) ?? []), ...labels]));
  }
  const labels = (name: string) => Object.keys(declared.get(name)?.labels ?? {}).toSorted();
  for (const [name, own] of seen) expect([name, [...own].toSorted()]).toEqual([name, labels(name)]);
  expect([...declared.keys()].filter((name) => !seen.has(name))).toEqual([]);
});

test('a gateway that is served, and what is wrong with a Route', async () => {
  const { api, operator, quiet } = await served();
  const { series } = await scrape(operator);
  expect(lines(series, 'evengate_gateway_programmed', 'evengate_gateway_rejected', 'evengate_gateway_pods')).toEqual([
    'evengate_gateway_pods{gateway_namespace=shop,gateway=edge,state=acknowledged} 2',
    'evengate_gateway_pods{gateway_namespace=shop,gateway=edge,state=ready} 2',
    'evengate_gateway_pods{gateway_namespace=shop,gateway=edge,state=wanted} 2',
    'evengate_gateway_pods{gateway_namespace=shop,gateway=other,state=acknowledged} 2',
    'evengate_gateway_pods{gateway_namespace=shop,gateway=other,state=ready} 2',
    'evengate_gateway_pods{gateway_namespace=shop,gateway=other,state=wanted} 2',
    'evengate_gateway_programmed{gateway_namespace=shop,gateway=edge} 1',
    'evengate_gateway_programmed{gateway_namespace=shop,gateway=other} 1',
    'evengate_gateway_rejected{gateway_namespace=shop,gateway=edge} 0',
    'evengate_gateway_rejected{gateway_namespace=shop,gateway=other} 0',
  ]);
  const routes = (all: readonly Series[]) => all.filter(({ labels }) => labels['kind'] === 'Route' && labels['state']);
  const counts = (all: readonly Series[]) =>
    Object.fromEntries(routes(all).map(({ labels, value }) => [labels['state'], value]));
  expect(counts(series)).toEqual({ ready: 1, invalid: 0, blocked: 0, degraded: 0, pending: 0 });
  expect(lines(series, 'evengate_findings')).toEqual([]);
  api.create(route('lost', 'nobody'));
  await quiet();
  const later = (await scrape(operator)).series;
  expect(counts(later)).toEqual({ ready: 1, invalid: 0, blocked: 1, degraded: 0, pending: 0 });
  expect(lines(later, 'evengate_findings')).toEqual(['evengate_findings{reason=BackendNotFound,severity=error} 1']);
  expect(lines(later, 'evengate_policy_enforcement')).toContain(
    'evengate_policy_enforcement{kind=AuthPolicy,layer=edge,state=enforced} 1',
  );
});

test('a refused publication is counted once, and the age of the last good one grows', async () => {
  const { api, operator, quiet, pods, clock } = await served();
  const of = (series: readonly Series[], name: string) =>
    series.find((one) => one.name === name && one.labels['gateway'] === 'edge')?.value;
  const before = (await scrape(operator)).series;
  pods.refuses = (file, text) => (file.startsWith('rds-') && text.includes('/carts') ? 'no such thing' : undefined);
  api.create(route('carts'));
  await quiet();
  const after = (await scrape(operator)).series;
  expect(of(before, 'evengate_gateway_rejections_total')).toBe(0);
  expect(of(after, 'evengate_gateway_rejections_total')).toBe(1);
  expect([of(after, 'evengate_gateway_programmed'), of(after, 'evengate_gateway_rejected')]).toEqual([0, 1]);
  const servedAt = of(after, 'evengate_gateway_served_timestamp_seconds');
  expect(servedAt).toBe(of(before, 'evengate_gateway_served_timestamp_seconds'));
  expect(servedAt).toBeLessThan(clock.now() / 1000);
});

test('the series of a gateway go with it, and all of them with the leadership', async () => {
  const { api, operator, quiet } = await served();
  api.delete(gateway('other'));
  await quiet();
  const { series } = await scrape(operator);
  expect(new Set(series.flatMap(({ labels }) => labels['gateway'] ?? []))).toEqual(new Set(['edge']));
  expect(readyOf(api.get(resources.ApiGateway, 'shop', 'edge'))).toBe('True Ready');
  await operator.stop();
  const left = (await scrape(operator)).series;
  expect(lines(left, 'evengate_objects', 'evengate_findings', 'evengate_gateway_programmed')).toEqual([]);
});
