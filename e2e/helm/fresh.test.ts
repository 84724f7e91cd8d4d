/** A cluster on which nothing is: what comes first, what is missing or old, and what stays. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { requirePart } from '../../src/testing/parts.ts';
import { evengateVersion } from '../../src/version.ts';
import { evengateImage } from '../cluster/images/images.ts';
import { whyNoLocalCluster } from '../cluster/local/requirements.ts';
import { authPolicy, gateway, route } from '../operator/lib/shop.ts';
import { until } from '../operator/lib/until.ts';
import { goProgram, tools } from '../tools/go-program.ts';
import { charts } from './lib/helm.ts';
import { askAsHook } from './lib/hook.ts';
import { definitionsWithout } from './lib/older.ts';
import { type OwnCluster, openOwnCluster } from './lib/own-cluster.ts';

const missing = whyNoLocalCluster();
if (missing !== undefined) requirePart('cluster', missing);
const suite = missing !== undefined || 'skip' in (await goProgram(tools.helm)) ? describe.skip : describe;

const system = ['--namespace', 'evengate-system'];
const kinds = 'apigateways,routes,authpolicies,ratelimitpolicies';
const crds = ['apigateways', 'authpolicies', 'ratelimitpolicies', 'routes'].map(
  (plural) => `crd/${plural}.evengate.dev`,
);
const objects = ['apigateways/edge', 'routes/hello', 'authpolicies/hello'];

let cluster: OwnCluster;

/** `helm VERB evengate-crds CHART`, however it ends. */
const definitions = (verb: string, ...words: readonly string[]) =>
  cluster.helm.attempt([verb, 'evengate-crds', charts.definitions, ...words]);

/** `<name> <uid> <restarts>` of each Pod of the operator. */
function operatorPods(): Promise<string> {
  const fields =
    '{range .items[*]}{.metadata.name} {.metadata.uid} {.status.containerStatuses[0].restartCount}{"\\n"}{end}';
  return cluster.kubectl([
    ...system,
    'get',
    'pods',
    '-l',
    'app.kubernetes.io/name=evengate',
    '-o',
    `jsonpath=${fields}`,
  ]);
}

const uidsOf = (...names: readonly string[]) =>
  cluster.kubectl(['get', ...names, '-o', 'jsonpath={.items[*].metadata.uid}']);

const envoyUids = () => uidsOf('pods', '--selector', 'evengate.dev/gateway=edge');

/** What the operator's Pods have said, once it is this; Pods have begun by then. */
function logged(words: RegExp): Promise<string> {
  const read = async () =>
    (await cluster.tryKubectl([...system, 'logs', '-l', 'app.kubernetes.io/name=evengate', '--tail=-1'])).stdout;
  return until(`the operator says ${words}`, async () => [await read()].find((text) => words.test(text)), {
    seen: read,
  });
}

const rolledOut = () => cluster.kubectl([...system, 'rollout', 'status', 'deployment/evengate', '--timeout=60s']);

/** What a Pod of it answers that is asked whether it is ready. */
function readyz(): Promise<string> {
  const ask =
    'const answer = await fetch("http://127.0.0.1:8081/readyz"); console.log(answer.status, await answer.text())';
  const program = ['/usr/local/bin/node', '--input-type=module', '--eval', ask];
  return cluster.kubectl([...system, 'exec', 'deployment/evengate', '--', ...program]);
}

/** A gateway that answers by itself. */
async function applyObjects(): Promise<void> {
  const rules = [{ name: 'hello', matches: [{ path: { value: '/' } }], respond: { status: 200, body: 'hello\n' } }];
  const items = [
    gateway('edge', { className: 'evengate', replicas: 1, drain: '1s' }),
    route('hello', 'hello.example.com', rules),
    authPolicy('hello', 'hello'),
  ];
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
}

async function objectsReady(): Promise<void> {
  await cluster.kubectl(['wait', '--for=condition=Ready', '--timeout=60s', ...objects]);
}

