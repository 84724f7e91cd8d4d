/** Which policies name which target. Built once per change of the policies, not once per route. */
import type { TargetRefSpec } from '../api/policies.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';

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

/** By target; the order of the policies is kept, so that callers sort once by name. */
export function indexByTarget<P>(
  attachments: Iterable<readonly Attached<P>[]>,
): ReadonlyMap<string, readonly Attached<P>[]> {
  const byTarget = new Map<string, Attached<P>[]>();
  for (const attached of attachments) {
    for (const one of attached) {
      const list = byTarget.get(one.target);
      if (list === undefined) byTarget.set(one.target, [one]);
      else list.push(one);
    }
  }
  return byTarget;
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
