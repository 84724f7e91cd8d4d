/** The examples' manifests in namespaces of a test's own: nobody else can have the ones that they name. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { kinds } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { evengateImage } from '../../cluster/images/images.ts';
import type { World } from '../../operator/lib/world.ts';
import type { Patch } from './judge.ts';

/** Namespaces that the examples name. */
const named = ['gateways', 'shop', 'evengate-system'] as const;
export type NamespaceName = (typeof named)[number];

/** A world's own for each of them. */
export function namespaceOf(world: World, name: NamespaceName): string {
  return `${world.namespace}-${name}`;
}

/** What a platform team would set, too: the class, and a fleet that ends soon. */
const settings = (world: World) => ({
  className: world.namespace,
  workload: { replicas: 1, terminationDrainDuration: '1s' },
});

/** Removes them, and their Pods at once, when the world ends. */
export function removeNamespaces(world: World): void {
  world.onEnd(async () => {
    for (const name of named) {
      const namespace = namespaceOf(world, name);
      if (!(await world.remove('Namespace', namespace))) continue;
      await world.kubectl('--namespace', namespace, 'delete', 'pods', '--all', '--grace-period=0', '--force');
    }
  });
}

/** As Flux does it: JSON patches for every Kustomization. */
export function patchesFor(world: World): readonly Patch[] {
  const patch = (target: Patch['target'], path: string, value: unknown): Patch => ({
    target,
    patch: JSON.stringify([{ op: 'add', path, value }]),
  });
  const { className, workload } = settings(world);
  const [repository = '', tag = ''] = evengateImage.split(/:(?=[^:]*$)/);
  const values = { className, replicas: 1, image: { repository, tag } };
  return [
    ...named.map((name) => patch({ kind: 'Namespace', name }, '/metadata/name', namespaceOf(world, name))),
    ...named.map((namespace) => patch({ namespace }, '/metadata/namespace', namespaceOf(world, namespace))),
    patch({ kind: 'Route' }, '/spec/parentRefs/0/namespace', namespaceOf(world, 'gateways')),
    patch({ kind: 'ApiGateway' }, '/spec/className', className),
    patch({ kind: 'ApiGateway' }, '/spec/workload', workload),
    patch({ kind: 'HelmRelease' }, '/spec/values', values),
  ];
}

const kindNames = kinds.map(({ kind }) => kind);
/** A kustomization.yaml need not say what it is. */
const isServed = (read: Partial<KubeObject>): read is KubeObject =>
  read.apiVersion?.startsWith('evengate.dev/') === true
    ? kindNames.includes(read.kind ?? '')
    : /^(apps\/)?v1$/.test(read.apiVersion ?? '');

/** The objects of a file that a cluster takes, likewise; those without a namespace go to the world's. */
export function placed(world: World, path: string): readonly KubeObject[] {
  return parseAllDocuments(readFileSync(path, 'utf8'))
    .map((document) => document.toJS() as Partial<KubeObject>)
    .filter(isServed)
    .map((object) => place(world, object));
}

function place(world: World, { metadata, ...object }: KubeObject): KubeObject {
  const own = (name: string | undefined) => (isNamed(name) ? namespaceOf(world, name) : name);
  const { name, namespace } = metadata;
  if (object.kind === 'Namespace') return { ...object, metadata: { ...metadata, name: own(name) ?? name } };
  const spec = object.kind === 'ApiGateway' ? { ...(object.spec as object), ...settings(world) } : object.spec;
  const placedSpec = JSON.parse(JSON.stringify(spec ?? null), (key, value: unknown) =>
    key === 'namespace' && typeof value === 'string' ? own(value) : value,
  ) as unknown;
  const where = own(namespace) ?? world.namespace;
  return { ...object, metadata: { ...metadata, namespace: where }, ...(spec !== undefined && { spec: placedSpec }) };
}

function isNamed(name: string | undefined): name is NamespaceName {
  return (named as readonly (string | undefined)[]).includes(name);
}
