/** What jwt_authn makes of a token on one route: refused, or what the policies get to see of it. */
import { requirementAt, type TokenRequirement } from '../../ir/accepted-tokens.ts';
import type { Chain, RouteEntry } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { RequestFacts } from '../../policy/evaluate.ts';
import type { Step, TokenFacts } from './types.ts';
import { shortList } from './words.ts';

export interface SeenToken {
  /** Of the one provider that left its payload; absent when there is none. */
  readonly token: RequestFacts['token'];
  readonly step: Step;
}

export function seeToken(facts: TokenFacts | undefined, entry: RouteEntry, chain: Chain): SeenToken {
  const issuers = entry.guard.kind === 'blocked' ? [] : entry.guard.issuers;
  const accepted = requirementAt(entry, chain.accepted?.issuers);
  if (accepted !== undefined) return seeAcceptedToken(facts, issuers, accepted);
  return issuers.length === 0 ? seeOptionalToken(facts, chain) : required(facts, issuers);
}

/** One of the issuers must have signed it; of several that verify the same token, Envoy stops at the first. */
function required(facts: TokenFacts | undefined, issuers: readonly Issuer[]): SeenToken {
  const wanted = needs(issuers);
  const verified = verifiedBy(facts, issuers);
  if (verified !== undefined) return { token: verified.token, step: passed(`valid, from ${verified.issuer.issuer}`) };
  if (facts === undefined) return refusal(`${wanted}, and the request has no "Authorization: Bearer …"`);
  if (facts.kind === 'refused') return refusal(doesNotVerify(facts));
  return refusal(`${wanted}, and this one ${originOf(facts)}`);
}

/** None is needed. One that names an issuer of the listener must be good all the same. */
export function seeOptionalToken(facts: TokenFacts | undefined, { uses, refusing }: Chain): SeenToken {
  if (facts === undefined) return { token: undefined, step: passed('none, and none is needed') };
  // Of an issuer with two sets of keys, Envoy asks only one here: its tokens count as none.
  const verified = verifiedBy(facts, withoutRivals(uses.issuers));
  if (verified !== undefined) {
    return { token: verified.token, step: passed(`valid, from ${verified.issuer.issuer}, though none is needed`) };
  }
  const named = facts.kind === 'unknown' ? undefined : issuerOf(facts);
  const known = uses.issuers.some(({ id, issuer }) => issuer === named && refusing.has(id));
  if (!known)
    return { token: undefined, step: passed('of no issuer known here, so it counts as none; none is needed') };
  const why = facts.kind === 'refused' ? facts.reason : 'no key of that issuer on this listener signed it';
  return refusal(`no token is needed, but one of ${named ?? ''} that does not verify is refused everywhere: ${why}`);
}

/** In a mesh: also one that is not wanted must be of an issuer that the workload knows, as Istio takes no other. */
function seeAcceptedToken(
  facts: TokenFacts | undefined,
  wanted: readonly Issuer[],
  { issuers, optional }: TokenRequirement,
): SeenToken {
  if (facts === undefined) {
    return optional ? { token: undefined, step: passed('none, and none is needed') } : required(facts, wanted);
  }
  const verified = verifiedBy(facts, issuers);
  if (verified !== undefined) {
    const { token, issuer } = verified;
    const suffix = optional
      ? ', though none is needed'
      : wanted.some(({ id }) => id === issuer.id)
        ? ''
        : `, which another policy before the workload knows; ${needs(wanted)}`;
    return { token, step: passed(`valid, from ${issuer.issuer}${suffix}`) };
  }
  if (facts.kind === 'refused' && issuers.some(({ issuer }) => issuer === facts.issuer)) {
    return refusal(doesNotVerify(facts));
  }
  const need = optional ? 'no token is needed' : needs(wanted);
  return refusal(
    `${need}, but in the mesh the workload takes none but those of ${namesOf(issuers)}: this one ${originOf(facts)}`,
  );
}

function needs(issuers: readonly Issuer[]): string {
  return `a token of ${namesOf(issuers)} is needed`;
}

function namesOf(issuers: readonly Issuer[]): string {
  return shortList([...new Set(issuers.map(({ issuer }) => issuer))]);
}

function doesNotVerify({ issuer, reason }: Extract<TokenFacts, { readonly kind: 'refused' }>): string {
  return `the token of ${issuer} does not verify: ${reason}`;
}

function originOf(facts: TokenFacts): string {
  return facts.kind === 'unknown' ? 'is of no issuer known here' : `comes from ${issuerOf(facts)}`;
}

function withoutRivals(issuers: readonly Issuer[]): readonly Issuer[] {
  return issuers.filter((one) => issuers.every((other) => other === one || other.issuer !== one.issuer));
}

interface Verified {
  readonly issuer: Issuer;
  readonly token: NonNullable<RequestFacts['token']>;
}

function verifiedBy(facts: TokenFacts | undefined, issuers: readonly Issuer[]): Verified | undefined {
  if (facts?.kind !== 'valid') return undefined;
  const issuer = issuers.find(({ id }) => facts.issuerIds.includes(id));
  return issuer === undefined ? undefined : { issuer, token: { issuers: [issuer.id], claims: facts.claims } };
}

function issuerOf(facts: Exclude<TokenFacts, { readonly kind: 'unknown' }>): string {
  return facts.kind === 'refused' ? facts.issuer : String(facts.claims['iss']);
}

function passed(text: string): Step {
  return { stage: 'token', passed: true, text, details: [] };
}

function refusal(text: string): SeenToken {
  return { token: undefined, step: { stage: 'token', passed: false, text, details: [] } };
}
