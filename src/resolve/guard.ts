/** All AuthPolicies on one path as one Guard: they are AND-ed, so an inner one can refuse more and never allow more. */
import type { Guard, Issuer, Policy, PolicyPart } from '../ir/guard.ts';
import { describeRef, type ObjectRef } from '../kube/object.ts';
import { and, type Decision, maximumConjunctions, NormalForms } from '../policy/decision.ts';
import type { Finding, Reason } from '../status/finding.ts';
import { type Behind, opens } from './policies-behind.ts';

export interface PolicyPath {
  /** On the ApiGateway and the listener. */
  readonly outer: readonly Policy[];
  /** On the Route and the rule. */
  readonly inner: readonly Policy[];
  /** On the Services behind the rule. */
  readonly behind: Behind;
  /** `defaultAccess: Public`, or a rule that only redirects: nothing need cover it. */
  readonly open: boolean;
}

export type GuardOf = (path: PolicyPath) => Guard;

/** One more policy along a path. */
interface Step {
  readonly next: WeakMap<object, Step>;
  guard: Guard | undefined;
}

/** Gives the same Guard for the same policies: most routes share theirs, and so what is made of it. */
export function guardMemo(): GuardOf {
  const newStep = (): Step => ({ next: new WeakMap(), guard: undefined });
  const first = newStep();
  const [opened, closed, shut, covered] = [{}, {}, {}, {}];
  const forms = new NormalForms();
  return (path) => {
    let step = first;
    const { policies, cover } = path.behind;
    const behind = policies.length === 0 ? policies : [cover ? covered : shut, ...policies];
    for (const key of [...path.outer, path.open ? opened : closed, ...path.inner, ...behind]) {
      const next = step.next.get(key) ?? newStep();
      step.next.set(key, next);
      step = next;
    }
    step.guard ??= guardOf(path, forms);
    return step.guard;
  };
}

function guardOf(path: PolicyPath, forms: NormalForms): Guard {
  const { outer, inner, behind, open } = path;
  const all = [...outer, ...inner, ...behind.policies];
  const enforced = all.filter(({ mode }) => mode === 'Enforce');
  const broken = enforced.find((policy) => policy.broken !== undefined);
  if (broken?.broken !== undefined) return { kind: 'blocked', because: broken.broken };
  const issuers = issuersOf(enforced);
  const orphan = enforced.find((policy) => policy.borrowsToken && issuers.length === 0);
  if (orphan !== undefined) return { kind: 'blocked', because: noToken(orphan) };
  const decision = and(
    enforced.map((policy) => policy.decision),
    forms,
  );
  if (decision === 'too-complex') return { kind: 'blocked', because: tooComplex(enforced) };
  if (isUnsatisfiable(decision, enforced)) return { kind: 'blocked', because: unsatisfiable(enforced) };
  const parts = partsOf(path);
  const covered = open || parts.some((part) => part.covers);
  const shadow = shadowOf(
    all.filter(({ mode, broken: problem }) => mode === 'Shadow' && problem === undefined),
    enforced,
  );
  return {
    kind: 'guarded',
    covered,
    decision: covered ? decision : { ...decision, allow: [] },
    issuers,
    policies: enforced.map(({ ref }) => ref),
    parts,
    ...shadow,
  };
}

function partsOf({ outer, inner, behind }: PolicyPath): readonly PolicyPart[] {
  const parts: readonly PolicyPart[] = [
    ...outer.map((policy) => ({ policy, on: 'gateway', covers: opens(policy) && policy.sufficient }) as const),
    ...inner.map((policy) => ({ policy, on: 'route', covers: opens(policy) }) as const),
    ...behind.policies.map((policy) => ({ policy, on: 'service', covers: opens(policy) && behind.cover }) as const),
  ];
  return parts.filter(({ policy }) => policy.mode === 'Enforce');
}

/** Each policy admits somebody, and no request is admitted by all: a mistake, not a decision. */
function isUnsatisfiable(decision: Decision, policies: readonly Policy[]): boolean {
  return decision.allow.length === 0 && policies.every((policy) => policy.decision.allow.length > 0);
}

function issuersOf(policies: readonly Policy[]): readonly Issuer[] {
  const byId = new Map(policies.flatMap(({ issuers }) => issuers.map((issuer) => [issuer.id, issuer] as const)));
  return [...byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

type Counting = Pick<Extract<Guard, { readonly kind: 'guarded' }>, 'shadow' | 'uncounted'>;

/** A policy that looks at claims without issuers of its own means those of the path, enforced or not. */
function shadowOf(policies: readonly Policy[], enforced: readonly Policy[]): Counting {
  if (policies.length === 0) return {};
  const decision = and(policies.map((policy) => policy.decision));
  if (decision === 'too-complex') return { uncounted: policies.map(({ ref }) => uncounted(ref, policies)) };
  const issuers = issuersOf([...enforced, ...policies]);
  return { shadow: { decision, issuers, policies: policies.map(({ ref }) => ref) } };
}

function problem(about: ObjectRef, reason: Reason, what: Pick<Finding, 'at' | 'message' | 'remedy'>): Finding {
  return { about, severity: 'error', reason, ...what };
}

function innermost(policies: readonly Policy[]): ObjectRef {
  return policies.at(-1)?.ref ?? { kind: 'AuthPolicy', namespace: '', name: '' };
}

function namesOf(policies: readonly Policy[]): string {
  return policies.map(({ ref }) => describeRef(ref)).join(', ');
}

function noToken(policy: Policy): Finding {
  return problem(policy.ref, 'Unsatisfiable', {
    at: 'spec.authorize',
    message: 'its rules look at claims, but no AuthPolicy on the path authenticates callers, so no claim is ever known',
    remedy: 'Add authenticate.jwt to this policy, or to one on the ApiGateway',
  });
}

function tooComplex(policies: readonly Policy[]): Finding {
  return problem(innermost(policies), 'TooComplex', {
    at: 'spec.authorize',
    message: `the policies on one path (${sizesOf(policies)}) combine to more than ${maximumConjunctions} conjunctions`,
    remedy: 'Name fewer alternatives in one of them, or move a condition that all share to the outer policy',
  });
}

function uncounted(about: ObjectRef, policies: readonly Policy[]): Finding {
  return problem(about, 'TooComplex', {
    at: 'spec.authorize',
    message: `the policies in mode Shadow on one path (${sizesOf(policies)}) combine to more than ${maximumConjunctions} conjunctions, so what they would refuse there is not counted`,
    remedy: 'Name fewer alternatives in one of them, or try them out one after the other',
  });
}

/** `AuthPolicy shop/orders with 30, …` */
function sizesOf(policies: readonly Policy[]): string {
  return policies
    .map(({ ref, decision: { allow, deny } }) => `${describeRef(ref)} with ${Math.max(allow.length, deny.length)}`)
    .join(', ');
}

function unsatisfiable(policies: readonly Policy[]): Finding {
  return problem(innermost(policies), 'Unsatisfiable', {
    at: 'spec',
    message: `no request can satisfy all policies on the path: ${namesOf(policies)}`,
    remedy: 'Let them accept a common issuer and rule, or write the exception in the outer policy',
  });
}
