/** The two sides of a difference: manifests, and what they are held against. */
import { stat } from 'node:fs/promises';
import type { ManifestSet } from '../../controllers/manifests/assemble.ts';
import { onlyClass } from '../../controllers/manifests/cluster.ts';
import { readManifests } from '../../controllers/manifests/read.ts';
import { classOf } from '../../ir/class-name.ts';
import type { KubeObject, ObjectKey } from '../../kube/object.ts';
import type { Collection, Snapshot } from '../../kube/snapshot.ts';
import { resolver } from '../../resolve/resolve.ts';
import type { ClusterOptions } from '../cluster-options.ts';
import { placeFindings } from '../findings.ts';
import type { Io } from '../io.ts';
import { loadCluster } from '../load.ts';
import { GitUnreadable } from './git.ts';
import { isRef, readGitTree } from './git-tree.ts';
import type { Side } from './model.ts';

export interface Sides {
  readonly before: Side;
  readonly after: Side;
  /** How it was compared, a sentence each without a full stop. */
  readonly notes: readonly string[];
}

export interface DiffSource extends ClusterOptions {
  readonly file: readonly string[];
  /** A path, a git ref, `ref:path`, or `cluster`. */
  readonly against: string;
}

/** Nothing can be compared: `message` is one sentence, without a full stop; `sides` hold what cannot be read of their texts. */
export class Incomparable extends Error {
  override readonly name = 'Incomparable';
  readonly sides: readonly Side[];

  constructor(message: string, sides: readonly Side[] = []) {
    super(message);
    this.sides = sides;
  }
}

/** Throws Incomparable. */
export async function readSides(source: DiffSource, io: Io): Promise<Sides> {
  const { file, against } = source;
  if (against === 'cluster') return await againstCluster(await readManifests(file, io.stdin), source, io);
  const old = await readOld(source);
  const now = await readManifests(file, io.stdin);
  const { className, notes } = classOfSides(source, [old.set.snapshot, now.snapshot]);
  requireReadable(
    [now, old.set].map((set) => sideOf(set, className)),
    [now, old.set],
  );
  requireObjects(now, file);
  const empty = isEmpty(old.set) ? [`${against} holds no object that Evengate reads: all of it is new`] : [];
  return {
    before: sideOf(old.set, className),
    after: sideOf(now, className),
    notes: [...old.notes, ...empty, ...notes],
  };
}

interface Old {
  readonly set: ManifestSet;
  readonly notes: readonly string[];
}

