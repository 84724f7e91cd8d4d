/** The life of a release under constant traffic: what Helm does to the operator, clients of its gateways do not notice. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { kinds } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { resources } from '../../src/kube/resources.ts';
import { testCertificate } from '../../src/testing/rig-certificates.ts';
import { evengateVersion } from '../../src/version.ts';
import { tryKubectl } from '../cluster/kubectl.ts';
import { kubectl } from '../cluster/use.ts';
import { faultsOfStatuses } from '../operator/lib/elsewhere.ts';
import { envoys, settled } from '../operator/lib/fleet.ts';
import { report } from '../operator/lib/report.ts';
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
import { startTraffic, type Traffic } from '../operator/lib/traffic.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type World } from '../operator/lib/world.ts';
import { charts, type Helm, ownValues } from './lib/helm.ts';
import { helmOf, helmSuite, releaseNamespace, stamps } from './lib/release.ts';

const suite = await helmSuite();
const host = 'www.shop.example.com';
const changing = 'changing.shop.example.com';

let world: World;
let helm: Helm;
let namespace: string;
let traffic: Traffic;

interface Deployment extends KubeObject {
  readonly spec: { readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } } };
}

const here = () => ['evengate', '--namespace', namespace];
/** `install`, `upgrade`, `rollback`: returns when all Pods are Ready. */
const release = (verb: string, ...words: readonly string[]) =>
  helm.run([verb, ...here().slice(0, 1), ...words, ...here().slice(1), '--wait', '--timeout', '60s']);
const upgrade = (...words: readonly string[]) =>
  release('upgrade', charts.operator, '--reset-then-reuse-values', ...words);

const versionOf = async () =>
  (await world.get<Deployment>('Deployment', 'evengate', namespace))?.spec.template.metadata.labels[
    'app.kubernetes.io/version'
  ];
const uids = async () => new Set((await envoys(world)).map(({ metadata }) => metadata.uid));

/** While `act` goes on, and after it, a Route is changed; the change is served, and no Envoy has been replaced. */
async function unnoticed(what: string, to: 'a' | 'b', act: () => Promise<unknown>): Promise<void> {
  const before = await uids();
  traffic.doing = what;
  traffic.allow('changing', `200 ${to}`);
  const done = act();
  await world.apply(route('changing', changing, [rule('/', to)]));
  await done;
  await traffic.seen('changing', `200 ${to}`);
  await world.ready('Route', 'changing');
  traffic.expect('changing', `200 ${to}`);
  await traffic.seen('changing', `200 ${to}`);
  expect(await uids()).toEqual(before);
  expect(traffic.failures).toEqual([]);
}

/** Which of these the operator may: `list secrets -n shop`. */
async function may(...questions: readonly string[]): Promise<readonly string[]> {
  const as = `--as=system:serviceaccount:${namespace}:evengate`;
  const answers = await Promise.all(
    questions.map((words) => kubectl(['auth', 'can-i', ...words.split(' '), as]).catch(() => 'no')),
  );
  return questions.filter((_, index) => answers[index]?.startsWith('yes'));
}

/** What differs between the cluster and what Helm says that there shall be, as kubectl shows it; but for Helm's own notes. */
async function drift(): Promise<readonly string[]> {
  const manifest = await helm.run(['get', 'manifest', ...here()]);
  const { kubectl: program, kubeconfig } = world.cluster;
  const words = ['diff', '--server-side', '--field-manager=helm', '-f', '-'];
  const { stdout, stderr } = await tryKubectl({ program, kubeconfig }, words, manifest);
  const lines = stdout.split('\n').filter((line) => /^[+-] /.test(line) && !ofHelm.test(line));
  return [...lines, ...stderr.split('\n').filter((line) => line !== '')];
}

const ofHelm = /^[+-] +(annotations:|meta\.helm\.sh\/|generation:)/;

