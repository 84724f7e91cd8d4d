/** Real Envoys as pods: what their clients see while they are told one change after another. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { type Edge, edgeRenderer } from '../render/edge.ts';
import { containerPort } from '../render/envoy-process.ts';
import { hashOf } from '../render/fragment.ts';
import { inCluster } from '../render/in-cluster.ts';
import { resolver } from '../resolve/resolve.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  jwt,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../testing/build.ts';
import { type DeliveryRig, deliveryRig } from '../testing/delivery-rig.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { askPod, podTraffic } from '../testing/pod-traffic.ts';
import { podAddress, type RealPods } from '../testing/real-pods.ts';
import type { ConfigMapDelivery, EdgePod, Published } from './configmap.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';

const names = ['edge-config-0', 'edge-config-1'];
const port = 80;
const never = new AbortController().signal;

let rig: DeliveryRig;
let pods: RealPods;
let backend: Server;
let operator: ConfigMapDelivery;

beforeEach(async () => {
  rig = await deliveryRig(binary, names);
  pods = rig.pods;
  backend = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  operator = rig.deliver();
}, 30_000);
afterEach(async () => {
  await operator.idle();
  await rig.stop();
  await new Promise((resolve) => backend.close(resolve));
});

type Tamper = (text: string) => string;

function edgeOf(objects: readonly KubeObject[], tamper?: Tamper): Edge {
  const render = edgeRenderer({
    ...inCluster,
    bind: (_, given) => ({ address: podAddress, port: containerPort(given) }),
    endpoints: () => ({
      kind: 'addresses',
      addresses: [{ host: '127.0.0.1', port: (backend.address() as AddressInfo).port }],
    }),
    readiness: { address: podAddress, port: 19_003 },
  });
  const resolved = resolver()(snapshotOf(objects)).gateways.get('shop/edge');
  if (resolved === undefined) throw new Error('no gateway');
  const edge = render(resolved);
  const files = edge.files.map((file) => {
    const text = file.text('');
    if (tamper === undefined || tamper(text) === text) return file;
    return { ...file, hash: hashOf([tamper(text)]), text: (version: string) => tamper(file.text(version)) };
  });
  return { ...edge, files };
}

/** The `number`th world: what it changes, changes nothing for those who ask. */
function world(number: number): readonly KubeObject[] {
  const to = (name: string) => [{ name: 'all', backendRefs: [backendRef({ name })] }];
  const path = (value: string, rules: readonly object[]) => ({
    rules: rules.map((rule) => ({ matches: [{ path: { type: 'PathPrefix', value } }], ...rule })),
  });
  const moving = `orders-${number % 7}`;
  const issuer = jwt({ issuer: `https://${number % 3}.example.com` });
  return [
    gateway(),
    route(path('/', to(moving)), { name: 'moving' }),
    route(path('/stable', to('stable')), { name: 'stable' }),
    route(path('/secure', to('stable')), { name: 'secure' }),
    authPolicy({ targetRefs: [routeTarget('moving')] }, { name: 'moving' }),
    authPolicy({ targetRefs: [routeTarget('stable')] }, { name: 'stable' }),
    authPolicy({ targetRefs: [routeTarget('secure')], authenticate: { jwt: [issuer] } }, { name: 'secure' }),
    ...(number % 4 === 0
      ? [
          rateLimitPolicy({
            targetRefs: [routeTarget('stable')],
            limits: [{ name: 'many', requests: 1_000_000, per: 'Minute' }],
          }),
        ]
      : []),
    service({}, { name: moving }),
    service({}, { name: 'stable' }),
  ];
}

const ask = (pod: EdgePod, path: string) => askPod(pod, path, { port });
const traffic = (pod: EdgePod) => podTraffic(['/', '/stable', '/secure'], (path) => ask(pod, path));

async function publish(edge: Edge): Promise<Published> {
  const published = await operator.publish(edge, never);
  await operator.idle();
  return published;
}

const good = ['/ 200', '/secure 401', '/stable 200'];

suite('ConfigMap delivery', () => {
  test('fifty changes under traffic, a pod that joins in the middle, and a refusal: no answer is out of place', async () => {
    await publish(edgeOf(world(0)));
    const started = [await pods.add('a'), await pods.add('b')];
    expect(await publish(edgeOf(world(0)))).toMatchObject({ kind: 'served', envoys: { loaded: 2, ready: 2 } });
    const running = started.map(traffic);
    let joining: Promise<EdgePod> | undefined;
    for (let number = 1; number <= 50; number += 1) {
      if (number === 20) joining = pods.add('c');
      expect(await publish(edgeOf(world(number)))).toMatchObject({ kind: 'served', findings: [] });
    }
    if (joining !== undefined) running.push(traffic(await joining));
    expect(await publish(edgeOf(world(50)))).toMatchObject({ kind: 'served', envoys: { loaded: 3, ready: 3 } });

    const broken = edgeOf(world(51), (text) => text.replace('"type":"STATIC"', '"type":"ORIGINAL_DST"'));
    expect(await publish(broken)).toMatchObject({
      kind: 'refused',
      revision: edgeOf(world(50)).revision,
      envoys: { loaded: 3, ready: 3, late: [] },
      findings: [{ about: { kind: 'Service', namespace: 'shop' }, message: expect.stringMatching(/ORIGINAL_DST/) }],
    });
    expect(await publish(edgeOf(world(51)))).toMatchObject({ kind: 'served', envoys: { loaded: 3, ready: 3 } });

    for (const one of running) {
      const answers = await one.stop();
      expect([...answers.keys()].toSorted()).toEqual(good);
    }
  }, 120_000);
});
