/**
 * The same Pods by another name: what is kept of a workload that nothing names any more, and workloads that are named. ALLOW
 * policies are OR-ed over all that select a Pod, so none may leave open what another one closes.
 */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { SecurityObject } from '../../../istio/security.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import type { WorkloadStates } from '../../../reconcilers/mesh.ts';
import { selectorText } from '../../../render/mesh.ts';
import { closedPorts, isClosing } from './kept.ts';
import type { Stored } from './stored.ts';

type Labels = Readonly<Record<string, string>>;
type Named = ReadonlyMap<ObjectKey, MeshWorkload>;

export interface Successions {
  /** Kept of Pods that the workload selects, or that are among those that select them. */
  keptOf(workload: MeshWorkload, named: Named): readonly ObjectKey[];
  /** What is written for others of which some Pods are those of these objects. */
  besides(workload: ObjectKey, own: readonly SecurityObject[]): readonly SecurityObject[];
  /** Of Pods that are another workload's now: `soon` while nobody knows what came of that. */
  successor(workload: ObjectKey, named: Named, states: WorkloadStates): 'none' | 'soon' | 'closed';
}

export function successions(stored: Stored): Successions {
  const others = (workload: ObjectKey) => {
    const prefix = workload.slice(0, workload.indexOf('/') + 1);
    return [...stored.workloads].filter((key) => key !== workload && key.startsWith(prefix));
  };
  const selecting = (workload: ObjectKey, labels: Labels) =>
    stored.of(workload).filter((object) => object.spec?.selector !== undefined && areNested(labelsOf(object), labels));
  return {
    keptOf: ({ key, selector }, named) =>
      others(key).filter((other) => !named.has(other) && selecting(other, selector).length > 0),
    besides(workload, own) {
      const selectors = own.filter(({ spec }) => spec?.selector !== undefined).map(labelsOf);
      return others(workload).flatMap((other) => selectors.flatMap((labels) => selecting(other, labels)));
    },
    successor(workload, named, states) {
      const before = stored.of(workload).filter(({ spec }) => spec?.selector !== undefined);
      const texts = new Set(before.map((object) => selectorText(labelsOf(object))));
      const prefix = workload.slice(0, workload.indexOf('/'));
      const heir = [...named.values()].find(
        ({ key, namespace, selector }) => key !== workload && namespace === prefix && texts.has(selectorText(selector)),
      );
      if (heir === undefined) return 'none';
      const state = states.get(heir.key);
      if (state === undefined) return 'soon';
      if (state.kind !== 'applied') return 'none';
      if (heir.settings.enforcement !== 'Enforce') return 'closed';
      // It may have had other Pods until now.
      const own = stored.of(heir.key).filter((object) => isClosing(object) && isAbout(object, texts));
      if (own.length === 0) return 'soon';
      return closesAll(own, before) ? 'closed' : 'none';
    },
  };
}

function isAbout(object: SecurityObject, selectors: ReadonlySet<string>): boolean {
  return object.spec?.selector !== undefined && selectors.has(selectorText(labelsOf(object)));
}

/** Neither leaves open what the other one closes, as far as numbers were known. */
export function closesAll(now: readonly SecurityObject[], before: readonly SecurityObject[]): boolean {
  const closing = now.filter(isClosing);
  const closed = before.filter(isClosing).flatMap((object) => closedPorts(object) ?? []);
  return closing.length > 0 && closing.every((object) => isWithin(closed, closedPorts(object)));
}

/** Undefined are all ports. */
function isWithin(ports: readonly string[], closed: readonly string[] | undefined): boolean {
  return closed === undefined || ports.every((port) => closed.includes(port));
}

export function labelsOf({ spec }: SecurityObject): Labels {
  return spec?.selector?.matchLabels ?? {};
}

/** Whom the one selects the other does, too. */
function areNested(a: Labels, b: Labels): boolean {
  const isPart = (some: Labels, all: Labels) => Object.entries(some).every(([name, value]) => all[name] === value);
  return isPart(a, b) || isPart(b, a);
}
