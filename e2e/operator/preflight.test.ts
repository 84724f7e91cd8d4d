/** An operator on a real cluster that lacks rights, or is not alone: what it says, what `evengate check` says of it, and how it recovers. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import { resources } from '../../src/kube/resources.ts';
import { startOperator, type TestOperator } from './lib/operator.ts';
import { gateway } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { until } from './lib/until.ts';
import { openWorld, type World } from './lib/world.ts';

const suite = await clusterSuite();
const root = join(import.meta.dirname, '../..');

let world: World;
let operator: TestOperator;

interface Checked {
  readonly code: number;
  readonly ok: boolean;
  readonly checks: readonly { readonly check: string; readonly level: string; readonly message: string }[];
}

interface Role extends KubeObject {
  readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[] }[];
}

function check(...words: readonly string[]): Promise<Checked> {
  const args = ['src/main.ts', 'check', `--class=${world.namespace}`, `--kubeconfig=${world.cluster.kubeconfig}`];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...args, '-o', 'json', ...words], { cwd: root }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      if (stdout === '') reject(new Error(`check ended with ${code}: ${stderr}`));
      else resolve({ ...(JSON.parse(stdout) as Omit<Checked, 'code'>), code });
    });
  });
}

const problems = ({ checks }: Checked) =>
  checks.filter(({ level }) => level === 'problem').map(({ message }) => message);
const said = (text: string, message: string) => text.split('\n').filter((line) => line.includes(message));

/** What `/readyz` of the operator's Pod answers. */
async function readyz(): Promise<string> {
  const [pod] = await world.client.list(resources.Pod, { namespace: operator.namespace });
  const path = `/api/v1/namespaces/${operator.namespace}/pods/${pod?.metadata.name}:8081/proxy/readyz`;
  return await world.client
    .text({ path })
    .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
}

/** Of a Pod that may not have begun. */
async function ownLogs(): Promise<string> {
  return await operator.logs().catch(() => '');
}

/** An operator of the same class beside it, as somebody starts it who does not know of the other. */
function outside() {
  const args = [`--class=${world.namespace}`, `--kubeconfig=${world.cluster.kubeconfig}`, '--health-port=0'];
  const child = spawn(process.execPath, ['src/main.ts', 'operator', ...args, `--watch-namespace=${world.namespace}`], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const end = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  world.onEnd(end);
  return { text: () => text, end };
}

suite('an operator that lacks something', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-preflight');
    operator = await startOperator(world, { class: world.namespace, where: 'pod' });
  }, 60_000);
  afterAll(() => world?.end());

  test('has what it needs after its installation, as itself sees it and as others do', async () => {
    await world.apply(gateway('edge', { className: world.namespace, replicas: 1, drain: '1s' }));
    await world.ready('ApiGateway', 'edge');
    const { code, checks } = await check('-n', operator.namespace, '--wait', '10s');
    expect(checks.filter(({ level }) => level !== 'ok' && level !== 'info')).toEqual([]);
    expect(code).toBe(0);
    expect(said(await operator.logs(), 'preflight checks passed')).toHaveLength(1);
    const pod = (await world.client.list(resources.Pod, { namespace: operator.namespace }))[0]?.metadata.name ?? '';
    const inside = ['check', `--class=${world.namespace}`, '-o', 'json'];
    const program = ['/usr/local/bin/node', '/app/evengate.js', ...inside];
    const answer = await world.kubectl('--namespace', operator.namespace, 'exec', pod, '--', ...program);
    const { ok, checks: own } = JSON.parse(answer) as Checked;
    expect(own.filter(({ level }) => level === 'problem' || level === 'warning')).toEqual([]);
    expect(ok).toBe(true);
  }, 60_000);

  test('twice the same class: the second writes nothing, and goes on when the first is gone', async () => {
    const second = outside();
    const taken = `namespace ${operator.namespace} already runs an operator of class ${world.namespace}`;
    await until('it sees the first', async () => said(second.text(), taken).length > 0, { seen: second.text });
    await world.apply(gateway('late', { className: world.namespace, replicas: 1, drain: '1s' }));
    await world.ready('ApiGateway', 'late');
    expect(second.text()).not.toContain('caches synced');
    await operator.stop();
    await until('it goes on', async () => second.text().includes('caches synced'), { seen: second.text });
    expect(said(second.text(), taken).map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toEqual([
      expect.stringMatching(/^namespace .* already runs an operator/),
      'no longer so',
    ]);
    await second.end();
  }, 60_000);

  test('without a right: not ready, alive, told once, and on its way again when it is granted', async () => {
    const name = `evengate-${world.namespace}`;
    const whole = await world.get<Role>('Role', name);
    const role = (rules: Role['rules'] = []) => {
      return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name }, rules } as KubeObject;
    };
    const rights = (whole?.rules ?? []).map((rule) => {
      return { ...rule, resources: rule.resources.filter((plural) => plural !== 'deployments') };
    });
    await world.apply(role(rights.filter(({ resources: plurals }) => plurals.length > 0)));
    await operator.start({ wait: false });
    const sentence = `the operator may not get/list/watch/create/patch/delete deployments.apps in namespace ${world.namespace}`;
    await until('it says what it may not', async () => said(await ownLogs(), sentence).length > 0);
    expect(await readyz()).toMatch(/preflight failed: the operator may not .*grant it with the Role in/);
    expect(problems(await check('-n', operator.namespace))).toContain(sentence);
    await world.apply(role(whole?.rules));
    await operator.start();
    const logs = await operator.logs();
    expect(said(logs, sentence)).toHaveLength(2);
    expect(said(logs, 'no longer so')).toHaveLength(1);
  }, 60_000);
});
