/** One AuthPolicy or RateLimitPolicy, resolved, with what it targets. */
import type { RateLimitPolicySpec, TargetRefSpec } from '../api/policies.ts';
import { resolveLimit } from '../features/limits/resolve.ts';
import type { Policy } from '../ir/guard.ts';
import { type KubeObject, keyOf, type ObjectRef, refOf } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { resolveAuthPolicy } from './auth-policy.ts';
import type { Look } from './memo.ts';
import { type ParsedPolicy, parseAuthPolicy, parseRateLimitPolicy } from './parse.ts';
import { unknownSection } from './policies-on.ts';
import { type Attached, attachmentsOf } from './policy-index.ts';
import { sectionNames } from './sections.ts';
import type { AttachedLimits } from './world.ts';
import { lookupOf, type ObjectWorld } from './world.ts';

interface PolicyUnit<P> {
  readonly ref: ObjectRef;
  readonly targets: readonly TargetRefSpec[] | undefined;
  readonly attached: readonly Attached<P>[];
  readonly findings: readonly Finding[];
}

export interface AuthUnit extends PolicyUnit<Policy> {
  readonly policy: Policy;
}

export interface LimitUnit extends PolicyUnit<AttachedLimits> {
  readonly spec: RateLimitPolicySpec | undefined;
}

export function resolveAuthUnit(object: KubeObject, recorder: Look<ObjectWorld>): AuthUnit {
  const parsed = parseAuthPolicy(object);
  const { policy, findings } = resolveAuthPolicy(parsed, lookupOf(recorder));
  const attached = attachmentsOf(parsed.ref, parsed.targets, policy);
  return { ref: parsed.ref, targets: parsed.targets, policy, attached, findings };
}

export function resolveLimitUnit(object: KubeObject): LimitUnit {
  const parsed = parseRateLimitPolicy(object);
  const attached = limitsAt(parsed);
  return {
    ref: parsed.ref,
    targets: parsed.targets,
    spec: parsed.spec,
    attached,
    findings: parsed.findings,
  };
}

function limitsAt({
  ref,
  targets,
  spec,
  findings,
}: ParsedPolicy<RateLimitPolicySpec>): readonly Attached<AttachedLimits>[] {
  const [broken] = findings;
  return attachmentsOf(ref, targets, undefined).map((one) => ({
    ...one,
    policy: {
      ref,
      broken,
      limits: (spec?.limits ?? []).map((limit) =>
        resolveLimit(limit, ref, `${one.target} ${one.sectionName ?? ''}`.trim()),
      ),
    },
  }));
}

/** Targets that name nothing. */
export interface Dangling {
  readonly findings: readonly Finding[];
}

/** Apart from the policy: the targets come and go without it. */
export function resolveDangling(
  { attached }: { readonly attached: readonly Attached<{ readonly ref: ObjectRef }>[] },
  look: Look<ObjectWorld>,
): Dangling {
  const findings: Finding[] = [];
  for (const one of attached) {
    const [kind = '', key = ''] = one.target.split(' ');
    if (kind === 'Namespace') continue;
    const object = look.get(isTargetKind(kind) ? kind : 'ApiGateway', key);
    if (object === undefined) findings.push(notFound(one));
    else if (one.sectionName !== undefined) findings.push(...sectionFinding(one, object));
  }
  return { findings };
}

function isTargetKind(kind: string): kind is TargetRefSpec['kind'] {
  return kind === 'ApiGateway' || kind === 'Route' || kind === 'Service';
}

function sectionFinding(attached: Attached<{ readonly ref: ObjectRef }>, object: KubeObject): readonly Finding[] {
  const names = sectionNames(object);
  const known = attached.sectionName === undefined || names.includes(attached.sectionName);
  return known ? [] : [unknownSection(attached, refOf(object), names)];
}

function notFound(attached: Attached<{ readonly ref: ObjectRef }>): Finding {
  return {
    about: attached.policy.ref,
    severity: 'error',
    reason: 'TargetNotFound',
    at: `${attached.at}.name`,
    message: `${attached.target} does not exist, so the policy guards nothing there`,
    remedy: 'Create the target in the namespace of the policy, or correct its name',
  };
}

export function targetText(targets: readonly TargetRefSpec[] | undefined): string {
  return (targets ?? [])
    .map(
      ({ kind, name, sectionName }) =>
        `${kind}/${keyOf('', name)}${sectionName === undefined ? '' : `:${sectionName}`}`,
    )
    .join(', ');
}