suite('a fresh cluster', () => {
  beforeAll(async () => {
    cluster = await openOwnCluster();
    await cluster.alsoCall(evengateImage, `evengate:${evengateVersion()}`);
  }, 240_000);
  afterAll(() => cluster?.end(), 60_000);

  test('install.yaml works as it is, and can be applied again', async () => {
    const applied = await cluster.kubectl(['apply', '--server-side', '-f', `${charts.operator}/../install.yaml`]);
    expect(applied).toContain('deployment.apps/evengate serverside-applied');
    await rolledOut();
    await applyObjects();
    await objectsReady();
    await cluster.kubectl(['apply', '--server-side', '-f', `${charts.operator}/../install.yaml`]);
    await rolledOut();
  }, 120_000);

  test('Helm takes over what install.yaml made, and no Envoy is replaced', async () => {
    const before = [await uidsOf(...objects), await envoyUids()];
    const refused = await definitions('install');
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/CustomResourceDefinition .* exists and cannot be imported/),
    ]);
    const take = ['--take-ownership', '--force-conflicts'];
    expect(await definitions('install', ...take)).toMatchObject({ code: 0 });
    await cluster.helm.run(['install', 'evengate', charts.operator, ...system, ...take, '--wait', '--timeout', '60s']);
    await cluster.helm.run(['test', 'evengate', ...system, '--timeout', '90s']);
    await objectsReady();
    expect([await uidsOf(...objects), await envoyUids()]).toEqual(before);
  }, 120_000);

  test('an uninstall keeps definitions and objects, and the same release finds them again', async () => {
    const before = [await uidsOf(...objects), await uidsOf(...crds)];
    const said = await cluster.helm.run(['uninstall', 'evengate-crds', '--wait']);
    expect(said).toContain('kept due to the resource policy');
    expect([await uidsOf(...objects), await uidsOf(...crds)]).toEqual(before);
    expect(await definitions('install')).toMatchObject({ code: 0 });
    expect(await definitions('upgrade', '--set', 'aggregateRoles=false')).toMatchObject({ code: 0 });
    expect([await uidsOf(...objects), await uidsOf(...crds)]).toEqual(before);
    expect((await cluster.tryKubectl(['get', 'clusterrole', 'evengate-view'])).stderr).toContain('not found');
  }, 60_000);

  test('everything can be removed: gateways first, then the releases, then the definitions', async () => {
    // In the foreground: once their definition is gone, nobody knows any more whose the children were.
    const foreground = ['--all', '--all-namespaces', '--cascade=foreground', '--timeout=60s'];
    await cluster.kubectl(['delete', 'apigateways', ...foreground]);
    await cluster.helm.run(['uninstall', 'evengate', ...system, '--wait']);
    await cluster.helm.run(['uninstall', 'evengate-crds', '--wait']);
    await cluster.kubectl(['delete', 'crd', '-l', 'app.kubernetes.io/name=evengate-crds', '--timeout=60s']);
    await cluster.kubectl(['delete', 'namespace', 'evengate-system', '--timeout=60s']);
    const left = await cluster.kubectl([
      'get',
      'deployments,services,configmaps,clusterroles,clusterrolebindings',
      '--all-namespaces',
      '-o',
      'name',
    ]);
    expect(left.split('\n').filter((name) => /evengate|edge/.test(name))).toEqual([]);
  }, 120_000);

  test('without definitions the operator is not Ready and says what to do; with them it goes on by itself', async () => {
    const install = ['install', 'evengate', charts.operator, ...system, '--create-namespace'];
    const notes = await cluster.helm.run([...install, '--set', 'replicas=1']);
    expect(notes).toMatch(/the cluster did not know these kinds\.[^:]*:\n +helm install evengate-crds/);
    const lacks =
      'The API server does not know ApiGateway, Route, AuthPolicy, RateLimitPolicy of evengate.dev/v1alpha1';
    await logged(new RegExp(lacks, 'i'));
    expect(await readyz()).toMatch(
      /^503 (.*\n)*.*preflight failed: .*do(es)? not know ApiGateway.*helm upgrade --install evengate-crds/,
    );
    const before = await operatorPods();
    const home = definitionsWithout('terminationDrainDuration', 'apigateways', cluster.helm.home);
    const older = await cluster.helm.packaged(home, '0.0.9');
    await cluster.helm.run(['install', 'evengate-crds', older]);
    await logged(
      /the CRD of ApiGateway is older than this version of Evengate: it lacks spec\.workload\.terminationDrainDuration/,
    );
    const { helm, tryKubectl } = cluster;
    const operator = { release: 'evengate', namespace: 'evengate-system', deployment: 'evengate' };
    const asked = await askAsHook({ helm, kubectl: tryKubectl, ...operator });
    expect([asked.code, asked.stdout]).toEqual([
      1,
      expect.stringMatching(/upgrade the CRDs: helm upgrade --install evengate-crds/),
    ]);
    expect(await definitions('upgrade')).toMatchObject({ code: 0 });
    await rolledOut();
    expect(await operatorPods()).toBe(before);
    await applyObjects();
    await objectsReady();
  }, 240_000);

  test('definitions that somebody deleted, with every object: both come back, without a restart', async () => {
    const before = await operatorPods();
    const kept = await cluster.kubectl(['get', kinds, '--all-namespaces', '-o', 'yaml']);
    await cluster.kubectl(['delete', ...crds, '--timeout=60s']);
    await logged(/is older than this version of Evengate(.*\n)+.*"msg":"the API server does not know ApiGateway/);
    expect(await definitions('upgrade')).toMatchObject({ code: 0 });
    await cluster.kubectl(['apply', '-f', '-'], kept);
    await objectsReady();
    expect(await operatorPods()).toBe(before);
  }, 120_000);
});
