/** The Pods of each gateway, as its delivery and its status look at them. */
import type { EdgeFleet, EdgePod } from '../../delivery/configmap.ts';
import type { ObjectKey, ObjectRef } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { isReady } from '../../reconcilers/pods.ts';
import { envoyContainer } from '../../render/envoy-process.ts';
import { podSelector } from '../../render/names.ts';
import type { Cache } from './collections.ts';
import { refKey } from './secrets.ts';

/** `shop/evengate.dev/gateway=edge,…`: the Pods of one gateway share it. */
export type FleetKey = string;

export class Pods {
  readonly #unlisten: () => void;
  readonly #byFleet = new Map<FleetKey, Map<ObjectKey, Pod>>();
  readonly #waiting = new Map<FleetKey, Set<() => void>>();
  readonly #listeners = new Set<(fleet: FleetKey) => void>();

  constructor(cache: Cache<Pod>) {
    for (const [key, pod] of cache.snapshot()) this.#fleet(fleetOf(pod)).set(key, pod);
    this.#unlisten = cache.onChange((changes) => {
      for (const { kind, key, object } of changes) {
        const fleet = fleetOf(object);
        if (kind === 'deleted') this.#fleet(fleet).delete(key);
        else this.#fleet(fleet).set(key, object);
        this.#tell(fleet);
      }
    });
  }

  close(): void {
    this.#unlisten();
  }

  /** Told of every fleet of which a Pod changes. */
  onChange(listener: (fleet: FleetKey) => void): void {
    this.#listeners.add(listener);
  }

  of(gateway: ObjectRef): readonly Pod[] {
    return [...(this.#byFleet.get(fleetKey(gateway)) ?? new Map<ObjectKey, Pod>()).values()];
  }

  fleet(gateway: ObjectRef): EdgeFleet {
    return {
      pods: () => this.of(gateway).map(edgePod),
      changed: (signal) => this.#changed(fleetKey(gateway), signal),
    };
  }

  #fleet(key: FleetKey): Map<ObjectKey, Pod> {
    const fleet = this.#byFleet.get(key) ?? new Map<ObjectKey, Pod>();
    this.#byFleet.set(key, fleet);
    return fleet;
  }

  #tell(fleet: FleetKey): void {
    const waiting = this.#waiting.get(fleet);
    this.#waiting.delete(fleet);
    for (const wake of waiting ?? []) wake();
    for (const listener of this.#listeners) listener(fleet);
  }

  async #changed(fleet: FleetKey, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(fleet) ?? new Set();
    this.#waiting.set(fleet, waiting.add(resolve));
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', stop);
      waiting.delete(resolve);
    }
  }
}

export function fleetKey(gateway: ObjectRef): FleetKey {
  const labels = Object.entries(podSelector(gateway)).map(([name, value]) => `${name}=${value}`);
  return refKey({ namespace: gateway.namespace, name: labels.toSorted().join() });
}

/** What `fleetKey` says of the Pod's gateway. */
function fleetOf({ metadata: { namespace = '', labels = {} } }: Pod): FleetKey {
  const names = Object.keys(podSelector({ kind: 'ApiGateway', namespace, name: '' }));
  const own = names.map((name) => `${name}=${labels[name] ?? ''}`);
  return refKey({ namespace, name: own.toSorted().join() });
}

export function edgePod(pod: Pod): EdgePod {
  const { name, namespace = '', uid = '', deletionTimestamp } = pod.metadata;
  const { containerStatuses: containers = [] } = pod.status ?? {};
  return {
    name,
    namespace,
    uid,
    ip: pod.status?.podIP ?? '',
    ready: isReady(pod),
    terminating: deletionTimestamp !== undefined,
    restarts: containers.find((one) => one.name === envoyContainer)?.restartCount ?? 0,
  };
}
