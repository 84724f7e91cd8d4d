/** The loop: what the caches tell becomes a view of the world; what differs in it is what has to be worked on. */
import type { KubeObject, ObjectKey } from '../../kube/object.ts';
import { type ReportedKind, reportedKinds } from '../../reconcilers/statuses.ts';
import { type Address, type StatusWorld, statusWorld } from '../../reconcilers/world.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import { noTracer, type Tracer } from '../../runtime/tracing.ts';
import type { Finding } from '../../status/finding.ts';
import type { Edges } from './edges.ts';
import type { Fleets } from './fleets.ts';
import type { Workloads } from './mesh/workloads.ts';
import { Pace, type Timers } from './pace.ts';
import type { Undelivered } from './refusals.ts';
import type { Statuses } from './statuses.ts';
import type { View, World } from './world.ts';

export interface LoopOptions {
  readonly world: World;
  readonly timers: Timers;
  readonly edges: Edges;
  readonly fleets: Fleets;
  readonly statuses: Statuses;
  readonly undelivered: Undelivered;
  readonly mesh: {
    readonly workloads: Pick<Workloads, 'changed' | 'moved' | 'states'>;
    readonly enrol: () => void;
    readonly findings: readonly Finding[];
  };
  readonly addresses: () => ReadonlyMap<ObjectKey, readonly Address[]>;
  readonly enqueue: {
    readonly edge: (key: ObjectKey) => void;
    readonly fleet: (key: ObjectKey) => void;
    readonly status: (key: string) => void;
  };
  /** Milliseconds of one resolution. */
  readonly measured?: (ms: number) => void;
  readonly tracer?: Tracer | undefined;
}

/** For so long, an object that has not answered holds back what depends on it. */
const longestWaitMs = 10_000;

export class Loop {
  readonly #options: LoopOptions;
  readonly #resolving: Pace;
  readonly #reporting: Pace;
  #view: View | undefined;
  #status: StatusWorld | undefined;
  #findings: readonly Finding[] = [];
  #incompleteSince: number | undefined;
  #cancelWait: () => void = () => undefined;
  #running = false;

  constructor(options: LoopOptions) {
    this.#options = options;
    const { tracer = noTracer, timers } = options;
    // One change, and all that comes of it, is one trace.
    this.#resolving = new Pace(timers, () => tracer.span('change', {}, () => this.#resolve()));
    this.#reporting = new Pace(timers, () => this.#report());
  }

  get enqueue(): LoopOptions['enqueue'] {
    return this.#options.enqueue;
  }

  get view(): View | undefined {
    return this.#view;
  }

  get status(): StatusWorld | undefined {
    return this.#status;
  }

  /** Of all objects, whoever found them. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  start(): void {
    this.#running = true;
    this.changed();
  }

  stop(): void {
    this.#running = false;
    this.#cancelWait();
    this.#resolving.stop();
    this.#reporting.stop();
  }

  /** A cache changed. */
  changed(): void {
    if (this.#running) this.#resolving.poke();
  }

  /** Something that only statuses tell of changed. */
  told(): void {
    if (this.#running) this.#reporting.poke();
  }

  #resolve(): void {
    const { world, timers, measured, tracer = noTracer } = this.#options;
    const begin = timers.monotonic();
    const { view, complete } = tracer.span('resolve', {}, () => world.resolve());
    measured?.(timers.monotonic() - begin);
    if (!complete && this.#mayWait(begin)) return;
    if (complete) {
      this.#cancelWait();
      this.#incompleteSince = undefined;
    }
    const before = this.#view;
    // A status that was written, say: the caches changed, and nothing that counts.
    if (view === before) return;
    this.#view = view;
    // First, so that the edge knows what it has to wait for.
    this.#options.mesh.workloads.changed(before?.resolution, view.resolution);
    for (const key of gatewayKeys(before, view)) this.#compare(key, before?.resolution, view.resolution);
    this.#options.mesh.enrol();
    this.told();
  }

  /** Named objects tell when they answer; and after a while it goes on without them, and what they say stays shut. */
  #mayWait(now: number): boolean {
    this.#incompleteSince ??= now;
    const left = this.#incompleteSince + longestWaitMs - now;
    this.#cancelWait();
    if (left <= 0) return false;
    this.#cancelWait = this.#options.timers.after(left, () => this.changed());
    return true;
  }

  #compare(key: ObjectKey, before: Resolution | undefined, now: Resolution): void {
    const { enqueue } = this.#options;
    const gateway = before?.gateways.get(key) !== now.gateways.get(key);
    const unit = before?.gatewayUnits.get(key) !== now.gatewayUnits.get(key);
    if (gateway || unit) enqueue.edge(key);
    // Routes change nothing of a fleet.
    if (unit || (gateway && (before?.gateways.has(key) ?? false) !== now.gateways.has(key))) enqueue.fleet(key);
  }

  #report(): void {
    const view = this.#view;
    if (view === undefined) return;
    const { edges, fleets, statuses, undelivered, mesh, addresses, enqueue } = this.#options;
    const found = [edges, fleets, undelivered, mesh].flatMap(({ findings: own }) => own);
    this.#findings = [...view.resolution.findings, ...found];
    this.#status = statusWorld(view.resolution, this.#findings, {
      deliveries: edges.deliveries,
      served: edges.served,
      workloads: mesh.workloads.states,
      addresses: addresses(),
    });
    // Envoys have answered, it may be.
    mesh.workloads.moved();
    const objects = Object.fromEntries(reportedKinds.map((kind) => [kind, view.snapshot[kind]]));
    const all = objects as Record<ReportedKind, ReadonlyMap<ObjectKey, KubeObject>>;
    for (const key of statuses.changed(this.#status, all)) enqueue.status(key);
  }
}

function gatewayKeys(before: View | undefined, now: View): ReadonlySet<ObjectKey> {
  return new Set([...(before?.snapshot.ApiGateway.keys() ?? []), ...now.snapshot.ApiGateway.keys()]);
}
