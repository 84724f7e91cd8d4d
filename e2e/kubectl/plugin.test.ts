/** `kubectl evengate` as its users have it: found on PATH, beside what kubectl itself says of the four kinds. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/kube/object.ts';
import { testCertificate } from '../../src/testing/rig-certificates.ts';
import { http1 } from '../operator/lib/clients.ts';
import { startOperator } from '../operator/lib/operator.ts';
import {
  addressOf,
  authPolicy,
  backends,
  gateway,
  rateLimitPolicy,
  route,
  rule,
  tlsSecret,
} from '../operator/lib/shop.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';

const suite = await clusterSuite();
const bin = join(import.meta.dirname, '../../bin');
const host = 'www.example.com';
const run = promisify(execFile);

let world: World;
let folder: string;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl, with our plugin on its PATH, in the world's namespace. */
async function kubectl(...words: readonly string[]): Promise<Ended> {
  const { kubectl: program, kubeconfig } = world.cluster;
  const env = {
    HOME: folder,
    KUBECONFIG: kubeconfig,
    PATH: [bin, dirname(process.execPath), dirname(program), process.env['PATH']].join(':'),
    NO_COLOR: '1',
  };
  try {
    return { code: 0, ...(await run(program, [...words], { env, maxBuffer: 2 ** 26 })) };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as Partial<Ended>;
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}

const evengate = (command: string, ...words: readonly string[]) =>
  kubectl('evengate', command, ...words, '--namespace', world.namespace, '--class', world.namespace);

/** A secret wherever one can be put that a cluster takes. */
function withCanaries(object: KubeObject): KubeObject {
  const annotations = { ...object.metadata.annotations, 'example.com/note': 'canary-annotation' };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const setsHeader = { requestHeaders: { set: [{ name: 'Authorization', value: 'Basic canary-header' }] } };
const verify = { matches: [{ path: { value: '/verified' }, headers: [{ name: 'x-origin', value: 'canary-match' }] }] };

suite('kubectl evengate', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ev-kubectl-'));
    world = await openWorld('e2e-kubectl');
    const { namespace } = world;
    await Promise.all([startOperator(world, { class: namespace, where: 'pod' }), backends(world, 'a')]);
    await world.apply(
      tlsSecret('cert', testCertificate('www.example.com')),
      withCanaries(gateway('edge', { className: namespace, certificates: ['cert'], replicas: 1, drain: '1s' })),
      withCanaries(
        route('good', host, [rule('/', 'a', { name: 'all', ...setsHeader }), { ...rule('/', 'a'), ...verify }]),
      ),
      withCanaries(authPolicy('good', 'good')),
      withCanaries(rateLimitPolicy('good', 'good', [{ name: 'all', requests: 10_000, per: 'Second' }])),
    );
    // With their group: other tests of this cluster may have kinds of the same names.
    const kinds = ['apigateways', 'routes', 'authpolicies', 'ratelimitpolicies'].map(
      (plural) => `${plural}.evengate.dev/${plural === 'apigateways' ? 'edge' : 'good'}`,
    );
    const waited = await kubectl('wait', '-n', namespace, '--for=condition=Ready', '--timeout=60s', ...kinds);
    expect([waited.code, waited.stderr]).toEqual([0, '']);
    expect(waited.stdout.match(/condition met/g)).toHaveLength(kinds.length);
  }, 120_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await world?.end();
  }, 60_000);

  test('kubectl finds the plugin, and help says its name', async () => {
    expect((await kubectl('plugin', 'list')).stdout).toContain('kubectl-evengate');
    expect((await kubectl('evengate', 'status', '--help')).stdout).toMatch(/^Usage: kubectl evengate status/);
  });

  test('status of a good world: the tree with its Envoys, and 0', async () => {
    const { code, stdout } = await evengate('status');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Pod edge-edge-\S+ +True +serves revision [0-9a-f]+/)]);
    expect(stdout).toMatch(/Route e2e-kubectl-\w+\/good +True/);
    expect(stdout).toMatch(/Rule all +True.*\(AuthPolicy \S+\/good\), 10000 a second \(RateLimitPolicy \S+\/good\)/);
    expect((await evengate('lint')).code).toBe(0);
  });

  test('explain says what the edge answers', async () => {
    const client = http1(await addressOf(world, 'edge', 80), { tls: false, fresh: true });
    try {
      for (const [name, path] of [
        [host, '/orders'],
        ['other.example.com', '/'],
      ] as const) {
        const explained = await evengate('explain', `GET http://${name}${path}`, '-o', 'json');
        const { answers } = JSON.parse(explained.stdout) as {
          readonly answers: readonly { readonly status: number | null }[];
        };
        const { status } = await client.ask({ host: name, path });
        // Null: a backend answers, and this one says 200.
        expect([name, answers.map((answer) => answer.status ?? 200)]).toEqual([name, [status]]);
      }
    } finally {
      client.close();
    }
  });

  test('render gives the revision that the Envoys serve', async () => {
    const { stdout } = await evengate('render');
    const { status } = (await world.get('ApiGateway', 'edge')) ?? {};
    expect(stdout).toContain(`revision: ${String(status?.['revision'])}`);
  });

  test('support-bundle has no canary', async () => {
    const client = http1(await addressOf(world, 'edge', 80), { tls: false, fresh: true });
    const headers = { authorization: 'Bearer canary-token-in-a-log', cookie: 'session=canary-cookie' };
    await client.ask({ host, path: '/orders?token=canary-query', headers }).finally(() => client.close());
    const file = join(folder, 'support.tar.gz');
    expect(await evengate('support-bundle', '-o', file)).toMatchObject({ code: 0 });
    const { stdout: names } = await run('tar', ['tzf', file]);
    for (const part of [
      /logs\/\S+\/operator\.log/,
      /logs\/\S+\/envoy\.log/,
      /stats-edge/,
      /rds-http-80\.yaml/,
      /events\//,
    ]) {
      expect(names).toMatch(part);
    }
    const { stdout: content } = await run('tar', ['xzOf', file], { maxBuffer: 2 ** 28 });
    expect(content).toContain('tls.key:');
    expect(content.match(/.*canary.*/g)).toBeNull();
    const { data = {} } = ((await world.get('Secret', 'cert')) ?? {}) as {
      readonly data?: Readonly<Record<string, string>>;
    };
    const key =
      Buffer.from(data['tls.key'] ?? '', 'base64')
        .toString()
        .split('\n')[1] ?? '';
    expect([key.length > 20, content.includes(key)]).toEqual([true, false]);
  });

  test('short names, and all kinds by their category', async () => {
    const get = (...words: readonly string[]) => kubectl('get', '-n', world.namespace, '-o', 'name', ...words);
    for (const name of ['agw', 'egr', 'eap', 'erl'])
      expect((await get(name)).stdout.trim().split('\n')).toHaveLength(1);
    expect((await get('evengate')).stdout.trim().split('\n').toSorted()).toEqual([
      'apigateway.evengate.dev/edge',
      'authpolicy.evengate.dev/good',
      'ratelimitpolicy.evengate.dev/good',
      'route.evengate.dev/good',
    ]);
  });

  test('kubectl completes commands and names', async () => {
    const complete = async (...words: readonly string[]) =>
      (await kubectl('__complete', 'evengate', ...words)).stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(await complete('sta')).toEqual(expect.arrayContaining(['status', ':4']));
    expect(await complete('status', '-n', world.namespace, 'route/')).toEqual(
      expect.arrayContaining(['route/good', ':4']),
    );
  });

  test('status of a broken world: who blocks what, why, what to do; 1', async () => {
    const jwt = [{ name: 'corp', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'none' } } }];
    await world.apply(
      route('bad', 'bad.example.com', [rule('/', 'a', { name: 'all' })]),
      authPolicy('unkeyed', 'bad', { authenticate: { jwt } }),
    );
    await until(
      'the operator has seen it',
      async () => (await world.condition('Route', 'bad', 'Ready'))?.status === 'False',
    );
    const { code, stdout } = await evengate('status', 'route/bad');
    expect(code).toBe(1);
    expect(stdout).toMatch(/Rule all +False/);
    expect(stdout).toMatch(
      /! rule all answers 500, because AuthPolicy \S+\/unkeyed cannot be enforced: ConfigMap \S+\/none does not exist\. Create the ConfigMap/,
    );
    const policy = await evengate('status', 'authpolicy/unkeyed');
    expect([policy.code, policy.stdout]).toEqual([1, expect.stringMatching(/Rule \S+\/bad all +False/)]);
  });
});
