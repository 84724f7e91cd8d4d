/** Whether anybody answers at a waypoint: Istio calls it ready once its Service is there, whatever becomes of its Pods. */
import type { KubeObject, ObjectKey } from '../../../kube/object.ts';
import { keyOf, objectKey } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import { isReady } from '../../../reconcilers/pods.ts';
import type { Cache } from '../collections.ts';

/** Istio sets it on the Pods that it makes for a Gateway (manifests/charts/istio-control/istio-discovery/files/waypoint.yaml). */
const gatewayName = 'gateway.networking.k8s.io/gateway-name';

/** `namespace/name` of the Gateway whose proxy a Pod is. */
export function waypointOf({ metadata: { namespace = '', labels } }: KubeObject): ObjectKey | undefined {
  const name = labels?.[gatewayName];
  return name === undefined ? undefined : keyOf(namespace, name);
}

export class Waypoints {
  /** Their Pods, and whether each is ready. */
  readonly #pods = new Map<ObjectKey, Map<ObjectKey, boolean>>();
  readonly #unlisten: () => void;

  /** `onChange` is told of a waypoint that begins or ceases to answer. */
  constructor(pods: Cache<Pod>, onChange: (waypoint: ObjectKey) => void) {
    for (const pod of pods.snapshot().values()) this.#take(pod, false);
    this.#unlisten = pods.onChange((changes) => {
      for (const { kind, object } of changes) {
        const waypoint = waypointOf(object);
        if (waypoint === undefined) continue;
        const before = this.isSilent(waypoint);
        this.#take(object, kind === 'deleted');
        if (this.isSilent(waypoint) !== before) onChange(waypoint);
      }
    });
  }

  /** It has Pods, and none is ready; of one without Pods that are known nothing is said. */
  isSilent(waypoint: ObjectKey): boolean {
    const pods = this.#pods.get(waypoint);
    return pods !== undefined && ![...pods.values()].includes(true);
  }

  close(): void {
    this.#unlisten();
  }

  #take(pod: Pod, isGone: boolean): void {
    const waypoint = waypointOf(pod);
    if (waypoint === undefined) return;
    const known = this.#pods.get(waypoint) ?? new Map<ObjectKey, boolean>();
    if (isGone) known.delete(objectKey(pod));
    else known.set(objectKey(pod), isReady(pod));
    if (known.size === 0) this.#pods.delete(waypoint);
    else this.#pods.set(waypoint, known);
  }
}
