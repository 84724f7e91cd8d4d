/** What opens because nobody names it any more: only where every gateway says so, and not at once. */
import { classOf } from '../../../ir/class-name.ts';
import type { KubeObject, ObjectKey } from '../../../kube/object.ts';
import type { Collection } from '../../../kube/snapshot.ts';

/** A Route that is deleted and applied again, as some tools do, opens nothing. */
const patienceMs = 10_000;
/** A list that came back short, or a mistake: somebody has the time to see it. */
const massPatienceMs = 300_000;
const fewestOfMass = 10;

/** Every ApiGateway of the class that says anything of a mesh says Release. */
export function isReleased(gateways: Collection, className: string): boolean {
  const said = [...gateways.values()]
    .filter((gateway) => classOf(gateway) === className)
    .flatMap(({ spec }) => meshOf(spec) ?? []);
  return said.length > 0 && said.every(({ onLastPolicy }) => onLastPolicy === 'Release');
}

function meshOf(spec: KubeObject['spec']): { readonly onLastPolicy?: unknown } | undefined {
  return ((spec ?? {}) as { readonly mesh?: { readonly onLastPolicy?: unknown } }).mesh;
}

export class Releases {
  readonly #clock: { monotonic(): number };
  /** Since when nothing names them. */
  readonly #since = new Map<ObjectKey, number>();

  constructor(clock: { monotonic(): number }) {
    this.#clock = clock;
  }

  /** It is named, or gone. */
  forget(workload: ObjectKey): void {
    this.#since.delete(workload);
  }

  /** Milliseconds for which it still has to wait; `all` is how many workloads there are. */
  leftMs(workload: ObjectKey, all: number): number {
    const now = this.#clock.monotonic();
    const since = this.#since.get(workload) ?? now;
    this.#since.set(workload, since);
    const many = this.#since.size >= fewestOfMass && this.#since.size > all / 2;
    return Math.max(0, since + (many ? massPatienceMs : patienceMs) - now);
  }
}
