/** The policies on one object and on each of its sections. */
import { keyOf, type ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import type { Look } from './memo.ts';
import { type Attached, bySection } from './policy-index.ts';
import type { PoliciesOn, PolicyWorld } from './world.ts';

/** The policies on each section (listener or rule) of one object, those on the whole object first; '' is a rule without a name. */
export function policiesOn(
  target: ObjectRef,
  sections: readonly string[],
  recorder: Look<PolicyWorld>,
): ReadonlyMap<string, PoliciesOn> {
  const keys = [`Namespace ${target.namespace}`, `${target.kind} ${keyOf(target.namespace, target.name)}`];
  const auth = bySection(
    keys.flatMap((key) => recorder.get('authOn', key) ?? []),
    sections,
  );
  const limits = bySection(
    keys.flatMap((key) => recorder.get('limitsOn', key) ?? []),
    sections,
  );
  const [blocked] = [...auth.unknown, ...limits.unknown].map((one) => unknownSection(one, target, sections));
  return new Map(
    ['', ...sections].map((name) => [
      name,
      {
        auth: [...auth.whole, ...(auth.sections.get(name) ?? [])],
        limits: [...limits.whole, ...(limits.sections.get(name) ?? [])],
        blocked,
      },
    ]),
  );
}

export function unknownSection(
  attached: Attached<{ readonly ref: ObjectRef }>,
  target: ObjectRef,
  sections: readonly string[],
): Finding {
  const what = target.kind === 'Route' ? 'rule' : 'listener';
  return {
    about: attached.policy.ref,
    severity: 'error',
    reason: 'TargetNotFound',
    at: `${attached.at}.sectionName`,
    message: `${target.kind} ${keyOf(target.namespace, target.name)} has no ${what} ${attached.sectionName}, so all of it answers 500`,
    remedy:
      sections.length === 0
        ? `Give the ${what} that name, or leave sectionName out`
        : `Name one of ${sections.join(', ')}, or leave sectionName out`,
  };
}