async function readOld({ file, against }: DiffSource): Promise<Old> {
  if (against === '-') throw new Incomparable('stdin is for -f: name a path, a git ref or cluster with --against');
  if (await isThere(against)) {
    const note = `${against} is a path and a git ref: the path is compared with; the ref is ${against}^0, the path ./${against}`;
    return { set: await readManifests([against]), notes: (await isRef(against)) ? [note] : [] };
  }
  const colon = against.indexOf(':');
  const [ref, path] = colon < 0 ? [against, undefined] : [against.slice(0, colon), against.slice(colon + 1)];
  // Such as ./old or old.yaml: nobody calls a branch that.
  if (/^\.{0,2}\//.test(against) || /\.(ya?ml|json)$/.test(ref)) {
    throw new Incomparable(`there is no file or folder ${against}: correct --against`);
  }
  try {
    return await readGitTree({ ref, path, files: file });
  } catch (error) {
    if (error instanceof GitUnreadable) throw new Incomparable(error.message);
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

function requireReadable(sides: readonly Side[], sets: readonly ManifestSet[]): void {
  const broken = sides.filter((_, index) => (sets[index]?.problems.length ?? 0) > 0);
  if (broken.length === 0) return;
  throw new Incomparable('what cannot be read cannot be compared: mend what is listed above', broken);
}

function requireObjects(now: ManifestSet, file: readonly string[]): void {
  if (!isEmpty(now)) return;
  throw new Incomparable(`${file.join(', ')}: no object that Evengate reads; name files or folders that hold some`);
}

interface ComparedClass {
  readonly className: string;
  readonly notes: readonly string[];
}

/** As other commands have it: the only class that there is, else ours. What is left out is said. */
function classOfSides(source: ClusterOptions, sides: readonly Snapshot[]): ComparedClass {
  const gateways = new Map(
    sides.flatMap(({ ApiGateway }, side) => [...ApiGateway].map(([key, one]) => [`${side} ${key}`, one])),
  );
  const className = source.class ?? onlyClass(gateways);
  const others = new Set([...gateways.values()].map(classOf));
  others.delete(className);
  const named = [...others].toSorted().join(', ');
  const notes = named === '' ? [] : [`ApiGateways of class ${named} are not compared: name one with --class`];
  return { className, notes };
}

function isEmpty({ snapshot, findings }: ManifestSet): boolean {
  return findings.length === 0 && Object.values(snapshot).every(({ size }: { readonly size: number }) => size === 0);
}

function sideOf(set: ManifestSet, className: string): Side {
  const resolution = resolver(className)(set.snapshot);
  return { resolution, findings: placeFindings(set, resolution.findings) };
}

async function againstCluster(now: ManifestSet, source: DiffSource, io: Io): Promise<Sides> {
  requireReadable([sideOf(now, classOfSides(source, [now.snapshot]).className)], [now]);
  requireObjects(now, source.file);
  const named = source.allNamespaces === true ? undefined : namespacesOf(now.snapshot);
  const {
    set: live,
    nothing,
    notes,
  } = await loadCluster(source, io, {
    alsoNamedBy: (snapshot) => {
      const { className } = classOfSides(source, [snapshot, now.snapshot]);
      return resolver(className)(applied(now.snapshot, snapshot, named)).references;
    },
    // What may not be read would seem to be new. Where all are compared, all have to be read.
    namespaces: [...(named ?? [])].toSorted(),
  });
  if (nothing !== undefined) throw new Incomparable(nothing);
  const snapshot = applied(now.snapshot, live.snapshot, named);
  const { className, notes: aboutClass } = classOfSides(source, [live.snapshot, now.snapshot]);
  const where = named === undefined ? 'all namespaces' : [...named].toSorted().join(', ');
  return {
    before: sideOf(live, className),
    after: sideOf({ ...now, snapshot }, className),
    notes: [
      ...notes,
      ...aboutClass,
      `the manifests are taken to be all ApiGateways, Routes and policies of ${where}: others there count as removed${named === undefined ? '' : '; other namespaces stay as they are (-A: they do not)'}`,
      'Services, ConfigMaps, Secrets, Namespaces and ReferenceGrants that the manifests lack are those of the cluster',
    ],
  };
}

const ownKinds = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'] as const;

function namespacesOf(snapshot: Snapshot): ReadonlySet<string> {
  const objects = ownKinds.flatMap((kind) => [...snapshot[kind].values()]);
  return new Set(objects.map(({ metadata }) => metadata.namespace ?? ''));
}

/** The cluster once the manifests are synced: ours in `named` namespaces (all when undefined) are theirs, the rest stays. */
function applied(now: Snapshot, live: Snapshot, named: ReadonlySet<string> | undefined): Snapshot {
  const kept = (objects: Collection): Collection =>
    named === undefined
      ? new Map()
      : new Map([...objects].filter(([, { metadata }]) => !named.has(metadata.namespace ?? '')));
  const over = <T extends KubeObject>(base: ReadonlyMap<ObjectKey, T>, top: ReadonlyMap<ObjectKey, T>) =>
    new Map([...base, ...top]);
  return {
    ApiGateway: over(kept(live.ApiGateway), now.ApiGateway),
    Route: over(kept(live.Route), now.Route),
    AuthPolicy: over(kept(live.AuthPolicy), now.AuthPolicy),
    RateLimitPolicy: over(kept(live.RateLimitPolicy), now.RateLimitPolicy),
    Service: over(live.Service, now.Service),
    ConfigMap: over(live.ConfigMap, now.ConfigMap),
    Secret: over(live.Secret, now.Secret),
    Namespace: over(live.Namespace, now.Namespace),
    ReferenceGrant: over(live.ReferenceGrant, now.ReferenceGrant),
    Pod: live.Pod,
    AuthorizationPolicy: over(live.AuthorizationPolicy, now.AuthorizationPolicy),
    RequestAuthentication: over(live.RequestAuthentication, now.RequestAuthentication),
    PeerAuthentication: over(live.PeerAuthentication, now.PeerAuthentication),
    FetchedKeys: live.FetchedKeys,
  };
}
