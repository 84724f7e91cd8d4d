/** Whether the policies on an entry admit a request: the token, then deny, then allow, as the chain's filters stand. */
import type { Chain, RouteEntry } from '../../ir/gateway.ts';
import type { Guard, Issuer, PolicyPart } from '../../ir/guard.ts';
import { describeRef } from '../../kube/object.ts';
import type { Conjunction, Source } from '../../policy/decision.ts';
import { evaluate, type RequestFacts } from '../../policy/evaluate.ts';
import type { SeenRequest } from './request.ts';
import { seeOptionalToken, seeToken } from './token.ts';
import type { Outcome, ShadowVerdict, Step, TokenFacts } from './types.ts';
import { describeConstraint, ruleNames } from './words.ts';

type Guarded = Extract<Guard, { readonly kind: 'guarded' }>;
type Refused = Extract<Outcome, { readonly kind: 'refused' }>;

export interface Admission {
  /** Undefined when the request is admitted. */
  readonly refusal: Outcome | undefined;
  readonly steps: readonly Step[];
  readonly decidedBy?: readonly Source[];
  readonly shadow?: ShadowVerdict;
  /** What limits may count by. */
  readonly token: RequestFacts['token'];
}

export function admit(entry: RouteEntry, chain: Chain, request: SeenRequest, token: TokenFacts | undefined): Admission {
  const { guard, rule } = entry;
  const because = rule.blocked ?? (guard.kind === 'blocked' ? guard.because : undefined);
  if (because !== undefined || guard.kind === 'blocked') {
    const bad = badToken(token, chain);
    if (bad !== undefined) return { ...bad, token: undefined };
    const text = `rule ${rule.name} is blocked and answers 500 to everyone, because of ${because === undefined ? '' : `${describeRef(because.about)}: ${because.message}`}`;
    const details = because === undefined ? [] : [because.remedy];
    return {
      refusal: { kind: 'refused', status: 500, reason: text },
      steps: [{ stage: 'policy', passed: false, text, details }],
      token: undefined,
    };
  }
  const seen = seeToken(token, entry, chain);
  if (!seen.step.passed) return { ...refused(seen.step), token: undefined };
  return decide(guard, factsOf(request, seen.token), seen.step);
}

/** Why a request is refused that no policy looks at, as its answer gives nothing away; undefined where it is not. */
export function badToken(facts: TokenFacts | undefined, chain: Chain): ReturnType<typeof refused> | undefined {
  const { step } = seeOptionalToken(facts, chain);
  return step.passed ? undefined : refused(step);
}

function refused(step: Step): { readonly refusal: Refused; readonly steps: readonly Step[] } {
  return { refusal: { kind: 'refused', status: 401, reason: step.text }, steps: [step] };
}

function factsOf(request: SeenRequest, token: RequestFacts['token']): RequestFacts {
  const { method, path, authority, headers, directIp, remoteIp, clientCertificate = [] } = request;
  const seen = { method, path, host: authority, headers, directIp, remoteIp, clientCertificate };
  return { ...seen, ...(token === undefined ? {} : { token }) };
}

function decide(guard: Guarded, facts: RequestFacts, token: Step): Admission {
  const verdict = evaluate(guard.decision, facts);
  const steps = [token, ...guard.parts.map((part) => partStep(part, facts, guard.issuers)), ...coverSteps(guard)];
  const culprit = steps.find(({ passed }) => !passed);
  const shadow = shadowOf(guard, facts);
  return {
    refusal: verdict.admitted
      ? undefined
      : { kind: 'refused', status: 403, reason: culprit?.text ?? 'no rule of the policies on the path admits it' },
    steps: [...steps, ...(shadow === undefined ? [] : [shadowStep(shadow)]), ...uncountedSteps(guard)],
    ...(verdict.by === undefined ? {} : { decidedBy: verdict.by.sources }),
    ...(shadow === undefined ? {} : { shadow }),
    token: facts.token,
  };
}

function partStep({ policy, on, covers }: PolicyPart, facts: RequestFacts, issuers: readonly Issuer[]): Step {
  const { decision, ref } = policy;
  const verdict = evaluate(decision, facts);
  const step = (passed: boolean, text: string, details: readonly string[]): Step => ({
    stage: 'policy',
    passed,
    text: `${describeRef(ref)} ${text}`,
    details,
    policy: ref,
  });
  if (verdict.because === 'denied') return step(false, `denies it: deny ${ruleNames(verdict.by?.sources ?? [])}`, []);
  if (verdict.because === 'not-allowed') {
    return step(false, 'does not allow it', missing(decision.allow, facts, issuers));
  }
  if (!policy.opens) return step(true, 'does not deny it', []);
  const where = covers ? '' : ` (but does not cover the rule: ${uncovering[on]})`;
  return step(true, `allows it: ${ruleNames(verdict.by?.sources ?? [])}${where}`, []);
}

const uncovering: Readonly<Record<PolicyPart['on'], string>> = {
  gateway: 'it stands on the gateway and is not `sufficient`',
  route: 'it admits nobody by itself',
  service: 'another Service of the rule has none that does',
};

/** What each rule would have needed. */
function missing(allow: readonly Conjunction[], facts: RequestFacts, issuers: readonly Issuer[]): readonly string[] {
  const lines = allow.map(({ constraints, sources }) => {
    const unmet = constraints.filter(
      (constraint) => !evaluate({ deny: [], allow: [{ constraints: [constraint], sources: [] }] }, facts).admitted,
    );
    return `${ruleNames(sources)} needs ${unmet.map((one) => describeConstraint(one, issuers)).join(', and ')}`;
  });
  return [...new Set(lines)];
}

function coverSteps({ covered, parts }: Guarded): readonly Step[] {
  if (!covered) {
    const text =
      "no AuthPolicy covers the rule, and the ApiGateway's defaultAccess is Deny, so it answers 403 to everyone";
    const details = ['Target the Route with an AuthPolicy; authorize: {allow: [{name: anyone}]} makes it public'];
    return [{ stage: 'policy', passed: false, text, details }];
  }
  if (parts.length > 0) return [];
  return [{ stage: 'policy', passed: true, text: 'no AuthPolicy is on the path, and none is needed', details: [] }];
}

function shadowOf({ shadow }: Guarded, facts: RequestFacts): ShadowVerdict | undefined {
  if (shadow === undefined) return undefined;
  const { token, ...others } = facts;
  const known = token !== undefined && shadow.issuers.some(({ id }) => token.issuers.includes(id));
  const { admitted, by } = evaluate(shadow.decision, known ? facts : others);
  return { admitted, policies: shadow.policies, decidedBy: by?.sources ?? [] };
}

function shadowStep({ admitted, policies, decidedBy }: ShadowVerdict): Step {
  const names = policies.map(describeRef).join(', ');
  const rules = decidedBy.length === 0 ? '' : ` (${ruleNames(decidedBy)})`;
  const text = `${names} would ${admitted ? 'admit' : 'refuse'} it${rules}, but is in mode Shadow`;
  return { stage: 'shadow', passed: true, text, details: [] };
}

function uncountedSteps({ uncounted = [] }: Guarded): readonly Step[] {
  const [first] = uncounted;
  return first === undefined ? [] : [{ stage: 'shadow', passed: true, text: first.message, details: [first.remedy] }];
}
