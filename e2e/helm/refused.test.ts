/** What cannot be installed: Helm refuses it with nothing made, or the operator says what it lacks, and does nothing until it has it. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { tryKubectl } from '../cluster/kubectl.ts';
import { kubectl } from '../cluster/use.ts';
import { gateway } from '../operator/lib/shop.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';
import { charts, type Helm, ownValues } from './lib/helm.ts';
import { askAsHook } from './lib/hook.ts';
import { operatorWithout } from './lib/older.ts';
import { contentOf, helmOf, helmSuite, releaseNamespace } from './lib/release.ts';

const suite = await helmSuite();

let world: World;
let helm: Helm;
/** Where nothing is yet, and the release that may come. */
let empty: string;
let name: string;
let count = 0;

const install = (as: string, namespace: string, ...words: readonly string[]) => {
  const common = [...ownValues(world.namespace), '--set', 'replicas=1'];
  return helm.attempt(['install', as, charts.operator, '--namespace', namespace, ...common, ...words]);
};

/** Neither in the namespace nor of the cluster. */
async function expectNothingMade(): Promise<void> {
  expect(await contentOf(empty)).toEqual([]);
  const ofCluster = ['get', 'clusterroles,clusterrolebindings', '-o', 'name'];
  expect(await kubectl([...ofCluster, '-l', `app.kubernetes.io/instance=${name}`])).toBe('');
}

suite('a release that is refused', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-refused');
    helm = await helmOf(world);
  }, 60_000);
  afterAll(() => world?.end());
  beforeEach(async () => {
    count += 1;
    name = `refused-${count}`;
    empty = await releaseNamespace(world, helm, `empty-${count}`);
  });

  test.each<readonly [string, readonly string[], string]>([
    ['a value that does not exist', ['--set', 'replica=3'], "additional properties 'replica' not allowed"],
    ['a value of another type', ['--set-string', 'replicas=three'], "at '/replicas': got string, want integer"],
    [
      'values that contradict each other',
      ['--set', 'secrets.access=namespaced'],
      'secrets.namespaces: secrets.access is',
    ],
    ['a value that was taken away', ['--set', 'image.tag=null'], 'image.tag: it has no value; set one'],
  ])('%s: named, and nothing is made', async (_, words, sentence) => {
    const { code, stderr } = await install(name, empty, ...words);
    expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    await expectNothingMade();
  });

  test('a namespace that is not there: named, and nothing is left where Helm is told to take back what it began', async () => {
    const values = ['--set', 'watchNamespaces={nowhere}', '--rollback-on-failure', '--timeout', '20s'];
    const { code, stderr } = await install(name, empty, ...values);
    expect([code, stderr]).toEqual([1, expect.stringContaining('Kind=Role: namespaces "nowhere" not found')]);
    await until('nothing is left', async () => (await contentOf(empty)).length === 0, { seen: () => contentOf(empty) });
  }, 60_000);

  test('an older chart whose values are reused: named with the flag that helps, and the release is as it was', async () => {
    const older = await helm.packaged(operatorWithout('tracing', helm.home), '0.0.9');
    await helm.run(['install', name, older, '--namespace', empty, ...ownValues(empty)]);
    const upgrade = ['upgrade', name, charts.operator, '--namespace', empty];
    const { code, stderr } = await helm.attempt([...upgrade, '--reuse-values']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/tracing\.endpoint: it has no value; .*say --reset-then-reuse-values/),
    ]);
    expect(await helm.run(['list', '--namespace', empty])).toMatch(new RegExp(`${name}\\s+\\S+\\s+1\\s.*deployed`));
    await helm.run([...upgrade, '--reset-then-reuse-values']);
    expect(await helm.run(['get', 'values', name, '--namespace', empty])).toContain(`className: ${empty}`);
  }, 60_000);

  test('the class of another release: the right to serve it is named with its owner, and nothing is made', async () => {
    const first = await releaseNamespace(world, helm, 'first');
    expect((await install('first', first)).stderr).toBe('');
    const { code, stderr } = await install(name, empty);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `ClusterRole "evengate-class-${world.namespace}" .*exists and cannot be imported.*"first".*"${first}"`,
        ),
      ),
    ]);
    await expectNothingMade();
    // With a class of its own it can be.
    expect((await install(name, empty, '--set', `className=${empty}`)).stderr).toBe('');
    await helm.run(['uninstall', 'first', '--namespace', first]);
  }, 90_000);

  test('without rights: not Ready, each says which are missing and what to do, and nothing is half done', async () => {
    const values = ['--set', `className=${empty},rbac.create=false`, '--wait', '--timeout', '5s'];
    const { code, stderr } = await install(name, empty, ...values);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`Deployment/${empty}/${name}-evengate not ready`)]);
    const lacks = /the operator may not get\/list\/watch apigateways\.evengate\.dev.* in all namespaces/;
    const remedy = /grant it with the ClusterRole of this version: helm upgrade evengate/;
    const deployment = `${name}-evengate`;
    const { kubectl: program, kubeconfig } = world.cluster;
    const ask = (words: readonly string[]) => tryKubectl({ program, kubeconfig }, words);
    const log = await until('it says what it lacks', async () => {
      const { stdout } = await ask(['logs', '--namespace', empty, `deployment/${deployment}`]);
      return lacks.test(stdout) ? stdout : undefined;
    });
    expect(log).toMatch(remedy);
    const asked = await askAsHook({ helm, kubectl: ask, release: name, namespace: empty, deployment });
    expect(asked.code).toBe(1);
    for (const words of [lacks, remedy]) expect(asked.stdout).toMatch(words);
    await world.apply(gateway('edge', { className: empty, replicas: 1, drain: '1s' }));
    expect(await world.list('ConfigMap', 'evengate.dev/gateway=edge')).toEqual([]);
    const granted = ['upgrade', name, charts.operator, '--namespace', empty, '--reset-then-reuse-values'];
    await helm.run([...granted, '--set', 'rbac.create=true', '--wait', '--timeout', '60s']);
    await world.ready('ApiGateway', 'edge');
    await helm.run(['test', name, '--namespace', empty, '--timeout', '90s']);
  }, 180_000);
});
