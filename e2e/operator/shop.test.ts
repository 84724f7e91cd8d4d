/** What README.md says of a cluster, word by word: install, apply examples/shop, look, ask. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { demoRequests } from '../../scripts/lib/demo.ts';
import type { ConfigMap, Service } from '../../src/kube/core.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import type { Pod } from '../../src/kube/pod.ts';
import { statusFaults } from '../../src/testing/status-rules.ts';
import { evengateImage } from '../cluster/images/images.ts';
import { kubectl } from '../cluster/use.ts';
import { rowsOf } from './lib/columns.ts';
import { listeningPorts } from './lib/listening.ts';
import { demoBackend } from './lib/shop.ts';
import { clusterSuite } from './lib/suite.ts';
import { openWorld, type World } from './lib/world.ts';

const suite = await clusterSuite();
const root = join(import.meta.dirname, '../..');
const folder = 'examples/shop';
/** The ones that README.md and examples/shop name. */
const namespaces = ['evengate-system', 'gateways', 'shop'];
const mark = 'evengate.dev/e2e';

let world: World;

const run = promisify(execFile);
const evengate = async (...words: readonly string[]) =>
  (await run(process.execPath, [join(root, 'src/main.ts'), ...words], { maxBuffer: 2 ** 26 })).stdout;
const within = (namespace: string, ...words: readonly string[]) => kubectl(['--namespace', namespace, ...words]);
const shop = () => ['-f', join(root, folder)];

/** What an earlier run left is removed; what is somebody's is not. */
async function makeRoom(): Promise<void> {
  for (const namespace of namespaces) {
    const found = await world.get('Namespace', namespace);
    if (found === undefined) continue;
    if (found.metadata.labels?.[mark] === undefined) {
      throw new Error(`the cluster has a namespace ${namespace} already, which this test needs: delete it`);
    }
    await kubectl(['delete', 'namespace', namespace]);
  }
}

/** All that was applied, as it is stored. */
async function stored(): Promise<readonly KubeObject[]> {
  const list = await kubectl(['get', ...shop(), '-o', 'json']);
  return (JSON.parse(list) as { readonly items: readonly KubeObject[] }).items;
}

const idOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
const versions = async () => (await stored()).map((object) => [idOf(object), object.metadata.resourceVersion]);

async function envoys(): Promise<readonly Pod[]> {
  const list = await within('gateways', 'get', 'pods', '-l', 'app.kubernetes.io/component=edge', '-o', 'json');
  return (JSON.parse(list) as { readonly items: readonly Pod[] }).items;
}

async function place(): Promise<{ readonly host: string; readonly http: number; readonly https: number }> {
  const service = await world.get<Service>('Service', 'edge-edge', 'gateways');
  const { clusterIP = '', ports = [] } = service?.spec ?? {};
  const portOf = (port: number) => ports.find((one) => one.port === port)?.nodePort ?? 0;
  if (world.cluster.podNetworkReachable) return { host: clusterIP, http: 80, https: 443 };
  return { host: world.cluster.nodeAddress, http: portOf(80), https: portOf(443) };
}

