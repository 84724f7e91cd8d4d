import { describe, expect, test } from '@jest/globals';
import type { Gateway } from '../../ir/gateway.ts';
import type { Service } from '../../kube/core.ts';
import { keyOf } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { withIdentities } from './identities.ts';

type Look = 'proxied' | 'plain' | 'ambient';

interface Sketch {
  readonly proxy?: Look;
  readonly account?: string;
  readonly ending?: boolean;
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

function pod(name: string, sketch: Sketch): Pod {
  const { proxy = 'proxied', account = 'orders', ending = false, phase = 'Running' } = sketch;
  const containers = [{ name: 'app' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'shop',
      name,
      labels: sketch.labels ?? { app: 'orders', tier: 'web' },
      ...(ending ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      ...(proxy === 'ambient' ? { annotations: { 'ambient.istio.io/redirection': 'enabled' } } : {}),
    },
    spec: {
      serviceAccountName: account,
      containers,
      ...(proxy === 'proxied' ? { initContainers: [{ name: 'istio-proxy' }] } : {}),
    },
    status: { phase },
  };
}

const service = (name: string, spec: Service['spec']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name },
  ...(spec === undefined ? {} : { spec }),
});

const gateway = (enforcement: 'Enforce' | 'Shadow', mode = 'Sidecar'): Gateway => {
  const names = ['orders', 'no-selector', 'external', 'missing'];
  const backends = names.map((name) => ({ namespace: 'shop', service: name, port: 80, protocol: 'HTTP/1.1' }));
  const partial = {
    chains: [{ uses: { backends } }],
    telemetry: {},
    mesh: { mode, enforcement, trustDomain: 'example.org' },
  };
  return partial as unknown as Gateway;
};

const byName = <T extends Pod | Service>(objects: readonly T[]) =>
  new Map(objects.map((object) => [keyOf('shop', object.metadata.name), object]));

const services = byName([
  service('orders', { selector: { app: 'orders' } }),
  service('no-selector', {}),
  service('external', { type: 'ExternalName', externalName: 'example.net', selector: { app: 'orders' } }),
]);

function identities(sketches: readonly Sketch[], enforcement: 'Enforce' | 'Shadow' = 'Shadow', mode?: string) {
  const pods = byName(sketches.map((sketch, index) => pod(`orders-${index}`, sketch)));
  const gateways = new Map([['gateways/edge', gateway(enforcement, mode)]]);
  const found = withIdentities()(gateways, { Service: services, Pod: pods }).get('gateways/edge');
  return Object.fromEntries(found?.identities ?? []);
}

const orders = 'example.org/ns/shop/sa/orders';

describe('a Service is dialled with the certificate', () => {
  test.each<[string, readonly Sketch[], readonly string[]]>([
    ['when each of its Pods has a proxy', [{}, {}], [orders]],
    [
      'naming all service accounts of its Pods',
      [{ account: 'b' }, { account: 'a' }],
      ['example.org/ns/shop/sa/a', 'example.org/ns/shop/sa/b'],
    ],
    [
      'also of a Pod that does not run yet, so that it is known before it serves',
      [{}, { account: 'new', phase: 'Pending' }],
      ['example.org/ns/shop/sa/new', orders],
    ],
    [
      'without those that ended for good',
      [{}, { proxy: 'plain', phase: 'Succeeded' }, { proxy: 'plain', phase: 'Failed' }],
      [orders],
    ],
    ['and whose, is not known while it has no Pod', [], []],
    ['whatever Pods of other labels are', [{}, { proxy: 'plain', labels: { app: 'other', tier: 'web' } }], [orders]],
  ])('%s', (_, sketches, expected) => {
    expect(identities(sketches)).toEqual({ 'shop/orders': expected });
    expect(identities(sketches, 'Enforce')).toEqual({ 'shop/orders': expected });
  });
});

describe('a Service is dialled in clear text', () => {
  test.each<[string, readonly Sketch[]]>([
    ['where no Pod has a proxy', [{ proxy: 'plain' }, { proxy: 'plain' }]],
    ['where ztunnel stands before its Pods', [{ proxy: 'ambient' }]],
    ['while one of its Pods has no proxy', [{}, {}, { proxy: 'plain' }]],
    ['while one without a proxy is ending', [{}, { proxy: 'plain', ending: true }]],
  ])('%s', (_, sketches) => {
    expect(identities(sketches)).toEqual({});
  });

  test('at a gateway of mode Ambient, whose ztunnel does the rest', () => {
    expect(identities([{}], 'Enforce', 'Ambient')).toEqual({});
  });

  test('where policies are enforced, until the first Pod with a proxy runs: from then on it would admit nobody', () => {
    expect(identities([{ proxy: 'plain' }, { phase: 'Pending' }], 'Enforce')).toEqual({});
    expect(identities([{ proxy: 'plain' }, { phase: 'Running' }], 'Enforce')).toEqual({ 'shop/orders': [orders] });
  });
});

describe('what stays the same', () => {
  const start = () => {
    const stage = withIdentities();
    const gateways = new Map([['gateways/edge', gateway('Shadow')]]);
    const edge = (pods: readonly Pod[]) =>
      stage(gateways, { Service: services, Pod: byName(pods) }).get('gateways/edge');
    return { edge, before: edge([pod('a', {})]) };
  };

  test('another Pod of the same account changes nothing', () => {
    const { edge, before } = start();
    expect(edge([pod('a', {}), pod('b', {})])).toBe(before);
  });

  test('another account does', () => {
    const { edge, before } = start();
    expect(edge([pod('a', {}), pod('b', { account: 'other' })])).not.toBe(before);
  });
});