suite('a release', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-helm');
    helm = await helmOf(world);
    namespace = await releaseNamespace(world, helm, 'operator');
    const older = await helm.packaged(charts.operator, '0.0.9');
    await Promise.all([
      release('install', older, ...ownValues(world.namespace), '--set', 'logLevel=debug'),
      backends(world, 'a', 'b'),
    ]);
    await world.apply(
      tlsSecret('shop-tls', testCertificate('*.shop.example.com')),
      gateway('edge', { className: world.namespace, certificates: ['shop-tls'] }),
      route('a', host, [rule('/', 'a')]),
      route('changing', changing, [rule('/', 'a')]),
      ...['a', 'changing'].map((name) => authPolicy(name, name)),
      rateLimitPolicy('a', 'a', [{ name: 'many', requests: 1_000_000, per: 'Minute' }]),
    );
    await world.ready('ApiGateway', 'edge');
    for (const name of ['a', 'changing']) await world.ready('Route', name);
    await settled(world, 2);
    traffic = startTraffic({
      at: { http: await addressOf(world, 'edge', 80), https: await addressOf(world, 'edge', 443) },
      targets: [
        { name: 'a', host, path: '/', expected: ['200 a'] },
        { name: 'changing', host: changing, path: '/', expected: ['200 a'] },
      ],
      pauseMs: 25,
    });
  }, 120_000);
  afterAll(async () => {
    await traffic?.stop();
    await world?.end();
  });

  test('helm test finds everything in order, and the cluster is as the chart says', async () => {
    expect(await helm.run(['test', ...here(), '--logs'])).toMatch(/Phase: +Succeeded/);
    expect(await drift()).toEqual([]);
    expect(await versionOf()).toBe('0.0.9');
  }, 60_000);

  test('is upgraded', async () => {
    await unnoticed('upgrade', 'b', () => upgrade('--set', 'logLevel=info', '--set', 'resources.requests.cpu=40m'));
    expect(await versionOf()).toBe(evengateVersion());
    expect(await drift()).toEqual([]);
  }, 60_000);

  test('is rolled back', async () => {
    await unnoticed('rollback', 'a', () => release('rollback'));
    expect(await versionOf()).toBe('0.0.9');
    expect(await drift()).toEqual([]);
  }, 60_000);

  test('watches fewer namespaces, and reads Secrets there, with no right left elsewhere', async () => {
    const own = world.namespace;
    const questions = [
      'list routes.evengate.dev --all-namespaces',
      `list routes.evengate.dev -n ${own}`,
      'list routes.evengate.dev -n default',
      `list secrets -n ${own}`,
      'list secrets -n default',
      'list namespaces',
    ];
    const [everywhere = '', there = '', elsewhere = '', secrets = '', , names = ''] = questions;
    expect(await may(...questions)).toEqual([everywhere, there, elsewhere, names]);
    await unnoticed('fewer rights', 'b', () =>
      upgrade('--set', `watchNamespaces={${own}}`, '--set', 'secrets.access=namespaced'),
    );
    expect(await may(...questions)).toEqual([there, secrets]);
    expect(await drift()).toEqual([]);
  }, 90_000);

  test('is uninstalled: what users wrote, what serves and the four kinds stay', async () => {
    traffic.doing = 'uninstall';
    const before = await stamps(world);
    await helm.run(['uninstall', ...here(), '--wait']);
    await until('its Pods are gone', async () => (await world.client.list(resources.Pod, { namespace })).length === 0);
    await kubectl(['get', 'crd', ...kinds.map(({ plural }) => `${plural}.evengate.dev`)]);
    await traffic.seen('a', '200 a');
    expect(await stamps(world)).toEqual(before);
    expect(traffic.failures).toEqual([]);
  }, 60_000);

  test('is installed again: it takes over what there is without a write', async () => {
    traffic.doing = 'installed again';
    const before = await stamps(world);
    await release('install', charts.operator, ...ownValues(world.namespace));
    await world.apply(gateway('late', { className: world.namespace, replicas: 1, drain: '1s' }));
    await world.ready('ApiGateway', 'late');
    await world.remove('ApiGateway', 'late');
    const { 'ApiGateway late': _, ...after } = await stamps(world);
    expect(after).toEqual(before);
    await traffic.seen('a', '200 a');
    await traffic.stop();
    report('the life of a release', traffic);
    expect(traffic.failures).toEqual([]);
    expect(await faultsOfStatuses(world)).toEqual([]);
  }, 90_000);
});
