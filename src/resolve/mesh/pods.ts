/** What is known of the Pods behind a selector. */
import type { ObjectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import type { Labels } from '../../kube/pods.ts';
import type { Collection } from '../../kube/snapshot.ts';
import { sameMembers } from '../memo.ts';
import { mayServe, type PodProxy, podProxy, serviceAccountOf } from './pod-proxy.ts';

/** Pods that may serve, by namespace; a list stays the same while its Pods do. */
export function podsByNamespace(): (pods: Collection<Pod>) => ReadonlyMap<string, readonly Pod[]> {
  let last: { readonly pods: Collection<Pod>; readonly lists: ReadonlyMap<string, readonly Pod[]> } | undefined;
  return (pods) => {
    if (last?.pods === pods) return last.lists;
    const before = last?.lists;
    const lists: Map<string, readonly Pod[]> = Map.groupBy(
      [...pods.values()].filter(mayServe),
      ({ metadata }) => metadata.namespace ?? 'default',
    );
    for (const [namespace, list] of lists) {
      const old = before?.get(namespace);
      if (old !== undefined && sameMembers(old, list)) lists.set(namespace, old);
    }
    last = { pods, lists };
    return lists;
  };
}

export function selects(selector: Labels, labels: Labels | undefined): boolean {
  for (const key of Object.keys(selector)) if (labels?.[key] !== selector[key]) return false;
  return true;
}

export interface PodFacts {
  /** How many. */
  readonly count: number;
  readonly proxies: ReadonlySet<PodProxy>;
  /** Sorted. */
  readonly serviceAccounts: readonly ObjectKey[];
}

export function podFacts(pods: readonly Pod[]): PodFacts {
  return {
    count: pods.length,
    proxies: new Set(pods.map(podProxy)),
    serviceAccounts: [...new Set(pods.map(serviceAccountOf))].toSorted(),
  };
}

/** Numbers of the container ports with that name, sorted. */
export function namedPorts(pods: readonly Pod[], name: string): readonly number[] {
  const numbers = pods.flatMap(({ spec }) =>
    [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ ports = [] }) =>
      ports.filter((port) => port.name === name).map(({ containerPort }) => containerPort),
    ),
  );
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}
