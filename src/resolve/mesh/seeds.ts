/** Which workloads there are: Services with one selector, of which a gateway or a policy names one. */
import type { Service } from '../../kube/core.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import type { Labels } from '../../kube/pods.ts';
import type { Collection } from '../../kube/snapshot.ts';
import { rememberLast } from '../memo.ts';
import { selects } from './pods.ts';

export interface Seed {
  readonly key: ObjectKey;
  readonly namespace: string;
  /** Names, sorted. */
  readonly services: readonly string[];
  readonly selector: Labels;
  /** Names of Services of other workloads that select some of the same Pods. */
  readonly neighbours: readonly string[];
}

/** Undefined where Istio has nothing to select: no selector, or no Pods of the cluster. */
export function selectorOf({ spec }: Service): Labels | undefined {
  const selector = spec?.selector ?? {};
  return spec?.type === 'ExternalName' || Object.keys(selector).length === 0 ? undefined : selector;
}

interface Group {
  readonly selector: Labels;
  readonly services: readonly string[];
}

/** Services of each namespace with one selector, by its text. */
export type SelectorIndex = ReadonlyMap<string, ReadonlyMap<string, Group>>;

export function selectorIndex(services: Collection<Service>): SelectorIndex {
  const index = new Map<string, Map<string, { readonly selector: Labels; readonly services: string[] }>>();
  for (const service of services.values()) {
    const selector = selectorOf(service);
    if (selector === undefined) continue;
    const { namespace = 'default', name } = service.metadata;
    const groups =
      index.get(namespace) ?? new Map<string, { readonly selector: Labels; readonly services: string[] }>();
    index.set(namespace, groups);
    const text = selectorText(selector);
    const group = groups.get(text) ?? { selector, services: [] };
    groups.set(text, group);
    group.services.push(name);
  }
  for (const groups of index.values()) for (const { services: names } of groups.values()) names.sort();
  return index;
}

function selectorText(selector: Labels): string {
  return JSON.stringify(Object.entries(selector).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

type Sow = (
  wanted: ReadonlySet<ObjectKey>,
  services: Collection<Service>,
  pods: ReadonlyMap<string, readonly Pod[]>,
) => ReadonlyMap<ObjectKey, Seed>;

/** `wanted` are keys of Services. A seed stays the same object while it says the same. */
export function seedsOf(): Sow {
  const indexOf = rememberLast(selectorIndex);
  let before: ReadonlyMap<ObjectKey, Seed> = new Map();
  return rememberLast<Parameters<Sow>, ReturnType<Sow>>((wanted, services, pods) => {
    const index = indexOf(services);
    const found = new Map<string, Map<string, Group>>();
    for (const key of wanted) {
      const service = services.get(key);
      const selector = service === undefined ? undefined : selectorOf(service);
      if (service === undefined || selector === undefined) continue;
      const { namespace = 'default' } = service.metadata;
      const text = selectorText(selector);
      const group = index.get(namespace)?.get(text);
      const groups = found.get(namespace) ?? new Map<string, Group>();
      found.set(namespace, groups);
      if (group !== undefined) groups.set(text, group);
    }
    const seeds = [...found].flatMap(([namespace, groups]) =>
      inNamespace(namespace, [...groups.values()], pods.get(namespace) ?? []),
    );
    before = new Map(
      seeds
        .map((seed) => {
          const old = before.get(seed.key);
          return [seed.key, old !== undefined && JSON.stringify(old) === JSON.stringify(seed) ? old : seed] as const;
        })
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    return before;
  });
}

function inNamespace(namespace: string, groups: readonly Group[], pods: readonly Pod[]): readonly Seed[] {
  const shared = sharers(groups, pods);
  return groups.map((group) => ({
    key: keyOf(namespace, group.services[0] ?? ''),
    namespace,
    services: group.services,
    selector: group.selector,
    neighbours: [...(shared.get(group) ?? [])].flatMap((other) => other.services).toSorted(),
  }));
}

type Sharers = ReadonlyMap<Group, ReadonlySet<Group>>;

/** Groups that select a Pod together: whoever the one selects, the other does too; or a Pod is known. */
function sharers(groups: readonly Group[], pods: readonly Pod[]): Sharers {
  const byLabel = Map.groupBy(
    groups.flatMap((group) => labelTexts(group.selector).map((text) => ({ text, group }))),
    ({ text }) => text,
  );
  const shared = new Map<Group, Set<Group>>();
  for (const labels of [
    ...groups.map(({ selector }) => selector),
    ...pods.map(({ metadata }) => metadata.labels ?? {}),
  ]) {
    const candidates = new Set(
      labelTexts(labels).flatMap((text) => (byLabel.get(text) ?? []).map(({ group }) => group)),
    );
    const selecting = candidates.size < 2 ? [] : [...candidates].filter(({ selector }) => selects(selector, labels));
    for (const group of selecting.length < 2 ? [] : selecting) {
      shared.set(group, new Set([...(shared.get(group) ?? []), ...selecting.filter((other) => other !== group)]));
    }
  }
  return shared;
}

function labelTexts(labels: Labels): readonly string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}
