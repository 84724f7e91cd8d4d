/**
 * The mesh is told before the edge: what the edge is about to send must be admitted when it comes. Istio acknowledges nothing,
 * so that after a write it is given time.
 */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { ObjectKey } from '../../../kube/object.ts';

/** istiod gathers changes for a tenth of a second (PILOT_DEBOUNCE_AFTER), and pushes them; an Envoy of ours takes another one to serve. */
const propagationMs = 300;
/** Whatever goes on in the mesh, the edge is not kept waiting longer. */
const longestMs = 2000;
/** Nobody has looked at a workload yet: it is being done. */
const lookAgainMs = 20;

export class Ahead {
  readonly #clock: { monotonic(): number };
  /** Workloads that changed, and that were not looked at since. */
  readonly #open = new Map<ObjectKey, MeshWorkload>();
  /** Those that were written for a change, and when. */
  readonly #written = new Map<MeshWorkload, number>();
  /** Gateways that wait, and since when. */
  readonly #since = new Map<ObjectKey, number>();

  constructor(clock: { monotonic(): number }) {
    this.#clock = clock;
  }

  changed(workload: MeshWorkload): void {
    this.#open.set(workload.key, workload);
  }

  gone(key: ObjectKey): void {
    this.#open.delete(key);
  }

  /** It was looked at; `written` when Istio was told something by that. */
  settled(workload: MeshWorkload, written: boolean): void {
    const open = this.#open.get(workload.key);
    if (open !== undefined && written) this.#written.set(workload, this.#clock.monotonic());
    if (open === workload) this.#open.delete(workload.key);
  }

  /** How long the Envoys of a gateway are not to be told yet; 0 for no longer. `reached`: those that it sends to. */
  leftMs(gateway: ObjectKey, reached: (workload: MeshWorkload) => boolean): number {
    const now = this.#clock.monotonic();
    for (const [workload, at] of this.#written) if (at + propagationMs <= now) this.#written.delete(workload);
    const left = this.#needsMs(now, reached);
    if (left === 0) {
      this.#since.delete(gateway);
      return 0;
    }
    const since = this.#since.get(gateway) ?? now;
    this.#since.set(gateway, since);
    return Math.max(0, Math.min(left, since + longestMs - now));
  }

  #needsMs(now: number, reached: (workload: MeshWorkload) => boolean): number {
    const written = [...this.#written].filter(([workload]) => reached(workload));
    const left = Math.max(0, ...written.map(([, at]) => at + propagationMs - now));
    return left === 0 && [...this.#open.values()].some(reached) ? lookAgainMs : left;
  }
}
