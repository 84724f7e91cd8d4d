import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { assemble } from '../../controllers/manifests/assemble.ts';
import { parseFile } from '../../controllers/manifests/parse.ts';
import type { KubeObject } from '../../kube/object.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../../testing/kube-api/index.ts';
import { runProgram } from '../program.ts';

const base = readFileSync('src/cli/diff/golden/base.yaml', 'utf8');
let api: KubeApi;
let folder: string;
let may: NonNullable<KubeApiOptions['authorize']>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ev-diff-'));
  may = () => true;
  api = await startKubeApi({ authorize: (attributes) => may(attributes) });
  writeFileSync(join(folder, 'config'), api.kubeconfig);
  for (const object of objectsOf(base)) api.create(object);
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

function objectsOf(text: string): readonly KubeObject[] {
  const { snapshot } = assemble([parseFile({ path: 'a.yaml', text })]);
  return Object.values(snapshot).flatMap((all: ReadonlyMap<string, KubeObject>) => [...all.values()]);
}

async function diff(manifests: string, ...words: readonly string[]) {
  const io = fakeIo({ stdin: manifests, env: { KUBECONFIG: join(folder, 'config') } });
  const code = await runProgram(['diff', '-f', '-', '--against', 'cluster', ...words], io);
  return { code, ...io.written };
}

test('what is synced changes nothing, and it is said what was assumed', async () => {
  const { code, stdout, stderr } = await diff(base);
  expect([code, stdout]).toEqual([0, 'no change in traffic\n']);
  expect(stderr).toContain('note: the manifests are taken to be all ApiGateways, Routes and policies of shop');
});

test('what the manifests lack of other kinds is the cluster’s, also what only they name', async () => {
  const keys = /inline: '(.*)'/.exec(base)?.[1] ?? '';
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'keys', namespace: 'shop' } };
  const configured = { ...configMap, data: { 'jwks.json': keys } };
  api.create(configured);
  const ours = base.split('---\n').filter((text) => !text.includes('kind: Service'));
  const { code, stdout } = await diff(ours.join('---\n').replace(/inline: '.*'/, 'configMapRef: {name: keys}'));
  expect([code, stdout]).toEqual([0, 'no change in traffic\n']);
});

test('a Route that the manifests lack is removed in their namespaces, and stays elsewhere unless -A says so', async () => {
  const elsewhere = `apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: second, namespace: bank}
spec: {listeners: [{name: web, port: 80, protocol: HTTP}]}
`;
  for (const object of objectsOf(elsewhere)) api.create(object);
  const withoutRoute = base.split('---\n').filter((text) => !text.includes('kind: Route'));
  const here = await diff(withoutRoute.join('---\n'));
  expect([here.code, here.stdout]).toEqual([1, expect.stringContaining('closes        GET /orders')]);
  expect(here.stdout).not.toContain('bank/second');
  const everywhere = await diff(base, '-A');
  expect([everywhere.code, everywhere.stdout]).toEqual([1, expect.stringContaining('ApiGateway bank/second  removed')]);
});

test('what may not be read is not taken to be new', async () => {
  may = ({ verb, namespace }) => verb !== 'list' || namespace === 'default';
  const own = await diff(base);
  expect([own.code, own.stdout]).toEqual([2, '']);
  expect(own.stderr).toContain('you may not list apigateways.evengate.dev in namespace shop');
  const all = await diff(base, '-A');
  expect([all.code, all.stdout]).toEqual([2, '']);
  expect(all.stderr).toContain('you may not list apigateways.evengate.dev in all namespaces');
});

test('rights in the namespaces of the manifests do', async () => {
  may = ({ verb, namespace }) => verb !== 'list' || namespace === 'shop';
  const { code, stdout } = await diff(base);
  expect([code, stdout]).toEqual([0, 'no change in traffic\n']);
});

test('a cluster that does not answer ends with 2', async () => {
  await api.stop();
  const { code, stdout, stderr } = await diff(base);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^evengate: /m);
});
