import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { resolver } from '../resolve/resolve.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  meshConfig,
  object,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../testing/build.ts';
import { type ApiGatewayStatus, apiGatewayStatus } from './api-gateway.ts';
import type { WorkloadState } from './mesh.ts';
import { statusWorld } from './world.ts';

const applied: WorkloadState = { kind: 'applied' };
const missing: WorkloadState = { kind: 'missing', message: 'the API server does not know authorizationpolicies' };

function pod(name: string, containers = ['app', 'istio-proxy']): KubeObject {
  const spec = { containers: containers.map((container) => ({ name: container })) };
  return object('Pod', `${name}-0`, { spec }, { labels: { app: name } });
}

const names = ['orders', 'pay'];
const behind: readonly KubeObject[] = names.flatMap((name) => [
  service({ selector: { app: name } }, { name }),
  route({ hostnames: [`${name}.test`], rules: [{ backendRefs: [backendRef({ name })] }] }, { name }),
  authPolicy({ targetRefs: [routeTarget(name)] }, { name }),
]);
const pods = names.map((name) => pod(name));
const normal = meshConfig();

interface Given {
  readonly mesh?: object;
  readonly objects?: readonly KubeObject[];
  readonly states?: Readonly<Record<string, WorkloadState>> | undefined;
}

const both = { 'shop/orders': applied, 'shop/pay': applied };

function statusOf({ mesh = {}, objects = [...behind, ...pods, normal], states = both }: Given): ApiGatewayStatus {
  const edge = gateway({ mesh: { mode: 'Sidecar', ...mesh } }, { generation: 1 });
  const resolution = resolver()(snapshotOf([edge, ...objects]));
  const deliveries = new Map([['shop/edge', { revision: 'abc', envoys: { loaded: 1, ready: 1 } }]]);
  const workloads = new Map(Object.entries(states));
  return apiGatewayStatus('shop/edge', edge, statusWorld(resolution, resolution.findings, { deliveries, workloads }));
}

function told(given: Given) {
  const { conditions, mesh } = statusOf(given);
  const text = (type: string) => {
    const found = conditions.find((one) => one.type === type);
    return found && `${found.status} ${found.reason}: ${found.message}`;
  };
  const [enforced, ready] = [text('MeshEnforced'), text('Ready')];
  return { enforced, ready, column: mesh };
}

const fine = 'True Ready: All is in effect.';
const but = 'True Ready: All else is in effect; MeshEnforced tells what is not.';

