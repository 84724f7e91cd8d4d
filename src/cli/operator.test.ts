/** `evengate operator` as a process: what it says, and how it ends, where it cannot work. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { resources } from '../kube/resources.ts';
import { endCli, type RunningCli, startCli } from '../testing/cli-run.ts';
import { type KubeApi, startKubeApi } from '../testing/kube-api/index.ts';
import { freePort } from '../testing/ports.ts';
import { exitCodes } from './exit-codes.ts';

let folder: string;
let api: KubeApi | undefined;
let running: RunningCli | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ev-operator-'));
});
afterEach(async () => {
  await endCli(running);
  await api?.stop();
  running = undefined;
  api = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function start(...words: readonly string[]): RunningCli {
  const env = { HOME: folder, KUBECONFIG: '', KUBERNETES_SERVICE_HOST: '' };
  running = startCli(words, { command: ['bin/evengate', 'operator'], env });
  return running;
}

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function readiness(port: number): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz?verbose`);
  return { status: answer.status, text: await answer.text() };
}

test.each<readonly [string, () => readonly string[], RegExp]>([
  ['no kubeconfig at all', () => [], /no cluster is named: KUBECONFIG is not set.*name a kubeconfig/],
  ['one that is not there', () => ['--kubeconfig', join(folder, 'none')], /kubeconfig .*none does not exist; name one/],
  [
    'one that is none',
    () => ['--kubeconfig', file('bad', '{')],
    /kubeconfig .*bad cannot be read: .*; correct the file/,
  ],
  ['one without a context', () => ['--kubeconfig', file('empty', 'kind: Config')], /has no current-context/],
])('%s: ends with 2 and one sentence', async (_, words, said) => {
  const { exited, output } = start(...words());
  expect(await exited).toBe(exitCodes.unusable);
  expect(output.stderr).toMatch(said);
  expect(
    output.stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{')),
  ).toHaveLength(1);
});

test('CRDs that are missing: not ready, says which, and works when they are there', async () => {
  api = await startKubeApi();
  api.unserve(resources.Route);
  const port = await freePort();
  const cli = start('--kubeconfig', file('kubeconfig', api.kubeconfig), `--health-port=${port}`);
  await cli.says('"cause":"missing"');
  const before = await readiness(port);
  expect(before.status).not.toBe(200);
  expect(before.text).toMatch(
    /\[-\]cache-sync\/routes failed: the API server does not know this resource type; install its CRD/,
  );
  expect(cli.output.stderr).not.toContain('caches synced');
  api.serve(resources.Route);
  await cli.says('caches synced');
  expect((await readiness(port)).status).toBe(200);
}, 60_000);

test('credentials that have expired: not ready, says so, and works when they are good again', async () => {
  api = await startKubeApi();
  const fault = api.faults.add({ match: () => true, fault: { kind: 'refuse', code: 401 } });
  const port = await freePort();
  const cli = start('--kubeconfig', file('kubeconfig', api.kubeconfig), `--health-port=${port}`);
  await cli.says('"cause":"failing"');
  const before = await readiness(port);
  expect(before.status).not.toBe(200);
  expect(before.text).toMatch(/apigateways failed: Unauthorized: .* has expired; renew it in the kubeconfig/);
  fault.release();
  await cli.says('caches synced');
  expect((await readiness(port)).status).toBe(200);
}, 60_000);
