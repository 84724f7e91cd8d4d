/** What a Route needs to know of an ApiGateway: its listeners, and the policies on them. */
import type { Limit, Policy } from '../ir/guard.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import type { ResolvedListener } from './listeners.ts';
import type { Look } from './memo.ts';
import { type Attached, bySection } from './policy-index.ts';
import type { PolicyWorld } from './world.ts';

export interface GatewayContext {
  readonly ref: ObjectRef;
  readonly trustedHops: number;
  readonly publicByDefault: boolean;
  readonly listeners: readonly ResolvedListener[];
  /** By the listener's name. */
  readonly outer: ReadonlyMap<string, PoliciesOn>;
}

export interface PoliciesOn {
  readonly auth: readonly Policy[];
  readonly limits: readonly AttachedLimits[];
  /** A policy that names no section of the target: all of it is blocked. */
  readonly blocked: Finding | undefined;
}

/** The limits of one RateLimitPolicy. */
export interface AttachedLimits {
  readonly ref: ObjectRef;
  readonly limits: readonly Limit[];
  readonly broken: Finding | undefined;
}

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
    remedy: `Name one of ${sections.join(', ')}, or leave sectionName out`,
  };
}