describe('an ApiGateway tells how its mesh does', () => {
  test('where all of it holds', () => {
    expect(told({})).toEqual({
      enforced: 'True Full: 2/2 workloads are enforced.',
      ready: fine,
      column: 'Sidecar, mTLS Strict, 2/2 workloads enforced',
    });
  });

  test('where there is none', () => {
    expect(told({ mesh: { mode: 'None' } })).toEqual({ enforced: undefined, ready: fine, column: undefined });
  });

  test('where nothing is behind it', () => {
    expect(told({ objects: [normal], states: {} })).toEqual({
      enforced: 'True Full: 0/0 workloads are enforced.',
      ready: fine,
      column: 'Sidecar, mTLS Strict, 0/0 workloads enforced',
    });
  });

  test('where Istio is missing: once, with what to do, and it serves on', () => {
    expect(told({ states: { 'shop/orders': missing, 'shop/pay': missing } })).toEqual({
      enforced:
        'False IstioMissing: 0/2 workloads are enforced.\nthe API server does not know authorizationpolicies. Install Istio with its CRDs; the operator goes on by itself.',
      ready: but,
      column: 'Sidecar, mTLS Strict, 0/2 workloads enforced, IstioMissing',
    });
  });

  test('where one workload has no proxy', () => {
    expect(told({ objects: [...behind, pod('orders'), pod('pay', ['app']), normal] })).toEqual({
      enforced:
        'False NotEnrolled: 1/2 workloads are enforced.\nService shop/pay: NotEnrolled: before the Pods of Service shop/pay stands no proxy, so the mesh does not protect them. Label its namespace istio-injection: enabled and restart its Pods, or write spec.mesh.enrolment: Managed at the ApiGateway.',
      ready: but,
      column: 'Sidecar, mTLS Strict, 1/2 workloads enforced, NotEnrolled',
    });
  });

  test('where one waits, and one is not written yet', () => {
    expect(told({ states: { 'shop/pay': { kind: 'waiting', message: 'it is closed once all is there' } } })).toEqual({
      enforced:
        'Unknown Pending: 0/2 workloads are enforced.\nService shop/orders: Pending: its objects are not written yet.\nService shop/pay: Pending: it is closed once all is there.',
      ready: but,
      column: 'Sidecar, mTLS Strict, 0/2 workloads enforced, Pending',
    });
  });

  test('where Istio does not take a policy up', () => {
    const against: WorkloadState = {
      kind: 'applied',
      against: { sidecar: { reason: 'NotTranslatable', message: 'sidecar has not taken it up' } },
    };
    expect(told({ states: { ...both, 'shop/orders': against } }).enforced).toBe(
      'False NotTranslatable: 1/2 workloads are enforced.\nService shop/orders: NotTranslatable: sidecar has not taken it up.',
    );
  });

  test('where it only counts', () => {
    expect(told({ mesh: { enforcement: 'Shadow' } })).toEqual({
      enforced:
        'False Shadow: 2/2 workloads are counted.\nspec.mesh.enforcement: what the mesh would refuse is counted, and nothing is refused. Write Enforce once the counts are as they should be.',
      ready: fine,
      column: 'Sidecar, mTLS Strict, 2 workloads counted, none enforced (Shadow)',
    });
  });

  test.each<[string, readonly KubeObject[], string]>([
    ['is not to be read', [], "Istio's MeshConfig, ConfigMap istio-system/istio, is not there"],
    ['normalises less', [meshConfig('{}')], 'pathNormalization of its MeshConfig, ConfigMap istio-system/istio'],
  ])('where MeshConfig %s: with what to do', (_, config, says) => {
    const { enforced, ready, column } = told({ objects: [...behind, ...pods, ...config] });
    expect(enforced).toContain('True NormalizationMismatch: 2/2 workloads are enforced.\nspec.mesh: ');
    expect(enforced).toContain(says);
    expect(enforced?.split('. ').length).toBeGreaterThan(1);
    expect(ready).toBe(fine);
    expect(column).toBe('Sidecar, mTLS Strict, 2/2 workloads enforced, NormalizationMismatch');
  });

  test('where the gateway itself is mistaken: then it is not ready', () => {
    const first = gateway({ mesh: { mode: 'Ambient' } }, { name: 'a' });
    const parentRefs = [{ name: 'a' }, { name: 'edge' }];
    const shared = route({ parentRefs }, { name: 'orders' });
    const { enforced, ready } = told({ objects: [...behind, ...pods, normal, first, shared] });
    expect(enforced).toMatch(/^False MeshConflict: .*mesh.mode Sidecar is not Ambient/);
    expect(ready).toMatch(/^False MeshConflict: /);
  });

  test('and names no more workloads than anybody reads', () => {
    const many = [...Array(40).keys()].map((n) => `s${n}`);
    const objects = many.flatMap((name) => [
      service({ selector: { app: name } }, { name }),
      route({ hostnames: [`${name}.test`], rules: [{ backendRefs: [backendRef({ name })] }] }, { name }),
      authPolicy({ targetRefs: [routeTarget(name)] }, { name }),
      pod(name),
    ]);
    const lines = told({ objects: [...objects, normal], states: {} }).enforced?.split('\n') ?? [];
    expect([lines[0], lines.length, lines.at(-1)]).toEqual([
      'Unknown Pending: 0/40 workloads are enforced.',
      18,
      '… and 24 more',
    ]);
  });
});
