/**
 * Services that Routes name and our cache does not have: each kind is watched by itself, so that a Route may be seen before a Service
 * that was there before it. What is not there answers 500, so the API server is asked first.
 */
import type { Service } from '../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Collection } from '../../kube/snapshot.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import type { Clock } from '../../runtime/clock.ts';

export interface AbsencesOptions {
  /** False where the API server has none. Throws ApiError. */
  readonly isThere: (service: ObjectKey) => Promise<boolean>;
  /** Something is known that was not. */
  readonly onKnown: () => void;
  readonly clock: Pick<Clock, 'sleep'>;
}

/** Nobody makes so many in one moment: they are not there. */
const mostAsked = 50;
/** Our cache should have what is there by then; it may be gone again. */
const askAgainMs = 1000;

/** Of one question. */
interface Known {
  absent: boolean;
}

export class Absences {
  readonly #options: AbsencesOptions;
  readonly #known = new Map<ObjectKey, Known>();

  constructor(options: AbsencesOptions) {
    this.#options = options;
  }

  /** Whether all that is missing is known not to be there; asks where it is not. */
  areKnown(missing: ReadonlySet<ObjectKey>): boolean {
    for (const key of this.#known.keys()) if (!missing.has(key)) this.#known.delete(key);
    const fresh = [...missing].filter((key) => !this.#known.has(key));
    for (const [index, key] of fresh.entries()) {
      const known: Known = { absent: index >= mostAsked };
      this.#known.set(key, known);
      if (!known.absent) void this.#ask(key, known);
    }
    return [...this.#known.values()].every(({ absent }) => absent);
  }

  async #ask(key: ObjectKey, known: Known): Promise<void> {
    const { isThere, onKnown, clock } = this.#options;
    // An API server that does not answer says so to everybody else, and nothing waits for it here.
    known.absent = !(await isThere(key).catch(() => false));
    if (!known.absent) await clock.sleep(askAgainMs);
    if (this.#known.get(key) !== known) return;
    if (!known.absent) this.#known.delete(key);
    onKnown();
  }
}

/** Services that Routes name in vain. */
export function missingServices(
  { findings, references }: Pick<Resolution, 'findings' | 'references'>,
  services: Collection<Service>,
): ReadonlySet<ObjectKey> {
  const routes = findings.flatMap(({ reason, about: { kind, namespace, name } }) =>
    reason === 'BackendNotFound' && kind === 'Route' ? [keyOf(namespace, name)] : [],
  );
  const named = [...new Set(routes)].flatMap((route) => references.services(route));
  return new Set(named.filter((key) => !services.has(key)));
}
