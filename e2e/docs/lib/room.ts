/** The room on a cluster that the documentation takes: namespaces and cluster-wide objects by the names that it gives them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../../src/kube/object.ts';
import { type Page, root } from '../../../src/testing/docs/page.ts';
import { manifestsIn, runsOf } from '../../../src/testing/docs/script.ts';
import { commandsIn } from '../../../src/testing/docs/shell.ts';
import { stepsOf } from '../../../src/testing/docs/steps.ts';
import { kubectl } from '../../cluster/use.ts';
import type { Reader } from './reader.ts';

const mark = 'evengate.dev/e2e';
const kubernetes = /^(default|kube-.*)$/;

/** Namespaces that pages make, name after -n, or have in files of examples that they apply; and the operator's. */
export function namespacesOf(pages: readonly Page[]): readonly string[] {
  const names = pages
    .flatMap((page) => runsOf(stepsOf(page)))
    .flatMap((run) => {
      if (run.kind === 'values') return [];
      if (run.kind === 'manifests') return namespacesIn(run.block.text);
      return commandsIn(run.block.text).flatMap((words) => [...flags(words, '-n', '--namespace'), ...applied(words)]);
    });
  return [...new Set(['evengate-system', ...names])].filter((name) => !kubernetes.test(name)).toSorted();
}

function namespacesIn(text: string): readonly string[] {
  return manifestsIn(text).flatMap(({ kind, metadata }) => (kind === 'Namespace' ? [metadata.name] : []));
}

function flags(words: readonly string[], ...names: readonly string[]): readonly string[] {
  return words.filter((_, index) => names.includes(words[index - 1] ?? ''));
}

function applied(words: readonly string[]): readonly string[] {
  if (words[0] !== 'kubectl' || words[1] !== 'apply') return [];
  const paths = flags(words, '-f').filter((path) => path.startsWith('examples/'));
  const files = paths.flatMap((path) => globSync([path, `${path}/*.yaml`], { cwd: root }));
  return files
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => namespacesIn(readFileSync(join(root, file), 'utf8')));
}

/** What an earlier run of a test left is removed; what is somebody's is not. Then the namespaces are there, empty. */
export async function takeRoom(names: readonly string[], reader: Reader): Promise<void> {
  const left = await leftovers(names);
  if (left.length > 0) await leaveRoom(left, reader, { wait: true });
  await removeClusterWide(reader);
  const namespaces = names.map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { [mark]: 'docs' } },
  }));
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: namespaces });
  await adoptDefinitions();
}

/** Throws where one is not a test's. */
async function leftovers(names: readonly string[]): Promise<readonly string[]> {
  const list = await kubectl(['get', 'namespaces', '-o', 'json']);
  const all = (JSON.parse(list) as { readonly items: readonly KubeObject[] }).items;
  const there = all.filter(({ metadata }) => names.includes(metadata.name));
  const foreign = there.filter(({ metadata }) => metadata.labels?.[mark] === undefined);
  if (foreign.length > 0) {
    const list = foreign.map(({ metadata }) => metadata.name).join(', ');
    throw new Error(`the cluster has namespaces that the documentation makes: delete ${list}`);
  }
  return there.map(({ metadata }) => metadata.name);
}

/** Pods go at once: they would take CPU from the next test. */
export async function leaveRoom(names: readonly string[], reader: Reader, { wait } = { wait: false }): Promise<void> {
  await disownDefinitions();
  await removeClusterWide(reader);
  await kubectl(['delete', 'namespace', '--ignore-not-found', '--wait=false', ...names]);
  for (const name of names) await kubectl(['-n', name, 'delete', 'pods', '--all', '--grace-period=0', '--force']);
  if (wait) await kubectl(['wait', '--for=delete', '--timeout=60s', ...names.map((name) => `namespace/${name}`)]);
}

const definitions = 'apigateways,routes,authpolicies,ratelimitpolicies'
  .split(',')
  .map((plural) => `${plural}.evengate.dev`);

const ofHelm = {
  label: 'app.kubernetes.io/managed-by=Helm',
  annotations: ['meta.helm.sh/release-name=evengate-crds', 'meta.helm.sh/release-namespace=evengate-system'],
};

/** Other tests leave definitions. Helm would rightly ask whose they are; on a reader's cluster there are none. */
async function adoptDefinitions(): Promise<void> {
  if (!(await areThere())) return;
  await kubectl(['label', '--overwrite', 'crd', ...definitions, ofHelm.label]);
  await kubectl(['annotate', '--overwrite', 'crd', ...definitions, ...ofHelm.annotations]);
}

/** As other tests want them. */
async function disownDefinitions(): Promise<void> {
  if (!(await areThere())) return;
  const without = (pair: string) => pair.replace(/=.*/, '-');
  await kubectl(['label', 'crd', ...definitions, without(ofHelm.label)]);
  await kubectl(['annotate', 'crd', ...definitions, ...ofHelm.annotations.map(without)]);
}

async function areThere(): Promise<boolean> {
  return (await kubectl(['get', '--ignore-not-found', '-o', 'name', 'crd', ...definitions])) !== '';
}

/** Of both charts, all that is in no namespace, but for the definitions, which other tests use. */
async function removeClusterWide(reader: Reader): Promise<void> {
  const printed = await reader.sh(
    'helm template evengate charts/evengate; echo ---; helm template evengate-crds charts/evengate-crds',
  );
  const items = manifestsIn(printed).filter(({ kind }) => kind.startsWith('ClusterRole'));
  await kubectl(['delete', '--ignore-not-found', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
}