suite('examples/shop on a cluster, as README.md has it', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-shop');
    await makeRoom();
    world.onEnd(async () => {
      await kubectl(['delete', '--wait=false', '-f', '-'], await evengate('install', '--no-crds'));
      for (const namespace of ['gateways', 'shop']) await world.remove('Namespace', namespace);
    });
    const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const labelsOf = (name: string) => ({ [mark]: 'shop', ...(name === 'gateways' && restricted) });
    for (const name of namespaces) {
      await world.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: labelsOf(name) } });
    }
    const manifests = await evengate('install', '--image', evengateImage);
    await kubectl(['apply', '--server-side', '-f', '-'], manifests);
    await kubectl(['apply', ...shop()]);
    for (const name of ['storefront', 'orders', 'orders-canary']) {
      const backend = demoBackend(name);
      await world.apply({ ...backend, metadata: { name, namespace: 'shop' } });
    }
  }, 60_000);
  afterAll(() => world?.end());

  test('everything becomes Ready', async () => {
    await within('shop', 'wait', '--for=condition=Available', 'deployment', '--all', '--timeout=60s');
    const wait = ['wait', '--for=condition=Ready', '--all', '--timeout=60s'];
    await within('gateways', ...wait, 'agw,routes');
    await within('shop', ...wait, 'routes,authpolicies,ratelimitpolicies');
  }, 90_000);

  test('kubectl get prints what one wants to know', async () => {
    const printed = await kubectl(['get', 'agw,routes,authpolicies,ratelimitpolicies', '-A']);
    const rows = rowsOf(printed);
    const row = (name: string) => {
      const { AGE, ...rest } = rows.get(name) ?? {};
      expect(AGE).toMatch(/^\d+[smh]/);
      return rest;
    };
    const gateway = row('gateways/apigateway.evengate.dev/edge');
    // Nobody here gives load balancers addresses, unless the cluster has them.
    expect(gateway).toEqual({
      READY: 'True',
      ADDRESS: expect.any(String),
      ROUTES: '3',
      MESH: '',
      REVISION: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    if (world.cluster.kind === 'local') expect(gateway['ADDRESS']).toBe('');
    const routes = {
      'gateways/route.evengate.dev/to-https': ['*.shop.example.com', 'Public'],
      'shop/route.evengate.dev/storefront': ['www.shop.example.com', 'Public'],
      'shop/route.evengate.dev/orders': ['api.shop.example.com', 'Covered'],
    };
    for (const [name, [HOSTS, AUTH]] of Object.entries(routes)) {
      expect(row(name)).toEqual({ HOSTS, GATEWAY: 'gateways/edge', AUTH, READY: 'True' });
    }
    const targets = {
      storefront: 'Route/storefront',
      orders: 'Route/orders',
      'orders-read': 'Route/orders:read, Route/orders:read-canary',
      'orders-write': 'Route/orders:write',
      'orders-admin': 'Route/orders:admin',
    };
    for (const [name, TARGET] of Object.entries(targets)) {
      expect(row(`shop/authpolicy.evengate.dev/${name}`)).toEqual({ TARGET, EDGE: 'True', MESH: '', READY: 'True' });
    }
    expect(row('shop/ratelimitpolicy.evengate.dev/orders-write')).toEqual({
      TARGET: 'Route/orders:write',
      LIMITS: '3/Minute by claim sub',
      READY: 'True',
    });
  });

  test('requests through the Service are answered as examples/shop/README.md says', async () => {
    const { host, http, https } = await place();
    for (const { status, command } of demoRequests({ http, https, folder })) {
      // Three orders a minute are allowed by each of two Envoys.
      const port = command.includes('http:') ? http : https;
      const here = command.replace(/:\d*:127\.0\.0\.1/, `:${port}:${host}`).replace('1 2 3 4;', '1 2 3 4 5 6 7;');
      const { stdout } = await run('bash', ['-c', here], { cwd: root });
      const codes = stdout.split('\n').filter((line) => /^\d{3}$/.test(line));
      if (status === 429) expect(codes).toContain('429');
      else expect([command, codes]).toEqual([command, [String(status)]]);
    }
  }, 30_000);

  test('all that is reported keeps the rules of kstatus and Flux', async () => {
    expect((await stored()).flatMap(statusFaults)).toEqual([]);
  });

  test('applied again, from either side: nothing changes, and nothing is different', async () => {
    const before = await versions();
    const { revision } = (await world.get('ApiGateway', 'edge', 'gateways'))?.status ?? {};
    expect(await kubectl(['apply', ...shop()])).not.toMatch(/created/);
    expect(await versions()).toEqual(before);
    expect(await kubectl(['diff', ...shop()])).toBe('');
    const generations = async () => (await stored()).map(({ metadata }) => metadata.generation);
    const generation = await generations();
    // The first time kubectl's two managers become one; from then on the objects are what they are.
    await kubectl(['apply', '--server-side', '--force-conflicts', ...shop()]);
    const managed = await versions();
    await kubectl(['apply', '--server-side', '--force-conflicts', ...shop()]);
    expect(await versions()).toEqual(managed);
    expect(await generations()).toEqual(generation);
    expect(await kubectl(['diff', '--server-side', '--force-conflicts', ...shop()])).toBe('');
    expect((await world.get('ApiGateway', 'edge', 'gateways'))?.status?.['revision']).toBe(revision);
  }, 30_000);

  test('evengate render shows what the Envoys were told, byte for byte but for the number of the publication', async () => {
    const out = await mkdtemp(join(tmpdir(), 'evengate-render-'));
    world.onEnd(() => rm(out, { recursive: true, force: true }));
    await evengate('render', ...shop(), '--output', out);
    const rendered = async (file: string) => parse(await readFile(join(out, file), 'utf8')) as Record<string, unknown>;
    const list = await within('gateways', 'get', 'configmaps', '-l', 'evengate.dev/told', '-o', 'json');
    const { items } = JSON.parse(list) as { readonly items: readonly ConfigMap[] };
    const told = items
      .filter(({ metadata }) => !metadata.name.endsWith('-good'))
      .flatMap(({ data = {} }) => Object.entries(data));
    const files = await readdir(join(out, 'gateways.edge'));
    expect(told.map(([name]) => name.replace(/json$/, 'yaml')).toSorted()).toEqual(
      files.filter((name) => name.includes('ds')).toSorted(),
    );
    for (const [name, text] of told) {
      const version = /^\{"version_info":"([^"]*)/.exec(text)?.[1] ?? '';
      const response = await rendered(`gateways.edge/${name.replace(/json$/, 'yaml')}`);
      expect(version).toMatch(new RegExp(`^${String(response['version_info'])}\\.\\d+$`));
      expect(`${JSON.stringify({ ...response, version_info: version })}\n`).toBe(text);
    }
    const edge = await world.get('ApiGateway', 'edge', 'gateways');
    expect((await rendered('status/apigateway.gateways.edge.yaml'))['status']).toHaveProperty(
      'revision',
      edge?.status?.['revision'],
    );
  });

  test('Envoys have no account, no admin on the network, and are admitted where Pod Security is restricted', async () => {
    const pods = await envoys();
    expect(pods).toHaveLength(2);
    for (const pod of pods) {
      const mounts = (pod.spec?.containers ?? []).flatMap(({ volumeMounts = [] }) => volumeMounts);
      expect(mounts.map(({ mountPath }) => mountPath)).not.toContainEqual(expect.stringContaining('serviceaccount'));
      expect(JSON.stringify(pod.spec)).not.toContain('serviceAccountToken"');
    }
    const [first] = pods;
    const ports = await listeningPorts(world, 'gateways', first?.metadata.name ?? '');
    expect(ports).toEqual([10_080, 10_443, 19_001, 19_002, 19_003]);
    if (!world.cluster.podNetworkReachable) return;
    const host = first?.status?.podIP ?? '';
    const statusOf = async (path: string, port: number) => (await fetch(`http://${host}:${port}${path}`)).status;
    expect(await statusOf('/drain', 19_002)).toBe(404);
    for (const path of ['/config_dump', '/certs', '/quitquitquit', '/drain']) {
      expect([path, await statusOf(path, 19_001)]).toEqual([path, 404]);
    }
  }, 60_000);
});
