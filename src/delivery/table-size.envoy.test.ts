/** Real Envoys as pods, and a route table that outgrows JSON and shrinks back while clients ask. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resources.ts';
import { type Edge, type EdgeRenderer, edgeRenderer } from '../render/edge.ts';
import { containerPort } from '../render/envoy-process.ts';
import { inCluster } from '../render/in-cluster.ts';
import { rdsFile } from '../render/names.ts';
import { resolver } from '../resolve/resolve.ts';
import { authPolicy, backendRef, gateway, jwt, route, routeTarget, service, snapshotOf } from '../testing/build.ts';
import { type DeliveryRig, deliveryRig } from '../testing/delivery-rig.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { askPod, podTraffic } from '../testing/pod-traffic.ts';
import { podAddress, type RealPods } from '../testing/real-pods.ts';
import type { ConfigMapDelivery, EdgePod, Published } from './configmap.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';

const names = ['edge-config-0', 'edge-config-1'];
const never = new AbortController().signal;

let rig: DeliveryRig;
let pods: RealPods;
let backend: Server;
let operator: ConfigMapDelivery;
let render: EdgeRenderer;

beforeEach(async () => {
  rig = await deliveryRig(binary, names);
  pods = rig.pods;
  backend = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  await restart();
}, 30_000);
afterEach(async () => {
  await operator.idle();
  await rig.stop();
  await new Promise((resolve) => backend.close(resolve));
});

/** An operator that knows nothing but what is in place. */
async function restart(): Promise<void> {
  await operator?.idle();
  operator = rig.deliver();
  const files = await operator.inPlace(never);
  render = edgeRenderer({
    ...inCluster,
    bind: (_, given) => ({ address: podAddress, port: containerPort(given) }),
    endpoints: () => ({
      kind: 'addresses',
      addresses: [{ host: '127.0.0.1', port: (backend.address() as AddressInfo).port }],
    }),
    readiness: { address: podAddress, port: 19_003 },
    compactBefore: (_, chain) => files.has(rdsFile(chain, true)),
  });
}

/** So many Routes with a host each, of about 0.6 kB of JSON; and one that stays, and one that is guarded. */
function world(count: number): readonly KubeObject[] {
  const to = (path: string) => [
    {
      name: 'all',
      matches: [{ path: { type: 'PathPrefix', value: path } }],
      backendRefs: [backendRef({ name: 'orders' })],
    },
  ];
  return [
    gateway({ defaultAccess: 'Public' }),
    route({ rules: to('/stable') }, { name: 'stable' }),
    route({ rules: to('/secure') }, { name: 'secure' }),
    authPolicy({ targetRefs: [routeTarget('secure')], authenticate: { jwt: [jwt()] } }, { name: 'secure' }),
    ...Array.from({ length: count }, (_, index) =>
      route({ hostnames: [`host-${index}.example.com`], rules: to('/') }, { name: `host-${index}` }),
    ),
    service({}, { name: 'orders' }),
  ];
}

const resolve = resolver();

function edgeOf(count: number): Edge {
  const resolved = resolve(snapshotOf(world(count))).gateways.get('shop/edge');
  if (resolved === undefined) throw new Error('no gateway');
  return render(resolved);
}

const ask = (pod: EdgePod, path: string, host = 'any.example.com') => askPod(pod, path, { host });
const traffic = (pod: EdgePod) => podTraffic(['/stable', '/secure', '/nowhere'], (path) => ask(pod, path));

async function publish(count: number): Promise<Published> {
  const published = await operator.publish(edgeOf(count), never);
  await operator.idle();
  return published;
}

/** What is mounted as a route table, and where in the ConfigMap. */
function tables(): readonly string[] {
  return names.flatMap((name) => {
    const map = rig.api.get(resources.ConfigMap, 'shop', name) as
      | (KubeObject & { readonly data?: object; readonly binaryData?: object })
      | undefined;
    return (['data', 'binaryData'] as const).flatMap((field) =>
      Object.keys(map?.[field] ?? {}).flatMap((file) => (file.startsWith('rds-') ? [`${field} ${file}`] : [])),
    );
  });
}

const json = ['data rds-http-80.json'];
const protobuf = ['binaryData rds-http-80.pb'];

suite('ConfigMap delivery of a table', () => {
  test('that grows into protobuf and shrinks back, through restarts: no answer is out of place', async () => {
    await publish(10);
    const started = [await pods.add('a'), await pods.add('b')];
    const running = started.map(traffic);
    for (const [count, expected, again] of [
      [100, json, false],
      [300, protobuf, false],
      [310, protobuf, true],
      [150, protobuf, true],
      [1500, protobuf, false],
      [80, json, true],
      [150, json, true],
      [250, protobuf, true],
      [10, json, false],
      [250, protobuf, false],
    ] as const) {
      if (again) await restart();
      const { kind, findings, envoys } = await publish(count);
      expect({ count, kind, findings, envoys }).toEqual({
        count,
        kind: 'served',
        findings: [],
        envoys: { loaded: 2, ready: 2, late: [] },
      });
      expect({ count, tables: tables() }).toEqual({ count, tables: expected });
      for (const pod of started) expect(await ask(pod, '/', `host-${count - 1}.example.com`)).toBe('/ 200');
    }
    for (const one of running) {
      const answers = await one.stop();
      expect([...answers.keys()].toSorted()).toEqual(['/nowhere 404', '/secure 401', '/stable 200']);
    }
  }, 120_000);
});
