import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { settle } from '../fake-clock.ts';
import { type KubeApi, startKubeApi } from './index.ts';
import { kindRefusals } from './kind-refusals.ts';
import { request } from './raw-client.ts';
import { simulateDeployments } from './simulate-deployments.ts';
import { simulateServices } from './simulate-services.ts';

let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi({ validate: kindRefusals });
});
afterEach(() => api.stop());

function deployment(replicas: number, image = 'envoy:1'): KubeObject {
  const template = { metadata: { labels: { app: 'edge' } }, spec: { containers: [{ name: 'envoy', image }] } };
  const spec = { replicas, selector: { matchLabels: { app: 'edge' } }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'edge', namespace: 'shop' }, spec };
}

const pods = () =>
  api.list(resources.Pod) as unknown as readonly {
    spec: { containers: readonly { image: string }[] };
    status: { podIP: string };
  }[];

test('a Deployment gets ready Pods, follows its replicas and template, and takes them along', async () => {
  const simulation = simulateDeployments(api);
  api.put(deployment(2));
  await settle();
  expect(pods().map(({ status }) => status.podIP)).toEqual(['10.1.0.1', '10.1.0.2']);
  expect(api.get(resources.Deployment, 'shop', 'edge')).toMatchObject({
    status: { observedGeneration: 1, readyReplicas: 2, conditions: [{ type: 'Available', status: 'True' }, {}] },
  });
  api.put(deployment(1, 'envoy:2'));
  await settle();
  expect(pods().map(({ spec }) => spec.containers[0]?.image)).toEqual(['envoy:2']);
  const { length } = api.changes;
  simulation.refresh();
  expect(api.changes).toHaveLength(length);
  api.delete(deployment(1));
  await settle();
  expect(pods()).toEqual([]);
});

test('a Deployment whose Pods are not ready says so until they are', async () => {
  let ready = false;
  const simulation = simulateDeployments(api, { ready: () => ready });
  api.put(deployment(1));
  await settle();
  expect(api.get(resources.Deployment, 'shop', 'edge')).toMatchObject({
    status: { readyReplicas: 0, unavailableReplicas: 1 },
  });
  ready = true;
  simulation.refresh();
  expect(api.get(resources.Deployment, 'shop', 'edge')).toMatchObject({ status: { readyReplicas: 1 } });
});

test('a Service gets its addresses', async () => {
  simulateServices(api);
  const metadata = { name: 'edge', namespace: 'shop' };
  api.put({ apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } });
  await settle();
  expect(api.get(resources.Service, 'shop', 'edge')).toMatchObject({
    spec: { type: 'LoadBalancer', clusterIP: '10.96.0.1' },
    status: { loadBalancer: { ingress: [{ ip: '198.51.100.2' }] } },
  });
});

test('our kinds are judged by their CRDs, with the field', async () => {
  const body = { apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name: 'r' }, spec: { rules: 'none' } };
  const answer = await request(`${api.url}/apis/evengate.dev/v1alpha1/namespaces/shop/routes`, { as: 'object', body });
  expect(answer.code).toBe(422);
  expect(answer.body.message).toMatch(/^Route\.evengate\.dev "r" is invalid: spec/);
});

test.each([
  ['/readyz', 'ok'],
  ['/version', { gitVersion: 'v1.35.0' }],
  ['/api', { versions: ['v1'] }],
  ['/apis/apps', { kind: 'APIGroup', preferredVersion: { groupVersion: 'apps/v1' } }],
  ['/apis/nothing/v1', '404 page not found\n'],
])('discovery: %s', async (path, body) => {
  const answer = await request(`${api.url}${path}`);
  if (typeof body === 'string') expect(answer.body).toBe(body);
  else expect(answer.body).toMatchObject(body);
});

test('discovery: the resources of a version, with their subresources', async () => {
  const { body } = await request(`${api.url}/apis/evengate.dev/v1alpha1`);
  const names = body.resources.map(({ name }: { name: string }) => name);
  expect(names).toContain('routes');
  expect(names).toContain('routes/status');
});
