import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { kubeClient } from '../../runtime/client.ts';
import { systemClock } from '../../runtime/clock.ts';
import { type Connection, connectTo } from '../../runtime/connection.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../../testing/kube-api/index.ts';
import { type ClusterReadOptions, readCluster } from './cluster.ts';

type Authorize = NonNullable<KubeApiOptions['authorize']>;

let api: KubeApi;
let connection: Connection;
let may: Authorize;

beforeEach(async () => {
  may = () => true;
  api = await startKubeApi({ authorize: (attributes) => may(attributes) });
  connection = connectTo({ server: api.url });
});
afterEach(async () => {
  await connection.close();
  await api.stop();
});

function object(kind: string, name: string, fields: object, namespace = 'shop'): KubeObject {
  const core = ['Service', 'Secret', 'ConfigMap', 'Namespace'].includes(kind);
  const where = kind === 'Namespace' ? {} : { namespace };
  return { apiVersion: core ? 'v1' : 'evengate.dev/v1alpha1', kind, metadata: { name, ...where }, ...fields };
}

/** A shop whose certificate and keys are in Secrets. */
function shop(): readonly KubeObject[] {
  const tls = { certificateRefs: [{ name: 'cert' }] };
  const listeners = [{ name: 'https', port: 443, protocol: 'HTTPS', hostname: 'a.example.com', tls }];
  const jwt = [{ name: 'corp', issuer: 'https://login.example.com', jwks: { secretRef: { name: 'keys' } } }];
  const rules = [{ backendRefs: [{ name: 'orders', port: 80 }] }];
  return [
    object('ApiGateway', 'edge', { spec: { listeners } }, 'gateways'),
    object('Route', 'orders', { spec: { parentRefs: [{ name: 'edge', namespace: 'gateways' }], rules } }),
    object('AuthPolicy', 'orders', {
      spec: { targetRefs: [{ kind: 'Route', name: 'orders' }], authenticate: { jwt } },
    }),
    object('Service', 'orders', { spec: { ports: [{ port: 80 }] } }),
    object('Secret', 'cert', { type: 'kubernetes.io/tls', data: { 'tls.key': 'Q0FOQVJZ' } }, 'gateways'),
    object('Secret', 'keys', { data: { 'jwks.json': 'e30=' } }),
  ];
}

async function read(options: ClusterReadOptions = {}) {
  return await readCluster(kubeClient(connection, { fieldManager: 'test', clock: systemClock }), options);
}

test('reads what resolves: our kinds, what they name, and no private key', async () => {
  for (const one of shop()) api.create(one);
  const { set, resolution, notes } = await read();
  expect(notes).toEqual([]);
  expect([...resolution.gateways.keys()]).toEqual(['gateways/edge']);
  expect(Object.entries(set.snapshot).map(([kind, all]) => [kind, [...all.keys()]])).toEqual(
    expect.arrayContaining([
      ['Route', ['shop/orders']],
      ['Service', ['shop/orders']],
      ['Secret', ['shop/keys', 'gateways/cert']],
    ]),
  );
  expect(JSON.stringify([...set.snapshot.Secret.values()])).not.toContain('Q0FOQVJZ');
  expect(set.snapshot.Secret.get('gateways/cert')?.unread).toBe('mounted');
});

test('a certificate that is missing is found without reading any', async () => {
  for (const one of shop()) if (one.metadata.name !== 'cert') api.create(one);
  const { resolution } = await read();
  expect(resolution.findings.map(({ reason, message }) => [reason, message])).toContainEqual([
    'InvalidCertificateRef',
    'Secret gateways/cert does not exist',
  ]);
});

test('an empty cluster is one', async () => {
  const { set, notes } = await read();
  expect([set.snapshot.ApiGateway.size, notes]).toEqual([0, []]);
});

test('the only class that there is need not be named', async () => {
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  api.create(object('ApiGateway', 'edge', { spec: { className: 'internal', listeners } }));
  expect((await read()).resolution.className).toBe('internal');
  api.create(object('ApiGateway', 'other', { spec: { listeners } }));
  expect((await read()).resolution.className).toBe('evengate');
  expect((await read({ className: 'internal' })).resolution.className).toBe('internal');
});

test('Gateway API that is not installed is no trouble', async () => {
  api.unserve(resources.ReferenceGrant);
  for (const one of shop()) api.create(one);
  expect((await read()).notes).toEqual([]);
});

const istio = ['AuthorizationPolicy', 'RequestAuthentication', 'PeerAuthentication'] as const;

test('of a mesh, what Istio has and who is behind the gateways; nothing of it without a gateway in a mesh', async () => {
  for (const one of shop()) api.create(one);
  for (const kind of istio) {
    api.create({ apiVersion: 'security.istio.io/v1', kind, metadata: { name: 'theirs', namespace: 'shop' }, spec: {} });
  }
  api.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orders-0', namespace: 'shop' } });
  const meshed = async () => {
    const { snapshot } = (await read()).set;
    return (['Pod', ...istio] as const).map((kind) => [...snapshot[kind].keys()].join());
  };
  expect(await meshed()).toEqual(['', '', '', '']);
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  api.put(object('ApiGateway', 'edge', { spec: { listeners, mesh: { mode: 'Sidecar' } } }, 'gateways'));
  expect(await meshed()).toEqual(['shop/orders-0', 'shop/theirs', 'shop/theirs', 'shop/theirs']);
});

test('of a mesh that is not installed, or out of reach: what is known, and what follows', async () => {
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  api.create(object('ApiGateway', 'edge', { spec: { listeners, mesh: { mode: 'Sidecar' } } }));
  for (const kind of istio) api.unserve(resources[kind]);
  may = ({ resource }) => resource !== 'pods';
  expect((await read()).notes).toEqual([
    'you may not list pods: nobody knows whether a proxy stands before a workload',
  ]);
});

test('rights in one namespace: reads that one, and says what follows', async () => {
  for (const one of shop()) api.create(one);
  may = ({ namespace, resource }) => namespace === 'shop' && resource !== 'secrets';
  const { set, notes } = await read({ namespaces: ['shop'] });
  expect([set.snapshot.Route.size, set.snapshot.ApiGateway.size]).toEqual([1, 0]);
  expect(notes).toEqual([
    'you may list apigateways.evengate.dev, authpolicies.evengate.dev, ratelimitpolicies.evengate.dev, referencegrants.gateway.networking.k8s.io, routes.evengate.dev, services in shop only: what is elsewhere seems to be missing',
    'you may not get Secret shop/keys: what needs its keys is taken to be shut',
    'you may not list namespaces: allowedRoutes knows namespaces by their names alone',
  ]);
});

test.each<readonly [string, () => void | Promise<void>, RegExp]>([
  [
    'no rights at all',
    () => {
      may = () => false;
    },
    /^you may not list apigateways\.evengate\.dev in namespace shop: ask for the right, or name a namespace/,
  ],
  [
    'no CRDs',
    () => api.unserve(resources.ApiGateway),
    /^the cluster does not know apigateways\.evengate\.dev: install the chart .* or `evengate crds \| kubectl apply/,
  ],
  ['nobody there', () => api.goDown(), /^cannot reach the API server http:.*connection refused; is it running/],
])('%s: one sentence with the remedy', async (_, happen, said) => {
  await happen();
  await expect(read({ namespaces: ['shop'] })).rejects.toThrow(said);
});
