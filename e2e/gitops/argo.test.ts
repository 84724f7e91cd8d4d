/** examples/gitops/argocd and every other example, applied as Argo CD applies, and as people do with kubectl. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { type KubeObject, type ObjectMeta, objectKey } from '../../src/kube/object.ts';
import { kubectl } from '../cluster/use.ts';
import { startOperator } from '../operator/lib/operator.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { until } from '../operator/lib/until.ts';
import { openWorld, type Reported, type World } from '../operator/lib/world.ts';
import { reportedKinds, scriptPath } from './lib/argo.ts';
import { buildJudge, judgeHealth, root } from './lib/judge.ts';
import { namespaceOf, placed, removeNamespaces } from './lib/placed.ts';

const suite = await clusterSuite();
const judge = suite === describe ? await buildJudge() : { skip: 'there is no cluster' };
const binary = 'skip' in judge ? '' : judge.binary;
const describeArgo = 'skip' in judge ? describe.skip : suite;

interface Application {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly source: { readonly path: string; readonly directory?: { readonly include: string } };
    readonly syncPolicy: { readonly automated: { readonly prune: boolean } };
  };
}

const applications = globSync('examples/gitops/argocd/apps/*.yaml', { cwd: root })
  .map((path) => parse(readFileSync(join(root, path), 'utf8')) as Application)
  .toSorted((a, b) => waveOf(a) - waveOf(b));

function waveOf({ metadata }: Application): number {
  return Number(metadata.annotations?.['argocd.argoproj.io/sync-wave']);
}

/** Manifests of a directory source: those that `include` names. */
function filesOf({ spec: { source } }: Application): readonly string[] {
  return globSync(source.directory?.include ?? '*.yaml', { cwd: join(root, source.path) })
    .toSorted()
    .map((name) => join(root, source.path, name));
}

const named = (name: string) => {
  const found = applications.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`there is no Application ${name}`);
  return found;
};

let world: World;
const script = readFileSync(join(root, scriptPath), 'utf8');

