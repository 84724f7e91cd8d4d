/** `evengate check` of operators that lack one thing or another. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { installation } from '../../controllers/operator/install.ts';
import { permissions } from '../../controllers/operator/permissions.ts';
import { rightsOf } from '../../controllers/preflight/rights.ts';
import { leaseMetadata } from '../../controllers/preflight/rivals.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { gateway } from '../../testing/build.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../../testing/kube-api/index.ts';
import { evengateVersion } from '../../version.ts';
import { runProgram } from '../program.ts';

let folder: string;
let api: KubeApi;
let may: NonNullable<KubeApiOptions['authorize']>;

beforeEach(async () => {
  may = () => true;
  folder = mkdtempSync(join(tmpdir(), 'ev-check-'));
  api = await startKubeApi({ authorize: (attributes) => may(attributes) });
  writeFileSync(join(folder, 'config'), api.kubeconfig);
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function check(...words: readonly string[]) {
  const io = fakeIo({ env: { KUBECONFIG: join(folder, 'config') } });
  const code = await runProgram(['check', ...words], io);
  return { code, ...io.written };
}

const options = { image: 'evengate:test', className: 'evengate', replicas: 2, readSecrets: false };

function install(more: { readonly watchNamespaces?: readonly string[] } = {}): KubeObject {
  for (const object of installation({ ...options, ...more, namespace: 'evengate-system' })) {
    if (['Namespace', 'ServiceAccount', 'Deployment'].includes(object.kind)) api.put(object);
  }
  const found = api.get<KubeObject>(resources.Deployment, 'evengate-system', 'evengate');
  if (found === undefined) throw new Error('an installation has a Deployment');
  return found;
}

function lease(
  holder: string,
  { agoMs = 0, namespace = 'evengate-system', version = evengateVersion() } = {},
): KubeObject {
  const renewTime = new Date(Date.now() - agoMs).toISOString().replace('Z', '000Z');
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'evengate-evengate', namespace, ...leaseMetadata({ className: 'evengate' }, version) },
    spec: { holderIdentity: holder, leaseDurationSeconds: 15, renewTime },
  } as KubeObject;
}

function programmed(object: KubeObject): void {
  api.create(object);
  const conditions = [{ type: 'Programmed', status: 'True', observedGeneration: 1, reason: 'Programmed', message: '' }];
  api.putStatus(object, { observedGeneration: 1, conditions });
}

test('all is well', async () => {
  api.putStatus(install(), { readyReplicas: 2 });
  api.put(lease('evengate-1-abc'));
  programmed(gateway());
  const { code, stdout, stderr } = await check();
  expect(stderr).toBe('');
  const rights = Object.values(permissions({ readSecrets: false })).flatMap(rightsOf).length;
  expect(stdout).toBe(`Kubernetes
√ the API server answers: Kubernetes v1.35.0

CustomResourceDefinitions
√ 4 CRDs serve evengate.dev/v1alpha1 with all fields

Rights
√ the operator has the ${rights} rights that it needs

Class
√ no other operator serves class evengate

Operator
√ Deployment evengate-system/evengate has 2 of 2 Pods Ready
√ evengate-1-abc leads, version ${evengateVersion()}

ApiGateways
√ Programmed: shop/edge

Status check results are √
`);
  expect(code).toBe(0);
});

test('nothing is installed: each says what to do', async () => {
  for (const kind of ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy', 'ReferenceGrant'] as const) {
    api.unserve(resources[kind]);
  }
  const { code, stdout } = await check();
  expect(code).toBe(1);
  expect(stdout).toContain(
    '× the API server does not know ApiGateway, Route, AuthPolicy, RateLimitPolicy of evengate.dev/v1alpha1: their CRDs are not installed, or not Established yet\n    → install them: helm upgrade --install evengate-crds, or evengate crds | kubectl apply',
  );
  expect(stdout).toContain('i ReferenceGrant (gateway.networking.k8s.io/v1beta1) is not installed');
  expect(stdout).toContain(
    '× no operator of class evengate is installed in namespace evengate-system\n    → install it: helm install evengate, or evengate install -n evengate-system |',
  );
  expect(stdout).toMatch(/Status check results are ×\n$/);
});

test('an operator without a right, with a Pod that is not Ready, of another version, beside another', async () => {
  api.putStatus(install({ watchNamespaces: ['shop'] }), { readyReplicas: 1 });
  api.put(lease('evengate-1-abc', { version: '0.0.1' }));
  api.put(lease('other-1-abc', { namespace: 'ops' }));
  api.create(gateway());
  api.create({ ...gateway({ className: 'internal' }), metadata: { name: 'inner', namespace: 'shop' } });
  may = ({ verb, resource, namespace }) => !(verb === 'patch' && resource === 'deployments' && namespace === 'shop');
  const { code, stdout } = await check();
  expect(code).toBe(1);
  for (const line of [
    '× the operator may not patch deployments.apps in namespace shop',
    '× namespace ops already runs an operator of class evengate (Lease evengate-evengate, held by other-1-abc)',
    '‼ Deployment evengate-system/evengate has 1 of 2 Pods Ready',
    '    → read what they say: kubectl logs -n evengate-system deployment/evengate',
    `‼ the operator is version 0.0.1, and what checks it is version ${evengateVersion()}`,
    '× ApiGateway shop/edge is not Programmed: nobody has answered yet',
    '    → see evengate status apigateway/edge -n shop',
    'i no operator of class internal is known, which shop/inner asks for',
  ]) {
    expect(stdout.split('\n')).toContain(line);
  }
});

test('an operator that is gone: its Lease tells since when', async () => {
  api.putStatus(install(), { readyReplicas: 0 });
  api.put(lease('evengate-1-abc', { agoMs: 3_600_000 }));
  const { code, stdout } = await check('-o', 'json');
  const said = (JSON.parse(stdout) as { ok: boolean; checks: { level: string; message: string }[] }).checks;
  expect(code).toBe(1);
  expect(said.filter(({ level }) => level === 'problem').map(({ message }) => message)).toEqual([
    'Deployment evengate-system/evengate has 0 of 2 Pods Ready',
    expect.stringMatching(/^no operator leads: Lease .*evengate-evengate was last renewed by evengate-1-abc at 20/),
  ]);
});

test('what may not be read is unknown, and no failure', async () => {
  api.putStatus(install(), { readyReplicas: 2 });
  may = () => false;
  const { code, stdout } = await check();
  expect(code).toBe(0);
  expect(stdout.split('\n').filter((line) => line.startsWith('? unknown: '))).toHaveLength(5);
  expect(stdout).toMatch(/Status check results are √, and 5 things are unknown\n$/);
});

test('--wait: until all is well, or no longer', async () => {
  const deployment = install();
  api.put(lease('evengate-1-abc'));
  const waiting = check('--wait', '30s');
  await api.until('it has looked', () => api.requests.length > 0);
  api.putStatus(deployment, { readyReplicas: 2 });
  expect((await waiting).code).toBe(0);
  api.putStatus(deployment, { readyReplicas: 0 });
  expect((await check('--wait', '1ms')).code).toBe(1);
});

test('a cluster that is not there, or that nobody names', async () => {
  await api.goDown();
  const { code, stdout } = await check();
  expect([code, stdout]).toEqual([2, expect.stringContaining('× cannot reach the API server http://127.0.0.1')]);
  await api.comeBack();
  expect(await check('--kubeconfig', join(folder, 'none'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('does not exist'),
  });
});
