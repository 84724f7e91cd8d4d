/** The objects that a command works on, read and resolved: manifests, or those of a cluster. */
import type { ManifestSet } from '../controllers/manifests/assemble.ts';
import { readManifests } from '../controllers/manifests/read.ts';
import { noAccess } from '../features/secret-access.ts';
import { emptySnapshot, type Snapshot } from '../kube/snapshot.ts';
import { type References, type Resolution, resolver } from '../resolve/resolve.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { type PlacedFinding, placeFindings } from './findings.ts';
import type { Io } from './io.ts';

export interface Loaded {
  readonly set: ManifestSet;
  readonly resolution: Resolution;
  /** Of a cluster, those about objects of the namespace that is reported on. */
  readonly findings: readonly PlacedFinding[];
  /** One sentence when there is nothing to work on at all. */
  readonly nothing: string | undefined;
  /** What could not be read of a cluster and what follows, a sentence each without a full stop. */
  readonly notes: readonly string[];
  /** The namespace that is reported on; undefined for all. */
  readonly namespace: string | undefined;
}

/** Where a command finds its objects: in `file`, else in the cluster. */
export interface SourceOptions extends ClusterOptions {
  readonly file?: readonly string[];
}

export async function loadSource(options: SourceOptions, io: Io): Promise<Loaded> {
  const { class: className } = options;
  if (options.file !== undefined)
    return await load(options.file, io, className === undefined ? undefined : () => className);
  const loaded = await loadCluster(options, io);
  // Whoever forgot -f did not mean a cluster.
  if (!loaded.nothing?.startsWith('no cluster is named')) return loaded;
  return { ...loaded, nothing: `${loaded.nothing}, or manifests with -f PATH` };
}

/** `classIn` says of which class the ApiGateways are that count; `evengate` when absent. */
export async function load(
  paths: readonly string[],
  io: Io,
  classIn?: (gateways: Snapshot['ApiGateway']) => string,
): Promise<Loaded> {
  const set = await readManifests(paths, io.stdin);
  const resolution = resolver(classIn?.(set.snapshot.ApiGateway))(set.snapshot);
  const findings = placeFindings(set, resolution.findings);
  const empty = findings.length === 0 && Object.values(set.snapshot).every(({ size }) => size === 0);
  return {
    set,
    resolution,
    findings,
    nothing: empty
      ? `${paths.join(', ')}: no object that Evengate reads; name files or folders that hold some`
      : undefined,
    notes: [],
    namespace: undefined,
  };
}

export interface Wanted {
  readonly alsoNamedBy?: (live: Snapshot) => References;
  /** What has to be read where not all can be; that of the context when absent. */
  readonly namespaces?: readonly string[];
}

/** `nothing` where the cluster cannot be read; an empty one is something. Objects of a cluster have no position. */
export async function loadCluster(
  options: ClusterOptions,
  io: Io,
  { alsoNamedBy, namespaces }: Wanted = {},
): Promise<Loaded> {
  // What talks to a cluster is slow to load, and manifests do without.
  const [{ openCluster }, { ClusterUnreadable, readCluster }, { KubeconfigError }] = await Promise.all([
    import('./cluster-options.ts'),
    import('../controllers/manifests/cluster.ts'),
    import('../runtime/kubeconfig.ts'),
  ]);
  try {
    const cluster = await openCluster(options, io);
    try {
      const { namespace, ownNamespace, client } = cluster;
      const className = options.class;
      const more = {
        ...(className && { className }),
        ...(options.namespace && { shown: options.namespace }),
        ...(alsoNamedBy && { alsoNamedBy }),
      };
      const reading = readCluster(client, { namespaces: namespaces ?? [ownNamespace], ...more });
      const { set, resolution, notes } = await withProgress(io, `reading ${cluster.server}`, reading);
      const findings = placeFindings(set, resolution.findings).filter(
        // What we may not read is a note, and no mistake of anybody's.
        ({ object, message }) => (namespace ?? object?.namespace) === object?.namespace && !message.endsWith(noAccess),
      );
      return { set, resolution, findings, nothing: undefined, notes, namespace };
    } finally {
      await cluster.close();
    }
  } catch (error) {
    if (error instanceof KubeconfigError || error instanceof ClusterUnreadable) return nothingRead(error.message);
    throw error;
  }
}

function nothingRead(sentence: string): Loaded {
  const set = { snapshot: emptySnapshot, findings: [], problems: [], locate: () => undefined };
  const resolution = resolver()(emptySnapshot);
  return { set, resolution, findings: [], nothing: sentence, notes: [], namespace: undefined };
}

const patienceMs = 2000;

/** Says on stderr what takes longer than two seconds. */
export async function withProgress<T>(io: Io, what: string, work: Promise<T>): Promise<T> {
  const timer = setTimeout(() => io.stderr.write(`${io.stderr.style('dim', `${what} …`)}\n`), patienceMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

/** What could not be read, on stderr. */
export function showNotes(io: Io, notes: readonly string[]): void {
  for (const note of notes) io.stderr.write(`${io.stderr.style('yellow', 'note:')} ${note}.\n`);
}

/** Every command's last word when it cannot go on: one sentence on stderr. */
export function complain(io: Io, sentence: string): void {
  io.stderr.write(`${io.stderr.style('red', 'evengate:')} ${sentence}.\n`);
}
