/**
 * What makes Istio take up workloads, where an ApiGateway asks for it: labels on Services and namespaces, as a field manager of
 * its own that takes nothing from others, and waypoints.
 */
import { ApiError, type Client } from '../../../kube/client.ts';
import { describeRef, type KubeObject, type ObjectKey, objectKey, refOf } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { isApplied, marked } from '../../../reconcilers/drift.ts';
import { reaches } from '../../../reconcilers/mesh.ts';
import { enrolmentLabels, meshLabels, waypointObjects } from '../../../render/mesh.ts';
import type { Resolution } from '../../../resolve/resolve.ts';
import type { Finding } from '../../../status/finding.ts';
import { Applier } from '../applier.ts';
import type { Cache } from '../collections.ts';
import type { View } from '../world.ts';
import { Releases } from './release.ts';
import type { Trying } from './writer.ts';

/** On what was labelled: by which class. */
export const enrolledAnnotation = 'evengate.dev/enrolled';
const fieldManager = 'evengate-enrolment';

const kinds = ['Service', 'Namespace', 'Gateway'] as const;
type Kind = (typeof kinds)[number];

export interface EnrolmentOptions {
  readonly client: Client;
  readonly clock: { monotonic(): number };
  readonly className: string;
  readonly caches: Readonly<Record<Kind, Cache>>;
  readonly view: () => View | undefined;
  /** In which something stays closed though nothing names it: who takes it out of the mesh opens it. */
  readonly isKept: (namespace: string) => boolean;
  readonly enqueue: (key: string) => void;
  /** Other findings than before. */
  readonly onFound: () => void;
}

/** Looked at again, where something is kept. */
const keptMs = 60_000;

type Again = { readonly requeueAfterMs?: number };

