/** The room on a cluster that the documentation takes: namespaces and cluster-wide objects by the names that it gives them. */
import type { Page } from '../../../src/testing/docs/page.ts';
import { manifestsIn, runsOf } from '../../../src/testing/docs/script.ts';
import { commandsIn } from '../../../src/testing/docs/shell.ts';
import { stepsOf } from '../../../src/testing/docs/steps.ts';
import { kubectl } from '../../cluster/use.ts';
import type { Reader } from './reader.ts';

const mark = 'evengate.dev/e2e';
const owner = 'docs';
const kubernetes = /^(default|kube-.*)$/;

/** Namespaces that pages make, or name after -n. */
export function namespacesOf(pages: readonly Page[]): readonly string[] {
  const names = pages
    .flatMap((page) => runsOf(stepsOf(page)))
    .flatMap((run) => {
      if (run.kind === 'values') return [];
      if (run.kind === 'commands') return commandsIn(run.block.text).flatMap(namespaceFlags);
      return manifestsIn(run.block.text).flatMap(({ kind, metadata }) => (kind === 'Namespace' ? [metadata.name] : []));
    });
  return [...new Set(names)].filter((name) => !kubernetes.test(name)).toSorted();
}

function namespaceFlags(words: readonly string[]): readonly string[] {
  return words.flatMap((word, index) => {
    if (word === '-n' || word === '--namespace') return words[index + 1] ?? [];
    return word.startsWith('--namespace=') ? [word.slice('--namespace='.length)] : [];
  });
}

/** What an earlier run left is removed; what is somebody's is not. Then the namespaces are there, empty. */
export async function takeRoom(names: readonly string[], reader: Reader): Promise<void> {
  const list = JSON.parse(await kubectl(['get', 'namespaces', '-o', 'json'])) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
    }[];
  };
  const there = list.items.filter(({ metadata }) => names.includes(metadata.name));
  const foreign = there
    .filter(({ metadata }) => metadata.labels?.[mark] !== owner)
    .map(({ metadata }) => metadata.name);
  if (foreign.length > 0) {
    throw new Error(`the cluster has namespaces that the documentation makes: delete ${foreign.join(', ')}`);
  }
  if (there.length > 0)
    await leaveRoom(
      there.map(({ metadata }) => metadata.name),
      reader,
      { wait: true },
    );
  await removeClusterWide(reader);
  const namespaces = names.map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { [mark]: owner } },
  }));
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: namespaces });
  await adoptDefinitions();
}

/** Pods go at once: they would take CPU from the next test. */
export async function leaveRoom(names: readonly string[], reader: Reader, { wait } = { wait: false }): Promise<void> {
  await removeClusterWide(reader);
  await kubectl(['delete', 'namespace', '--ignore-not-found', '--wait=false', ...names]);
  for (const name of names) await kubectl(['-n', name, 'delete', 'pods', '--all', '--grace-period=0', '--force']);
  if (wait) await kubectl(['wait', '--for=delete', '--timeout=60s', ...names.map((name) => `namespace/${name}`)]);
}

const definitions = 'apigateways,routes,authpolicies,ratelimitpolicies'
  .split(',')
  .map((plural) => `${plural}.evengate.dev`);

/** Other tests leave definitions. Helm would rightly ask whose they are; on a reader's cluster there are none. */
async function adoptDefinitions(): Promise<void> {
  const crds = ['crd', ...definitions];
  if ((await kubectl(['get', '--ignore-not-found', '-o', 'name', ...crds])) === '') return;
  await kubectl(['label', '--overwrite', ...crds, 'app.kubernetes.io/managed-by=Helm']);
  const release = ['meta.helm.sh/release-name=evengate-crds', 'meta.helm.sh/release-namespace=evengate-system'];
  await kubectl(['annotate', '--overwrite', ...crds, ...release]);
}

/** Of both charts, all that is in no namespace, but for the definitions, which other tests use. */
async function removeClusterWide(reader: Reader): Promise<void> {
  const printed = await reader.sh(
    'helm template evengate charts/evengate; echo ---; helm template evengate-crds charts/evengate-crds',
  );
  const items = manifestsIn(printed).filter(({ kind }) => kind.startsWith('ClusterRole'));
  await kubectl(['delete', '--ignore-not-found', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
}
