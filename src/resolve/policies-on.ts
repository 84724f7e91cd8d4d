/** The policies on one object and on each of its sections. */
import { keyOf, type ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { joined } from './lists.ts';
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
  const auth = bySection(joined(keys.map((key) => recorder.get('authOn', key) ?? [])), sections);
  const limits = bySection(joined(keys.map((key) => recorder.get('limitsOn', key) ?? [])), sections);
  const [unknown] = joined<Attached<{ readonly ref: ObjectRef }>>([auth.unknown, limits.unknown]);
  const blocked = unknown === undefined ? undefined : unknownSection(unknown, target, sections);
  const on = new Map<string, PoliciesOn>();
  for (const name of ['', ...sections]) {
    on.set(name, {
      auth: joined([auth.whole, auth.sections.get(name) ?? []]),
      limits: joined([limits.whole, limits.sections.get(name) ?? []]),
      blocked,
    });
  }
  return on;
}

const sectionWords: Readonly<Record<string, string>> = { Route: 'rule', ApiGateway: 'listener', Service: 'port' };

export function unknownSection(
  attached: Attached<{ readonly ref: ObjectRef }>,
  target: ObjectRef,
  sections: readonly string[],
): Finding {
  const what = sectionWords[target.kind] ?? 'listener';
  return {
    about: attached.policy.ref,
    severity: 'error',
    reason: 'TargetNotFound',
    at: `${attached.at}.sectionName`,
    message: `${target.kind} ${keyOf(target.namespace, target.name)} has no ${what} ${attached.sectionName}, so ${target.kind === 'Service' ? 'every rule that sends there' : 'all of it'} answers 500`,
    remedy:
      sections.length === 0
        ? `Give the ${what} that name, or leave sectionName out`
        : `Name one of ${sections.join(', ')}, or leave sectionName out`,
  };
}
