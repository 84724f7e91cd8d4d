/** Which policies name which target. Built once per change of the policies, not once per route. */
import type { TargetRefSpec } from '../api/policies.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';
import { joined } from './lists.ts';
import type { Results } from './memo.ts';
import { replaced } from './patched.ts';

/** One targetRef of a policy. The objects are stable: they are made once per resolved policy. */
export interface Attached<P> {
  /** `Route shop/orders`, or `Namespace shop` where the targets could not be read. */
  readonly target: string;
  readonly policy: P;
  /** A listener or a rule; undefined is all of the target. */
  readonly sectionName: string | undefined;
  /** `spec.targetRefs[i]`, for findings. */
  readonly at: string;
}

/** A policy without readable targets is about all of its namespace: in doubt, it blocks. */
export function attachmentsOf<P>(
  ref: ObjectRef,
  targets: readonly TargetRefSpec[] | undefined,
  policy: P,
): readonly Attached<P>[] {
  if (targets === undefined) {
    return [{ target: `Namespace ${ref.namespace}`, policy, sectionName: undefined, at: 'spec.targetRefs' }];
  }
  return targets.map(({ kind, name, sectionName }, index) => ({
    target: `${kind} ${keyOf(ref.namespace, name)}`,
    policy,
    sectionName,
    at: `spec.targetRefs[${index}]`,
  }));
}

export type TargetIndex<P> = ReadonlyMap<string, readonly Attached<P>[]>;

type Attaching<P> = Pick<Results<{ readonly attached: readonly Attached<P>[] }>, 'changes'>;

/** By target, in order of the policies' names. Remembers: lists that stay the same keep their identity. */
export function targetIndex<P extends { readonly ref: ObjectRef }>(): (policies: Attaching<P>) => TargetIndex<P> {
  let index: TargetIndex<P> = new Map();
  return ({ changes }) => {
    const gone = joined(changes.map(({ before }) => before?.attached ?? []));
    const come = joined(changes.map(({ after }) => after?.attached ?? []));
    if (changes.length > 0) index = moved(index, gone, come);
    return index;
  };
}

function moved<P extends { readonly ref: ObjectRef }>(
  index: TargetIndex<P>,
  gone: readonly Attached<P>[],
  come: readonly Attached<P>[],
): TargetIndex<P> {
  const lost = new Set(gone);
  const coming = Map.groupBy(come, ({ target }) => target);
  const targets = new Set([...gone.map(({ target }) => target), ...coming.keys()]);
  const lists = [...targets].map((target) => {
    const staying = (index.get(target) ?? []).filter((one) => !lost.has(one));
    const list = [...staying, ...(coming.get(target) ?? [])].toSorted(byPolicy);
    return [target, list.length === 0 ? undefined : list] as const;
  });
  return replaced(index, new Map(lists));
}

function byPolicy<P extends { readonly ref: ObjectRef }>(a: Attached<P>, b: Attached<P>): number {
  const [left, right] = [a, b].map(({ policy: { ref } }) => keyOf(ref.namespace, ref.name)) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
}

export interface Sections<P> {
  readonly whole: readonly P[];
  /** By the section's name. */
  readonly sections: ReadonlyMap<string, readonly P[]>;
  /** Targets that name no section of the object: the whole object is blocked for them. */
  readonly unknown: readonly Attached<P>[];
}

const noSections: ReadonlyMap<string, never> = new Map<string, never>();

export function bySection<P>(attached: readonly Attached<P>[], names: readonly string[]): Sections<P> {
  const whole = attached.filter(({ sectionName }) => sectionName === undefined).map(({ policy }) => policy);
  // As most do: nothing is about one section alone.
  if (whole.length === attached.length) return { whole, sections: noSections, unknown: [] };
  const sections = new Map(
    names.map((name) => [name, attached.filter((one) => one.sectionName === name).map(({ policy }) => policy)]),
  );
  const unknown = attached.filter(({ sectionName }) => sectionName !== undefined && !sections.has(sectionName));
  return { whole, sections, unknown };
}
