import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { authPolicy, gateway, gatewayTarget, meshConfig, object, route, service } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';
import { toldReports } from '../testing/mesh/told.ts';

/** So many alternatives, of which none holds another. */
function rulesOf(count: number, prefix: string): { readonly allow: readonly object[] } {
  const allow = [...Array(count).keys()].map((n) => ({
    name: `${prefix}${n}`,
    when: [{ header: `x-${prefix}${n}`, values: ['1'] }],
  }));
  return { allow };
}

const pod = object(
  'Pod',
  'orders-0',
  { spec: { containers: [{ name: 'app' }, { name: 'istio-proxy' }] } },
  { labels: { app: 'orders' } },
);

const many = (name: string, spec: object = {}): KubeObject =>
  authPolicy({ mode: 'Shadow', authorize: rulesOf(30, name), ...spec }, { name });

function seen(...objects: readonly KubeObject[]) {
  const { resolution } = compile(objects);
  const guard = resolution.routes.get('shop/orders')?.guards[0];
  const findings = resolution.findings.map(
    ({ about, severity, reason, at, message, remedy }) =>
      `${severity} ${about.kind} ${about.name} ${at}: ${reason}: ${message}. ${remedy}.`,
  );
  return { guard, findings, resolution };
}

describe('policies in mode Shadow that come to too much', () => {
  const world = [gateway(), service(), route(), authPolicy()];
  const outer = many('outer', { targetRefs: [gatewayTarget()] });
  const why =
    'the policies in mode Shadow on one path (AuthPolicy shop/outer with 30, AuthPolicy shop/inner with 30) combine to more than 512 conjunctions, so what they would refuse there is not counted';
  const remedy = 'Name fewer alternatives in one of them, or try them out one after the other';

  test('are said to count nothing, each of them, and refuse nobody', () => {
    const { guard, findings } = seen(...world, outer, many('inner'));
    expect(findings).toEqual([
      `warning Route orders spec.rules[0]: TooComplex: at rule all nothing of mode Shadow is counted: ${why}. ${remedy}.`,
      `error AuthPolicy outer spec.authorize: TooComplex: ${why}. ${remedy}.`,
      `error AuthPolicy inner spec.authorize: TooComplex: ${why}. ${remedy}.`,
    ]);
    expect(guard).toMatchObject({ kind: 'guarded', covered: true, decision: { allow: [{ constraints: [] }] } });
    expect(guard).not.toHaveProperty('shadow');
  });

  test('also one alone', () => {
    const to = [...Array(10).keys()].map((n) => ({ paths: [`/${n}`] }));
    const allow = rulesOf(60, 'inner').allow.map((rule) => ({ ...rule, to }));
    const { guard, findings } = seen(...world, many('inner', { authorize: { allow } }));
    expect(findings[1]).toContain('one path (AuthPolicy shop/inner with 600) combine');
    expect(guard?.kind).toBe('guarded');
  });

  test('are heard as they were, one by one', () => {
    const { guard, findings } = seen(...world, many('inner'));
    expect(findings).toEqual([]);
    expect(guard).toMatchObject({ shadow: { policies: [{ name: 'inner' }] } });
  });

  test('count nothing in the mesh, and say so', () => {
    const inMesh = gateway({ mesh: { mode: 'Sidecar' } });
    const orders = service({ selector: { app: 'orders' } });
    const { resolution } = seen(...world, meshConfig(), inMesh, orders, pod, outer, many('inner'));
    const notCounted =
      'it is in mode Shadow, but with it the rules come to more than 512 conjunctions, or more than an object of Istio holds: nothing is counted';
    expect(toldReports(resolution.mesh)).toEqual([
      `inner at shop/orders (sidecar): Shadow ${notCounted}`,
      'orders at shop/orders (sidecar): Full',
      `outer at shop/orders (sidecar): Shadow ${notCounted}`,
    ]);
    expect(resolution.mesh.workloads.get('shop/orders')).not.toHaveProperty('shadow');
  });
});
