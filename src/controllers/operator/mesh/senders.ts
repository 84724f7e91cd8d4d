/** The edges, by what their Envoys serve: what they may send to workloads now, whatever they are to send. */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import { reaches } from '../../../reconcilers/mesh.ts';
import { servesYetMs } from '../../../reconcilers/pods.ts';
import type { Resolution } from '../../../resolve/resolve.ts';
import type { GateWorld } from './gate.ts';
import { areGuardedAlike } from './guarded-alike.ts';
import { type Edge, hasAcknowledged, whileLeaving, whileTravelling } from './travelling.ts';

export interface SendersOptions extends Pick<GateWorld, 'podsOf'> {
  readonly clock: { monotonic(): number; now(): number };
  /** By ApiGateway: what every Ready Envoy has acknowledged last. */
  readonly served: () => ReadonlyMap<ObjectKey, Resolution>;
  /** What Envoys of one may serve beside that. */
  readonly besides: (gateway: ObjectKey) => readonly Resolution[];
}

/** After a restart all Envoys are asked what they serve, and answer within this. */
const longestUnknownMs = 10_000;

export class Senders {
  readonly #options: SendersOptions;
  readonly #since: number;
  /** Workloads as they were named last. */
  readonly #last = new Map<ObjectKey, MeshWorkload>();

  constructor(options: SendersOptions) {
    this.#options = options;
    this.#since = options.clock.monotonic();
  }

  of(now: Resolution): readonly Edge[] {
    const served = this.#options.served();
    return [...now.gateways].map(([key, gateway]) => {
      const besides = this.#options.besides(key).filter((one) => one !== now);
      return {
        key,
        gateway,
        served: served.get(key),
        besides: (workload) => besides.filter((before) => isAdmittedOn(before, now, { gateway: key, workload })),
      };
    });
  }

  /** A workload with what is still sent to it; to be looked at again when Envoys have moved where `isAwaited`. */
  travelling(
    workload: MeshWorkload,
    now: Resolution,
  ): { readonly workload: MeshWorkload; readonly isAwaited: boolean } {
    this.#last.set(workload.key, workload);
    const edges = this.of(now);
    const travelling = whileTravelling(workload, edges);
    const isBehind = edges.some((edge) => !hasAcknowledged(edge) && reaches(edge.gateway, workload));
    return { workload: travelling, isAwaited: travelling !== workload || isBehind };
  }

  /** One that nothing names any more, as it was, with what is still sent to it; undefined where nothing is. */
  leaving(key: ObjectKey, now: Resolution): MeshWorkload | undefined {
    const last = this.#last.get(key);
    return last && whileLeaving(last, this.of(now));
  }

  /** Nothing is there for it any more. */
  forget(key: ObjectKey): void {
    this.#last.delete(key);
  }

  /** For so long it may be that nobody knows what Envoys of these serve. */
  unknownMs(edges: readonly Edge[]): number {
    const isUnknown = edges.some((edge) => edge.served === undefined && this.#options.podsOf(edge).length > 0);
    return isUnknown ? Math.max(0, this.#since + longestUnknownMs - this.#options.clock.monotonic()) : 0;
  }

  /** For so long at most an Envoy is drained; undefined where none is. Of one that is lost with its node nobody tells. */
  drainedMs(now: Resolution): number | undefined {
    const { clock, podsOf } = this.#options;
    const left = this.of(now).flatMap((edge) => podsOf(edge).map((pod) => servesYetMs(pod, clock.now())));
    const longest = left.reduce((most, ms) => Math.max(most, ms), 0);
    return longest === 0 ? undefined : longest;
  }
}

interface At {
  readonly gateway: ObjectKey;
  readonly workload: ObjectKey;
}

/** Whether what was served then is admitted on: it is something else, and nobody has said since who may reach the workload. */
function isAdmittedOn(before: Resolution, now: Resolution, { gateway, workload: key }: At): boolean {
  const workload = before.mesh.workloads.get(key);
  if (workload === undefined || workload === now.mesh.workloads.get(key)) return false;
  return areGuardedAlike(before, now, { gateway, workload });
}