/** As Argo CD marks what it has applied, by both of its ways of tracking. */
function tracked(app: string, object: KubeObject): KubeObject {
  const [group = ''] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : [''];
  const id = `${app}:${group}/${object.kind}:${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  const annotations = { ...object.metadata.annotations, 'argocd.argoproj.io/tracking-id': id };
  const labels = { ...object.metadata.labels, 'app.kubernetes.io/instance': app };
  return { ...object, metadata: { ...object.metadata, annotations, labels } };
}

const objectsOf = (name: string) => filesOf(named(name)).flatMap((path) => placed(world, path));
const list = (objects: readonly KubeObject[]) => ({ apiVersion: 'v1', kind: 'List', items: objects });
const argo = ['--server-side', '--force-conflicts', '--field-manager=argocd-controller'];
const applied = (objects: readonly KubeObject[], ...options: readonly string[]) =>
  kubectl(['apply', ...options, '-f', '-'], list(objects));
/** `kubectl diff` reads twice: a status that is written in between is a difference to it, and none the next time. */
const diff = (objects: readonly KubeObject[], ...options: readonly string[]) =>
  until('no difference', () => kubectl(['diff', ...options, '-f', '-'], list(objects)).catch(() => undefined), {
    timeoutMs: 15_000,
    seen: () => kubectl(['diff', ...options, '-f', '-'], list(objects)).catch((error: Error) => error.message),
  });

/** Our kinds, as they are in the cluster. */
async function live(objects: readonly KubeObject[]): Promise<readonly Reported[]> {
  const ours = objects.filter(({ kind }) => (reportedKinds as readonly string[]).includes(kind));
  const found = await Promise.all(ours.map(({ kind, metadata }) => world.get(kind, metadata.name, metadata.namespace)));
  return found.filter((one) => one !== undefined);
}

/** What changes when an object is written: the time and extent of each manager's last write but for statuses, and the spec. */
async function versions(objects: readonly KubeObject[]): Promise<readonly unknown[]> {
  const text = await kubectl(['get', '--show-managed-fields', '-f', '-', '-o', 'json'], list(objects));
  const { items } = JSON.parse(text) as { readonly items: readonly (KubeObject & { readonly metadata: Managed })[] };
  return items.map(({ metadata: { managedFields = [], ...metadata }, ...content }) => ({
    id: `${content.kind} ${objectKey({ metadata })}`,
    generation: metadata.generation,
    managers: managedFields.filter(({ subresource }) => subresource === undefined),
  }));
}

interface Managed extends ObjectMeta {
  readonly managedFields?: readonly { readonly subresource?: string }[];
}

/** By the health script, as Argo CD waits before the next wave. */
async function healthy(objects: readonly KubeObject[]): Promise<void> {
  const look = async () => judgeHealth(binary, script, await live(objects));
  await until('everything is Healthy', async () => (await look()).every(({ status }) => status === 'Healthy'), {
    everyMs: 300,
    seen: look,
  });
}

test('the app of apps: CRDs, operator, edge, shop, of paths that there are', () => {
  expect(applications.map(({ metadata }) => metadata.name)).toEqual(['evengate-crds', 'evengate', 'platform', 'shop']);
  expect(applications.map(({ spec }) => spec.syncPolicy.automated.prune)).toEqual([false, true, true, true]);
  const files = (name: string) => filesOf(named(name)).map((path) => path.slice(root.length + 1));
  expect(files('evengate-crds')).toEqual(globSync('crds/*.yaml', { cwd: root }).toSorted());
  expect([...files('platform'), ...files('shop')]).toEqual(globSync('examples/shop/*.yaml', { cwd: root }).toSorted());
  expect(globSync('Chart.yaml', { cwd: join(root, named('evengate').spec.source.path) })).toEqual(['Chart.yaml']);
});

describeArgo('a fleet under Argo CD', () => {
  beforeAll(async () => {
    world = await openWorld('e2e-argo');
    removeNamespaces(world);
    const watchNamespaces = (['gateways', 'shop'] as const).map((name) => namespaceOf(world, name));
    for (const name of watchNamespaces) {
      await world.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    await startOperator(world, { class: world.namespace, where: 'outside', watchNamespaces });
  }, 120_000);
  afterAll(() => world?.end(), 60_000);

  test('client-side, as Argo CD applies when it is told nothing: healthy wave by wave, and nothing to do again', async () => {
    for (const name of ['platform', 'shop']) {
      const objects = objectsOf(name).map((object) => tracked(name, object));
      await applied(objects);
      await healthy(objects);
      const before = await versions(objects);
      await applied(objects);
      expect(await versions(objects)).toEqual(before);
      expect(await diff(objects)).toBe('');
    }
  }, 90_000);

  test('server-side: the objects change hands, and then nothing changes', async () => {
    const objects = ['platform', 'shop'].flatMap((name) => objectsOf(name).map((object) => tracked(name, object)));
    await applied(objects, ...argo);
    const before = await versions(objects);
    await applied(objects, ...argo);
    expect(await versions(objects)).toEqual(before);
    expect(await diff(objects, ...argo)).toBe('');
    expect(await diff(objects)).toBe('');
    await healthy(objects);
  }, 60_000);

  test('the operator’s own objects bear nothing of Argo CD’s, and belong to the ApiGateway', async () => {
    const kinds = 'deployments,services,configmaps,secrets,serviceaccounts,poddisruptionbudgets,pods';
    const namespace = namespaceOf(world, 'gateways');
    const found = await world.kubectl('-n', namespace, 'get', kinds, '-l', 'evengate.dev/gateway', '-o', 'json');
    const { items } = JSON.parse(found) as { readonly items: readonly KubeObject[] };
    expect(items.length).toBeGreaterThan(3);
    for (const { kind, metadata } of items) {
      expect(JSON.stringify(metadata)).not.toContain('argocd.argoproj.io');
      expect([kind, metadata.labels?.['app.kubernetes.io/instance']]).not.toEqual([kind, 'platform']);
      expect(metadata.ownerReferences).toHaveLength(1);
    }
  });

  test('every example is taken twice by either apply, and differs by none', async () => {
    const isApplied = (path: string) => !path.startsWith('examples/gitops/') && !path.includes('/offline/');
    const paths = globSync('examples/**/*.yaml', { cwd: root }).filter(isApplied).toSorted();
    // The mesh's are another shop of the same names.
    const groups = Map.groupBy(paths, (path) => path.startsWith('examples/mesh/'));
    expect([...groups.values()].map(({ length }) => length > 2)).toEqual([true, true]);
    for (const group of groups.values()) {
      const objects = group.flatMap((path) => placed(world, join(root, path)));
      for (const options of [[], ['--server-side', '--force-conflicts']]) await twice(objects, ...options);
    }
  }, 60_000);

  async function twice(objects: readonly KubeObject[], ...options: readonly string[]): Promise<void> {
    await applied(objects, ...options);
    const before = await versions(objects);
    await applied(objects, ...options);
    expect(await versions(objects)).toEqual(before);
    expect(await diff(objects, ...options)).toBe('');
  }
});

test('no manifest of Flux or Argo CD has two documents of one name', () => {
  const ids = globSync('examples/gitops/{flux,argocd}/**/*.yaml', { cwd: root })
    .filter((path) => !path.includes('resource_customizations') && !path.endsWith('kustomization.yaml'))
    .flatMap((path) => parseAllDocuments(readFileSync(join(root, path), 'utf8')))
    .map((document) => document.toJS() as KubeObject)
    .map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${objectKey({ metadata })}`);
  expect(new Set(ids).size).toBe(ids.length);
});
