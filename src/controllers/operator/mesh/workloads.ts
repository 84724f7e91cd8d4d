/** Each workload as Istio's objects: written where they differ, in an order that leaves no gap, and removed in the reverse. */
import type { Gateway } from '../../../ir/gateway.ts';
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { SecurityObject } from '../../../istio/security.ts';
import { keyOf, type ObjectKey } from '../../../kube/object.ts';
import { reaches, type WorkloadState, type WorkloadStates } from '../../../reconcilers/mesh.ts';
import { meshObjects } from '../../../render/mesh.ts';
import type { Resolution } from '../../../resolve/resolve.ts';
import type { View } from '../world.ts';
import { Abandoned, type AbandonedWorld, soonest } from './abandoned.ts';
import { Ahead } from './ahead.ts';
import type { MeshSources } from './caches.ts';
import { ofItsPods } from './former.ts';
import { type GateWorld, inTheWay } from './gate.ts';
import { isClosing, isKept, withKeptPorts } from './kept.ts';
import { KeptPorts } from './kept-ports.ts';
import { against } from './read-back.ts';
import { isReleased, Releases } from './release.ts';
import { Senders, type SendersOptions } from './senders.ts';
import { Stored, securityKinds, unreachable } from './stored.ts';
import { type Successions, successions } from './succession.ts';
import { whileUnknown } from './travelling.ts';
import { Waypoints } from './waypoints.ts';
import { type Applied, type Trying, Writer, type WriterOptions } from './writer.ts';

export interface WorkloadsOptions extends WriterOptions, GateWorld, SendersOptions {
  readonly clock: SendersOptions['clock'];
  readonly sources: WriterOptions['sources'] & Pick<MeshSources, 'Pod'>;
  readonly className: string;
  readonly view: () => View | undefined;
  /** A workload has to be looked at. */
  readonly enqueue: (workload: ObjectKey) => void;
  /** A state changed. */
  readonly onTold: () => void;
}

const waitingMs = 5000;

type Again = { readonly requeueAfterMs?: number };

export class Workloads {
  readonly #options: WorkloadsOptions;
  readonly #stored: Stored;
  readonly #successions: Successions;
  readonly #writer: Writer;
  readonly #releases: Releases;
  readonly #ports: KeptPorts;
  readonly #ahead: Ahead;
  readonly #waypoints: Waypoints;
  readonly #senders: Senders;
  readonly #abandoned: Abandoned;
  readonly #states = new Map<ObjectKey, WorkloadState>();
  /** Looked at again when Envoys or Istio have answered. */
  readonly #waiting = new Set<ObjectKey>();
  #released = false;