export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #applier: Applier;
  readonly #releases: Releases;
  /** What somebody else has otherwise, by what it is about: a sentence without a full stop, and what to do. */
  readonly #taken = new Map<string, Pick<Finding, 'message' | 'remedy'>>();
  #wanted: { readonly mesh: Resolution['mesh'] | undefined; readonly objects: ReadonlyMap<string, KubeObject> } = {
    mesh: undefined,
    objects: new Map(),
  };

  constructor(options: EnrolmentOptions) {
    const { client, clock, caches } = options;
    this.#options = options;
    this.#releases = new Releases(clock);
    const typeOf = (kind: string) => resources[kind as Kind];
    this.#applier = new Applier({ client, clock, typeOf, cacheOf: (kind) => caches[kind as Kind] });
  }

  /** On each gateway that asks for enrolment of what is in that namespace. */
  get findings(): readonly Finding[] {
    const { gateways, mesh } = this.#options.view()?.resolution ?? {};
    return [...this.#taken].flatMap(([id, said]) => {
      const [kind = '', key = ''] = id.split(' ');
      const name = kind === 'Namespace' ? key : (key.split('/')[0] ?? '');
      const within = [...(mesh?.workloads.values() ?? [])].filter(({ namespace }) => namespace === name);
      const asking = [...(gateways?.values() ?? [])].filter(
        (gateway) => gateway.mesh?.enrol === true && within.some((workload) => reaches(gateway, workload)),
      );
      return asking.map(({ ref }) => ({
        about: ref,
        severity: 'error',
        reason: 'NotEnrolled',
        at: 'spec.mesh',
        ...said,
      }));
    });
  }

  /** Enqueues what may have to change. */
  changed(): void {
    const { caches, enqueue } = this.#options;
    for (const id of this.#desired().keys()) enqueue(id);
    for (const kind of kinds) {
      for (const object of caches[kind].snapshot().values()) if (this.#isOurs(object)) enqueue(idOf(object));
    }
  }

  /** Keys are `Service shop/orders`. Throws ApiError. */
  async reconcile(id: string, { signal }: Trying): Promise<Again> {
    const [kind = '', key = ''] = id.split(' ');
    const view = this.#options.view();
    const live = this.#options.caches[kind as Kind].get(key);
    if (view === undefined) return {};
    const wanted = this.#desired().get(id);
    if (wanted !== undefined) this.#releases.forget(id);
    else this.#tell(id, undefined);
    if (kind === 'Gateway') return await this.#keepWaypoint(id, wanted, live, signal);
    return live === undefined ? {} : await this.#label(wanted, live, signal);
  }

  async #label(wanted: KubeObject | undefined, live: KubeObject, signal: AbortSignal): Promise<Again> {
    const { client } = this.#options;
    const id = idOf(live);
    const { name, namespace, uid } = live.metadata;
    if (wanted === undefined && !this.#isOurs(live)) return {};
    if (wanted !== undefined && isApplied(wanted, live)) return this.#tell(id, undefined);
    const againInMs = wanted === undefined ? this.#leftMs(live, namespace ?? name) : 0;
    if (againInMs > 0) return { requeueAfterMs: againInMs };
    const metadata = { ...(wanted?.metadata ?? { name, ...(namespace && { namespace }) }), ...(uid && { uid }) };
    const { apiVersion, kind } = live;
    try {
      await client.apply(resources[kind as Kind], { apiVersion, kind, metadata }, { fieldManager, signal });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error;
      // A label that somebody else set to another value is theirs, and says what they want.
      return this.#tell(id, {
        message: `${describeRef(refOf(live))} is not labelled for Istio, as somebody else has set a label of it: ${error.message.replace(/\.$/, '')}`,
        remedy: `Take that label away, set it to ${labelsText(wanted)}, or write spec.mesh.enrolment: Unmanaged`,
      });
    }
    return this.#tell(id, undefined);
  }

  async #keepWaypoint(
    id: string,
    wanted: KubeObject | undefined,
    live: KubeObject | undefined,
    signal: AbortSignal,
  ): Promise<Again> {
    const isOurs = (object: KubeObject) => this.#isOurs(object);
    if (wanted !== undefined) {
      const outcome = await this.#applier.apply(marked(wanted), { isOurs, isSame: isApplied, signal });
      const isTaken = outcome.kind === 'taken';
      const message = `${describeRef(refOf(wanted))} exists and is not this operator's, so it is left alone`;
      const remedy =
        'Delete it, name another waypoint, or keep it yourself and write spec.mesh.waypoint.managed: false';
      this.#tell(id, isTaken ? { message, remedy } : undefined);
      return outcome.kind === 'held' ? { requeueAfterMs: outcome.againInMs } : {};
    }
    if (live === undefined || !isOurs(live)) return {};
    const leftMs = this.#leftMs(live, live.metadata.namespace ?? '');
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#applier.remove(live, isOurs, signal);
    this.#releases.forget(id);
    return {};
  }

  #tell(id: string, said: Pick<Finding, 'message' | 'remedy'> | undefined): Again {
    if (this.#taken.get(id)?.message === said?.message) return {};
    if (said === undefined) this.#taken.delete(id);
    else this.#taken.set(id, said);
    this.#options.onFound();
    return {};
  }

  /** Milliseconds for which it stays as it is. */
  #leftMs(live: KubeObject, namespace: string): number {
    const { caches, isKept } = this.#options;
    const left = this.#releases.leftMs(idOf(live), caches[live.kind as Kind].snapshot().size);
    return isKept(namespace) ? Math.max(left, keptMs) : left;
  }

  #isOurs({ kind, metadata: { labels, annotations } }: KubeObject): boolean {
    const { className } = this.#options;
    if (kind !== 'Gateway') return annotations?.[enrolledAnnotation] === className;
    return Object.entries(meshLabels(className)).every(([name, value]) => labels?.[name] === value);
  }

  #desired(): ReadonlyMap<string, KubeObject> {
    const mesh = this.#options.view()?.resolution.mesh;
    if (mesh !== this.#wanted.mesh) this.#wanted = { mesh, objects: desiredOf(mesh, this.#options.className) };
    return this.#wanted.objects;
  }
}

function desiredOf(mesh: Resolution['mesh'] | undefined, className: string): ReadonlyMap<string, KubeObject> {
  if (mesh === undefined) return new Map();
  const labelled = new Map<string, KubeObject>();
  const annotations = { [enrolledAnnotation]: className };
  const add = (kind: Kind, metadata: KubeObject['metadata']) => {
    const object = { apiVersion: 'v1', kind, metadata: { ...metadata, annotations } };
    const isEmpty = Object.keys(metadata.labels ?? {}).length === 0;
    // Of two that contradict each other the first counts.
    if (!isEmpty && !labelled.has(idOf(object))) labelled.set(idOf(object), object);
  };
  const enrolled = [...mesh.workloads.values()].filter(({ settings }) => settings.enrol);
  for (const { namespace, services, settings } of enrolled.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    const labels = enrolmentLabels(settings);
    add('Namespace', { name: namespace, labels: labels.namespace });
    for (const name of services) add('Service', { name, namespace, labels: labels.service });
  }
  const waypoints = waypointObjects(mesh, className).map((object) => [idOf(object), object] as const);
  return new Map([...labelled, ...waypoints]);
}

function labelsText(object: KubeObject | undefined): string {
  const labels = Object.entries(object?.metadata.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return labels.join(', ');
}

function idOf(object: KubeObject): `${string} ${ObjectKey}` {
  return `${object.kind} ${objectKey(object)}`;
}
