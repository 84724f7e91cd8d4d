import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { fakeIo } from '../../testing/fake-io.ts';
import { runProgram } from '../program.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'render-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function render(text: string, ...args: readonly string[]) {
  const io = fakeIo({ stdin: text });
  const code = await runProgram(['render', '-f', '-', ...args], io);
  return { code, ...io.written };
}

const objects = [
  `apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: edge, namespace: shop}
spec:
  listeners:
  - {name: web, port: 80, protocol: HTTP}
`,
  `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80}]}
`,
  `apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules: [{name: read, backendRefs: [{name: orders, port: 80}]}]
`,
  `apiVersion: evengate.dev/v1alpha1
kind: AuthPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{kind: Route, name: orders}]
  authorize: {allow: [{name: anyone}]}
`,
];
const manifests = objects.join('---\n');

interface Document {
  readonly version_info?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name: string; readonly namespace: string };
  readonly status?: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

function documents(stdout: string): readonly Document[] {
  return parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Document;
  });
}

describe('to stdout', () => {
  test('the files of each gateway, the objects that run it, then the statuses', async () => {
    const { code, stdout, stderr } = await render(manifests);
    expect([code, stderr]).toEqual([0, '']);
    const comments = stdout.split('\n').filter((line) => line.startsWith('#'));
    expect(comments).toEqual([
      '# ApiGateway shop/edge: cds.json',
      '# ApiGateway shop/edge: lds.json',
      '# ApiGateway shop/edge: rds-http-80.json',
      '# ApiGateway shop/edge: ecds-jwt-http-80.json',
      '# ApiGateway shop/edge: ecds-limits-http-80.json',
      '# ApiGateway shop/edge: ServiceAccount',
      '# ApiGateway shop/edge: ConfigMap',
      '# ApiGateway shop/edge: NetworkPolicy',
      '# ApiGateway shop/edge: Service',
      '# ApiGateway shop/edge: Deployment',
      '# ApiGateway shop/edge: PodDisruptionBudget',
    ]);
    const all = documents(stdout);
    expect(all.slice(0, 5).map(({ version_info }) => version_info)).toEqual(
      Array.from({ length: 5 }, () => expect.stringMatching(/^[0-9a-f]{16}$/)),
    );
    expect(all[9]).toMatchObject({ kind: 'Deployment', metadata: { name: 'edge-edge', namespace: 'shop' } });
    expect(all.slice(11).map(({ kind, metadata }) => [kind, metadata])).toEqual([
      ['ApiGateway', { name: 'edge', namespace: 'shop' }],
      ['AuthPolicy', { name: 'orders', namespace: 'shop' }],
      ['Route', { name: 'orders', namespace: 'shop' }],
    ]);
    const programmed = all.at(-1)?.status?.conditions.find(({ type }) => type === 'Programmed');
    expect(programmed).toMatchObject({ status: 'Unknown', message: 'Not delivered' });
  });

  test('the same bytes, whatever the order of the objects, and no time in them', async () => {
    const first = await render(manifests);
    expect(await render(manifests)).toEqual(first);
    expect(await render(objects.toReversed().join('---\n'))).toEqual(first);
    expect(first.stdout).not.toMatch(/lastTransitionTime|20\d\d-\d\d-\d\d/);
  });

  test('findings go to stderr, and are no failure', async () => {
    const { code, stdout, stderr } = await render(
      manifests.replace('{name: orders, port: 80}', '{name: gone, port: 80}'),
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^<stdin>:\d+:\d+ +error +BackendNotFound +Route shop\/orders +spec\.rules\[0\]\.backendRefs\[0\]\.name/,
    );
    expect(documents(stdout).length).toBe(14);
  });

  test('what can be read is rendered beside what cannot', async () => {
    const { code, stdout, stderr } = await render(`${manifests}---\na: [\n`);
    expect(code).toBe(2);
    expect(stderr).toContain('Unreadable');
    expect(stdout).toBe((await render(manifests)).stdout);
  });

  test('nothing at all', async () => {
    expect(await render('')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'evengate: -: no object that Evengate reads; name files or folders that hold some.\n',
    });
  });
});

describe('to a folder', () => {
  const listed = async (folder: string) => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .toSorted();
  };

  test('one file each, with the bytes of stdout; other files stay', async () => {
    await writeFile(join(root, 'mine.txt'), 'mine');
    const { code, stdout } = await render(manifests, '-o', root);
    expect([code, stdout]).toEqual([0, '']);
    const files = await listed(root);
    expect(files).toEqual([
      'mine.txt',
      'shop.edge/cds.yaml',
      'shop.edge/configmap.yaml',
      'shop.edge/deployment.yaml',
      'shop.edge/ecds-jwt-http-80.yaml',
      'shop.edge/ecds-limits-http-80.yaml',
      'shop.edge/lds.yaml',
      'shop.edge/networkpolicy.yaml',
      'shop.edge/poddisruptionbudget.yaml',
      'shop.edge/rds-http-80.yaml',
      'shop.edge/service.yaml',
      'shop.edge/serviceaccount.yaml',
      'status/apigateway.shop.edge.yaml',
      'status/authpolicy.shop.orders.yaml',
      'status/route.shop.orders.yaml',
    ]);
    const printed = (await render(manifests)).stdout;
    for (const file of files.slice(1)) expect(printed).toContain(`---\n${await readFile(join(root, file), 'utf8')}`);
    expect(parse(await readFile(join(root, 'status/route.shop.orders.yaml'), 'utf8'))).toMatchObject({
      apiVersion: 'evengate.dev/v1alpha1',
      kind: 'Route',
      metadata: { name: 'orders', namespace: 'shop' },
      status: { auth: 'Public', gateways: 'shop/edge', hosts: '*' },
    });
  });

  test('a name that leads out of the folder does not', async () => {
    const folder = join(root, 'out');
    const name = `"/../../../${'é'.repeat(80)}"`;
    const { code } = await render(
      manifests.replace(/(AuthPolicy\nmetadata: \{name: )orders/, `$1${name}`),
      '-o',
      folder,
    );
    expect(code).toBe(0);
    expect(await readdir(root)).toEqual(['out']);
    expect((await listed(folder)).filter((file) => file.includes('authpolicy'))).toEqual([
      expect.stringMatching(/^status\/authpolicy\.shop\.%2F\.\.%2F\.\.%2F\.\.%2F[%A-F0-9]+-[0-9a-f]{12}\.yaml$/),
    ]);
  });
});