  constructor(options: WorkloadsOptions) {
    const { clock, sources, className, enqueue } = options;
    this.#options = options;
    this.#senders = new Senders(options);
    this.#ahead = new Ahead(clock);
    this.#releases = new Releases(clock);
    this.#stored = new Stored(sources, className, (workload, gone) => {
      if (gone !== undefined) this.#writer.forget(gone);
      enqueue(workload);
    });
    this.#ports = new KeptPorts(this.#stored, clock);
    this.#successions = successions(this.#stored);
    this.#writer = new Writer(options, this.#stored);
    const parts = { stored: this.#stored, writer: this.#writer, successions: this.#successions };
    this.#abandoned = new Abandoned({ ...options, ...parts, releases: this.#releases, pods: sources.Pod });
    this.#waypoints = new Waypoints(sources.Pod, (moved) => {
      this.#behindWaypoints((_, waypoint) => waypoint === moved);
    });
  }

  /** By workload; the same value while it is the same. */
  get states(): WorkloadStates {
    return this.#states;
  }

  /** Something is closed in the namespace that nothing names: it is kept, or edges still send to it. */
  closes(namespace: string): boolean {
    const named = this.#options.view()?.resolution.mesh.workloads;
    const others = [...this.#stored.workloads].filter((key) => key.startsWith(`${namespace}/`) && !named?.has(key));
    return others.some((key) => this.#stored.of(key).some(isClosing));
  }

  /** Those that are there, and those that there were. */
  changed(before: Resolution | undefined, now: Resolution): void {
    const [old, fresh] = [before?.mesh.workloads ?? new Map<ObjectKey, MeshWorkload>(), now.mesh.workloads];
    const released = isReleased(this.#options.view()?.snapshot.ApiGateway ?? new Map(), this.#options.className);
    if (released !== this.#released) this.all();
    this.#released = released;
    if (before?.mesh === now.mesh && before.gateways === now.gateways) return;
    for (const [key, workload] of fresh) {
      if (old.get(key) === workload) continue;
      this.#ahead.changed(workload);
      this.#options.enqueue(key);
    }
    for (const key of old.keys()) {
      if (fresh.has(key)) continue;
      this.#ahead.gone(key);
      this.#options.enqueue(key);
    }
    if (before === undefined) this.all();
    this.moved();
  }

  /** How long the Envoys of a gateway are not to be told of a change yet, for what they would send is not admitted yet. */
  leftMs(key: ObjectKey, gateway: Gateway): number {
    if (gateway.mesh === undefined) return 0;
    return this.#ahead.leftMs(key, (workload) => reaches(gateway, workload));
  }

  /** Envoys or Istio have answered; Istio says of Services whether they have their waypoint. */
  moved(services: readonly ObjectKey[] = []): void {
    for (const key of this.#waiting) this.#options.enqueue(key);
    if (services.length === 0) return;
    const moved = new Set(services);
    this.#behindWaypoints(({ namespace, services: own }) => own.some((name) => moved.has(keyOf(namespace, name))));
  }

  #behindWaypoints(concerns: (workload: MeshWorkload, waypoint: ObjectKey) => boolean): void {
    for (const [key, workload] of this.#options.view()?.resolution.mesh.workloads ?? []) {
      const { namespace, settings } = workload;
      if (settings.waypoint === undefined) continue;
      if (concerns(workload, keyOf(namespace, settings.waypoint.name))) this.#options.enqueue(key);
    }
  }

  /** Istio's kinds are there, or gone. */
  all(): void {
    for (const key of this.#options.view()?.resolution.mesh.workloads.keys() ?? []) this.#options.enqueue(key);
    for (const key of this.#stored.workloads) this.#options.enqueue(key);
  }

  close(): void {
    this.#stored.close();
    this.#waypoints.close();
    this.#abandoned.close();
  }

  /** Throws the first ApiError that was met, so that it is tried again. */
  async reconcile(key: ObjectKey, trying: Trying): Promise<Again> {
    const { view: look, sources } = this.#options;
    const view = look();
    this.#waiting.delete(key);
    if (view === undefined) return {};
    const workload = view.resolution.mesh.workloads.get(key);
    const why = unreachable(sources);
    // They tell when they have been listed.
    if (why === undefined && !securityKinds.every((kind) => sources[kind].synced)) return {};
    try {
      if (why !== undefined) return this.#tell(key, workload && why);
      const { requeueAfterMs: ms } = await this.#enforce(key, workload, { view, ...trying });
      const againInMs = soonest(ms, this.#waiting.has(key) ? this.#senders.drainedMs(view.resolution) : undefined);
      return againInMs === undefined ? {} : { requeueAfterMs: againInMs };
    } finally {
      if (workload !== undefined) this.#ahead.settled(workload, false);
      // What is kept of its Pods waits for what came of it.
      const others = workload && this.#abandoned.concernedBy(workload, view.resolution.mesh.workloads);
      for (const one of others ?? []) this.#options.enqueue(one);
    }
  }

  async #enforce(key: ObjectKey, workload: MeshWorkload | undefined, looking: Looking): Promise<Again> {
    const { view } = looking;
    const desired = workload && this.#desired(workload, view.resolution);
    if (workload === undefined || desired === undefined || desired.length === 0) {
      return (await this.#leave(key, looking)) ?? this.#abandon(key, view, looking);
    }
    this.#releases.forget(key);
    const keptOf = this.#successions.keptOf(workload, view.resolution.mesh.workloads);
    const released = isReleased(view.snapshot.ApiGateway, this.#options.className);
    const { objects, releaseInMs } = this.#ports.of(key, desired, { keptOf, isReleased: released });
    const { requeueAfterMs = releaseInMs } = await this.#keep(workload, objects, looking);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  #desired(workload: MeshWorkload, resolution: Resolution): readonly SecurityObject[] {
    const travelling = this.#senders.travelling(workload, resolution);
    if (travelling.isAwaited) this.#waiting.add(workload.key);
    return meshObjects(travelling.workload, this.#options.className);
  }

  async #keep(
    workload: MeshWorkload,
    desired: readonly SecurityObject[],
    { view, ...trying }: Looking,
  ): Promise<Again> {
    const { key } = workload;
    const stored = this.#stored.of(key);
    const reaching = this.#senders
      .of(view.resolution)
      .filter(({ gateway }) => gateway.mesh && reaches(gateway, workload));
    const isClosed = stored.some(isClosing);
    const why = isClosed ? undefined : inTheWay(workload, reaching, this.#options);
    if (why !== undefined) {
      this.#waiting.add(key);
      return { ...this.#tell(key, { kind: 'waiting', message: why }), requeueAfterMs: waitingMs };
    }
    const left = await this.#abandoned.leave(workload, desired, this.#world(view), trying);
    if (left !== undefined) return this.#applied(key, left, this.#appliedState(workload));
    const unknownMs = isClosed ? this.#senders.unknownMs(reaching) : 0;
    if (unknownMs > 0) {
      this.#waiting.add(key);
      const more = whileUnknown(desired, stored, reaching);
      this.#applied(key, await this.#write(workload, more, false, trying), this.#appliedState(workload));
      return { requeueAfterMs: unknownMs };
    }
    // What is closed gets all that it can get; what is open stays so until it can have each, or requests would be lost.
    const applied = await this.#write(workload, desired, !isClosed, trying);
    if (applied.state === undefined) await this.#writer.prune(key, desired, trying.signal);
    return this.#applied(key, applied, this.#appliedState(workload));
  }

  async #write(workload: MeshWorkload, objects: readonly SecurityObject[], whole: boolean, trying: Trying) {
    // It is open only when what closed it has gone.
    const isClosed = workload.settings.enforcement === 'Enforce' || this.#stored.of(workload.key).some(isClosing);
    const applied = await this.#writer.apply(objects, whole, trying);
    if (isClosed) this.#ahead.settled(workload, applied.written === true);
    return applied;
  }

  #applied(key: ObjectKey, { state, error, againInMs }: Applied, usual: WorkloadState): Again {
    this.#tell(key, state ?? usual);
    if (error !== undefined) throw error;
    return againInMs === undefined ? {} : { requeueAfterMs: againInMs };
  }

  /** Nothing names it any more, and Envoys may still send to it: until they have acknowledged that they are not to, they may. */
  async #leave(key: ObjectKey, { view, ...trying }: Looking): Promise<Again | undefined> {
    const stored = this.#stored.of(key);
    const leaving = this.#senders.leaving(key, view.resolution);
    const requeueAfterMs = this.#senders.unknownMs(this.#senders.of(view.resolution));
    if (stored.every((object) => isKept(object) || !isClosing(object))) return undefined;
    if (leaving === undefined && requeueAfterMs === 0) return undefined;
    this.#waiting.add(key);
    if (leaving === undefined) return { requeueAfterMs };
    const objects = withKeptPorts(meshObjects(ofItsPods(leaving, stored), this.#options.className), stored);
    const { error } = await this.#writer.apply(objects, false, trying);
    if (error !== undefined) throw error;
    return {};
  }

  async #abandon(key: ObjectKey, view: View, trying: Trying): Promise<Again> {
    const fate = await this.#abandoned.reconcile(key, this.#world(view), trying);
    if (fate === 'soon') return {};
    if (fate !== 'gone') return this.#applied(key, fate, { kind: 'kept' });
    this.#senders.forget(key);
    return this.#tell(key, undefined);
  }

  #world(view: View): AbandonedWorld {
    const { resolution } = view;
    const desired = (workload: MeshWorkload) => this.#desired(workload, resolution);
    return {
      view,
      states: this.#states,
      named: resolution.mesh.workloads,
      edges: this.#senders.of(resolution),
      desired,
    };
  }

  #appliedState(workload: MeshWorkload): WorkloadState {
    const { service } = this.#options;
    const isSilent = (waypoint: ObjectKey) => this.#waypoints.isSilent(waypoint);
    const said = against(workload, { stored: this.#stored.of(workload.key), service, isSilent });
    return { kind: 'applied', ...(said && { against: said }) };
  }

  #tell(key: ObjectKey, state: WorkloadState | undefined): Again {
    if (JSON.stringify(this.#states.get(key)) === JSON.stringify(state)) return {};
    if (state === undefined) this.#states.delete(key);
    else this.#states.set(key, state);
    this.#options.onTold();
    return {};
  }
}

interface Looking extends Trying {
  readonly view: View;
}
