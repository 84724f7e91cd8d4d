/** Ports that nothing names any more, of workloads that are named. */
import type { SecurityObject } from '../../../istio/security.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import { withKeptPorts } from './kept.ts';
import { Releases } from './release.ts';
import type { Stored } from './stored.ts';

/** What is to be there; `releaseInMs` when less of it is. */
export interface WithKeptPorts {
  readonly objects: readonly SecurityObject[];
  readonly releaseInMs?: number;
}

interface Around {
  /** Kept of the same Pods by other names. */
  readonly keptOf: readonly ObjectKey[];
  /** Every gateway says Release. */
  readonly isReleased: boolean;
}

/** They open as a workload does: where every gateway says Release, and not at once. */
export class KeptPorts {
  readonly #stored: Stored;
  readonly #releases: Releases;

  constructor(stored: Stored, clock: { monotonic(): number }) {
    this.#stored = stored;
    this.#releases = new Releases(clock);
  }

  of(key: ObjectKey, desired: readonly SecurityObject[], { keptOf, isReleased }: Around): WithKeptPorts {
    const besides = keptOf.flatMap((other) => this.#stored.of(other));
    const objects = withKeptPorts(desired, this.#stored.of(key), besides);
    if (objects === desired) this.#releases.forget(key);
    if (objects === desired || !isReleased) return { objects };
    const releaseInMs = this.#releases.leftMs(key, this.#stored.count);
    return releaseInMs === 0 ? { objects: desired } : { objects, releaseInMs };
  }
}
