import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fakeIo } from '../../testing/fake-io.ts';
import { type KubeApi, startKubeApi } from '../../testing/kube-api/index.ts';
import { runProgram } from '../program.ts';

let folder: string;
let api: KubeApi;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ev-complete-'));
  api = await startKubeApi();
  writeFileSync(join(folder, 'config'), api.kubeconfig);
  for (const name of ['orders', 'offers', 'users']) {
    api.create({ apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name, namespace: 'shop' }, spec: {} });
  }
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Words that are offered, and cobra's directive. */
async function complete(line: readonly string[], env = { KUBECONFIG: join(folder, 'config') }) {
  const io = fakeIo({ env });
  expect(await runProgram(['__complete', ...line], io)).toBe(0);
  expect(io.written.stderr).toBe('');
  return io.written.stdout
    .trim()
    .split('\n')
    .map((text) => text.split('\t')[0]);
}

test.each<readonly [readonly string[], readonly string[]]>([
  [['li'], ['lint', ':4']],
  [
    ['lint', '--st'],
    ['--strict', ':4'],
  ],
  [
    ['lint', '-o', 's'],
    ['sarif', ':4'],
  ],
  [['lint', '-f', 'exa'], [':0']],
  [
    ['status', 'rou'],
    ['route/', ':4'],
  ],
  [
    ['status', '-n', 'shop', 'route/o'],
    ['route/offers', 'route/orders', ':4'],
  ],
  [
    ['status', '-n', 'sh'],
    ['shop', ':4'],
  ],
  [['nothing', ''], expect.arrayContaining(['lint', 'status', ':4']) as never],
])('%j offers %j', async (line, offered) => {
  expect(await complete(line)).toEqual(offered);
});

test('without a cluster there are no names, and no error', async () => {
  expect(await complete(['status', 'route/'], { KUBECONFIG: '/none' })).toEqual([':4']);
});

test('kubectl’s helper, with the Node of the machine, which may be one that hands over', () => {
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  const env = { PATH: path.join(':') };
  const offered = execFileSync('bin/kubectl_complete-evengate', ['lint', '-o', 's'], { encoding: 'utf8', env });
  expect(offered).toBe('sarif\n:4\n');
});
