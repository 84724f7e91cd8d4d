/** What keeps an open workload from being closed. */
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import { paths } from '../../../render/envoy-process.ts';
import { type Resolution, resolver } from '../../../resolve/resolve.ts';
import { snapshotOf } from '../../../testing/build.ts';
import { meshedShop } from '../../../testing/operator/meshed-shop.ts';
import { inTheWay } from './gate.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

/** Asked of Pods of the shop's edge, that has acknowledged what it is to serve. */
function gateOf(mesh: object, acknowledged = true): (...pods: readonly Pod[]) => string | undefined {
  const resolution = resolver()(snapshotOf([...meshedShop(mesh)]));
  const workload = resolution.mesh.workloads.get('shop/orders');
  const gateway = resolution.gateways.get('shop/edge');
  if (workload === undefined || gateway === undefined) throw new Error('there is no mesh');
  const served: Resolution | undefined = acknowledged ? resolution : undefined;
  const edge = { key: 'shop/edge', gateway, served, besides: () => [] } as const;
  return (...pods) =>
    inTheWay(workload, [edge], { podsOf: () => pods, service: () => undefined, clock: { now: () => now } });
}

const standings: Readonly<Record<'ready' | 'unready' | 'ended', NonNullable<Pod['status']>>> = {
  ready: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  unready: { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] },
  ended: { phase: 'Succeeded' },
};

function pod(name: string, standing: keyof typeof standings, more: Partial<Pod['metadata']> = {}): Pod {
  const metadata: KubeObject['metadata'] = { name, namespace: 'shop', ...more };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status: standings[standing] };
}

function identified(one: Pod): Pod {
  const volumeMounts = [{ name: 'identity', mountPath: paths.identity }];
  return { ...one, spec: { containers: [{ name: 'envoy', volumeMounts }] } };
}

const modes = {
  Sidecar: { why: gateOf({ mode: 'Sidecar' }), inside: identified(pod('new', 'ready')) },
  Ambient: {
    why: gateOf({ mode: 'Ambient' }),
    inside: pod('new', 'ready', { labels: { 'istio.io/dataplane-mode': 'ambient' } }),
  },
};

const replaced = 'it is closed once Pod old of ApiGateway shop/edge is replaced by one in the mesh';

describe.each(Object.entries(modes))('mode %s: a workload is closed once', (mode, { why, inside }) => {
  test('no Envoy of an edge that reaches it is Ready outside the mesh', () => {
    expect(why(inside, pod('old', 'ready'))).toBe(replaced);
    expect([why(inside, pod('old', 'unready')), why(inside)]).toEqual([undefined, undefined]);
  });

  test('none is drained outside the mesh, which is told nothing and answers on connections from before', () => {
    const leaving = (seconds: number) => ({ deletionTimestamp: at(seconds) });
    expect(why(inside, pod('old', 'ready', leaving(30)))).toBe(replaced);
    expect(why(inside, pod('old', 'unready', leaving(30)))).toBe(replaced);
    expect(why(inside, pod('old', 'ended', leaving(30)))).toBeUndefined();
    // Its node does not answer: its time is over whatever the API server says.
    expect([why(inside, pod('old', 'unready', leaving(-4))), why(inside, pod('old', 'unready', leaving(-6)))]).toEqual([
      replaced,
      undefined,
    ]);
    const { metadata } = inside;
    expect(why({ ...inside, metadata: { ...metadata, ...leaving(30) } })).toBeUndefined();
  });

  test('it is known what its Envoys serve', () => {
    expect(gateOf({ mode }, false)(inside)).toBe(
      'it is closed once every Envoy of ApiGateway shop/edge has its identity in the mesh',
    );
  });
});
