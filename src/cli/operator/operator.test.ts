/** `evengate operator` as a process: what it says, and how it ends, where it cannot work. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { endCli, type RunningCli, startCli } from '../../testing/cli-run.ts';
import { type KubeApi, startKubeApi } from '../../testing/kube-api/index.ts';
import { freePort } from '../../testing/ports.ts';
import { exitCodes } from '../exit-codes.ts';

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

async function alive(port: number): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}/healthz`)).status;
}

/** Of CRDs that are missing or old. */
async function metric(port: number): Promise<string | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith('evengate_preflight_problems{check="crds"}'));
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
  await cli.says('"check":"crds"');
  const before = await readiness(port);
  expect(before.status).toBe(503);
  expect(before.text).toMatch(
    /\[-\]preflight failed: the API server does not know Route of evengate.dev\/v1alpha1: its CRD is not installed.*install them: helm/,
  );
  expect(await alive(port)).toBe(200);
  expect(await metric(port)).toBe('evengate_preflight_problems{check="crds"} 1');
  expect(cli.output.stderr).not.toContain('caches synced');
  api.serve(resources.Route);
  await cli.says('caches synced');
  expect((await readiness(port)).status).toBe(200);
  expect(await metric(port)).toBe('evengate_preflight_problems{check="crds"} 0');
}, 60_000);

test('credentials that have expired: not ready, says so, and works when they are good again', async () => {
  let expired = true;
  const unauthorized = { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'Unauthorized' };
  api = await startKubeApi({
    respond: () => (expired ? { code: 401, body: JSON.stringify(unauthorized) } : undefined),
  });
  const port = await freePort();
  const cli = start('--kubeconfig', file('kubeconfig', api.kubeconfig), `--health-port=${port}`);
  await cli.says('"check":"api-server"');
  const before = await readiness(port);
  expect(before.status).toBe(503);
  expect(before.text).toMatch(/preflight failed: Unauthorized: .* has expired; renew it in the kubeconfig/);
  expired = false;
  await cli.says('caches synced');
  expect((await readiness(port)).status).toBe(200);
}, 60_000);
