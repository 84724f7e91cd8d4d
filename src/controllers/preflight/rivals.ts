/**
 * Whether another operator serves the same class where we do: each would write over what the other wrote. Told by Leases: one
 * that is renewed has a live holder. An operator without leader election takes none, and so sees others and is not seen.
 */
import { ApiError, type Client } from '../../kube/client.ts';
import { type KubeObject, objectKey } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import type { Finding } from './finding.ts';

/** On every Lease of an operator: how others find it. */
export const leaseClassLabel = 'evengate.dev/class';
/** Comma-separated; `*` for all. */
export const leaseNamespacesAnnotation = 'evengate.dev/watch-namespaces';
export const leaseVersionAnnotation = 'evengate.dev/version';
const all = '*';

export interface LeaseMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** coordination.k8s.io/v1 */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly renewTime?: string;
  };
}

export interface Operation {
  readonly className: string;
  /** All when absent. */
  readonly namespaces?: readonly string[] | undefined;
}

export function leaseMetadata({ className, namespaces }: Operation, version: string): LeaseMetadata {
  const watched = namespaces === undefined ? all : [...namespaces].toSorted().join();
  return {
    labels: { [leaseClassLabel]: className },
    annotations: { [leaseNamespacesAnnotation]: watched, [leaseVersionAnnotation]: version },
  };
}

/** Undefined where it watches all, or does not say. */
export function leaseNamespacesOf({ metadata }: Lease): readonly string[] | undefined {
  const watched = metadata.annotations?.[leaseNamespacesAnnotation] ?? all;
  return watched === all ? undefined : watched.split(',');
}

export interface RivalOptions extends Operation {
  readonly client: Client;
  readonly clock: { now(): number; monotonic(): number };
  /** `namespace/name` of our own Lease, whoever of us holds it; none when absent. */
  readonly lease?: string | undefined;
}

/** A holder whose last renewal is older than this when first seen is gone, whatever clocks differ by. */
const longGoneMs = 60_000;
const usualSeconds = 15;

export class Rivals {
  readonly #options: RivalOptions;
  /** Of each Lease its last renewal, and when that was first seen: clocks of other machines are not believed. */
  readonly #seen = new Map<string, { readonly renewed: string; readonly at: number }>();

  constructor(options: RivalOptions) {
    this.#options = options;
  }

  async check(signal?: AbortSignal): Promise<readonly Finding[]> {
    const { client, className } = this.#options;
    const labelSelector = `${leaseClassLabel}=${className}`;
    try {
      const leases = await client.list<Lease>(resources.Lease, { labelSelector, ...(signal && { signal }) });
      return this.#judge(leases);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 403) throw error;
      const said = `whether another operator serves class ${className} is not known, for Leases may not be listed`;
      return [{ check: 'class', level: 'unknown', said }];
    }
  }

  #judge(leases: readonly Lease[]): readonly Finding[] {
    const { className, lease: own } = this.#options;
    // Of all, so that each is known from the first time that it was listed.
    const live = leases.filter((lease) => this.#isLive(lease));
    const rivals = live.filter((lease) => objectKey(lease) !== own && this.#overlaps(lease));
    if (rivals.length === 0)
      return [{ check: 'class', level: 'ok', said: `no other operator serves class ${className}` }];
    return rivals.map(({ metadata, spec }) => ({
      check: 'class',
      level: 'problem',
      said: `namespace ${metadata.namespace ?? ''} already runs an operator of class ${className} (Lease ${metadata.name}, held by ${spec?.holderIdentity ?? ''})`,
      remedy: 'give one of them another --class, or uninstall it; this one goes on when the other has ended',
    }));
  }

  #isLive(lease: Lease): boolean {
    const { holderIdentity = '', leaseDurationSeconds = usualSeconds, renewTime = '' } = lease.spec ?? {};
    if (holderIdentity === '') return false;
    const { clock } = this.#options;
    const key = objectKey(lease);
    const known = this.#seen.get(key);
    if (known?.renewed === renewTime) return clock.monotonic() - known.at < leaseDurationSeconds * 1000;
    const isLongGone = known === undefined && clock.now() - Date.parse(renewTime) > longGoneMs;
    this.#seen.set(key, { renewed: renewTime, at: isLongGone ? Number.NEGATIVE_INFINITY : clock.monotonic() });
    return !isLongGone;
  }

  #overlaps(lease: Lease): boolean {
    const { namespaces } = this.#options;
    const theirs = leaseNamespacesOf(lease);
    return theirs === undefined || namespaces === undefined || theirs.some((one) => namespaces.includes(one));
  }
}
