/** What jwt_authn makes of a token on one route: refused, or what the policies get to see of it. */
import type { Chain } from '../../ir/gateway.ts';
import type { Guard, Issuer } from '../../ir/guard.ts';
import type { RequestFacts } from '../../policy/evaluate.ts';
import type { Step, TokenFacts } from './types.ts';
import { shortList } from './words.ts';

type Guarded = Extract<Guard, { readonly kind: 'guarded' }>;

export interface SeenToken {
  /** Of the one provider that left its payload; absent when there is none. */
  readonly token: RequestFacts['token'];
  readonly step: Step;
}

export function seeToken(facts: TokenFacts | undefined, guard: Guarded, chain: Chain): SeenToken {
  return guard.issuers.length === 0 ? seeOptionalToken(facts, chain) : required(facts, guard.issuers, chain);
}

/** One of the issuers must have signed it; of several that verify the same token, Envoy stops at the first. */
function required(facts: TokenFacts | undefined, issuers: readonly Issuer[], { uses, strictTokens }: Chain): SeenToken {
  const names = [...new Set(issuers.map(({ issuer }) => issuer))];
  const wanted = `a token of ${shortList(names)} is needed`;
  const verified = verifiedBy(facts, issuers);
  if (verified !== undefined) return { token: verified.token, step: passed(`valid, from ${verified.issuer.issuer}`) };
  if (facts === undefined) return refusal(`${wanted}, and the request has no "Authorization: Bearer …"`);
  const others = strictTokens ? uses.issuers.filter(({ issuer }) => !names.includes(issuer)) : [];
  const other = verifiedBy(facts, others);
  if (other !== undefined) {
    const text = `valid, from ${other.issuer.issuer}, which another policy of the gateway knows; ${wanted}`;
    return { token: other.token, step: passed(text) };
  }
  if (facts.kind === 'refused') return refusal(`the token of ${facts.issuer} does not verify: ${facts.reason}`);
  const origin = facts.kind === 'valid' ? `comes from ${issuerOf(facts)}` : 'is of no issuer known here';
  return refusal(`${wanted}, and this one ${origin}`);
}

/** None is needed. One that names an issuer of the listener must be good all the same; in a mesh, any. */
export function seeOptionalToken(facts: TokenFacts | undefined, { uses, refusing, strictTokens }: Chain): SeenToken {
  if (facts === undefined) return { token: undefined, step: passed('none, and none is needed') };
  // Of an issuer with two sets of keys, Envoy asks only one here: its tokens count as none.
  const verified = verifiedBy(facts, strictTokens ? uses.issuers : withoutRivals(uses.issuers));
  if (verified !== undefined) {
    return { token: verified.token, step: passed(`valid, from ${verified.issuer.issuer}, though none is needed`) };
  }
  const named = facts.kind === 'unknown' ? undefined : issuerOf(facts);
  if (strictTokens && uses.issuers.length > 0 && facts.kind === 'unknown') {
    return refusal('no token is needed, but in a mesh one that no issuer of the gateway signed is refused everywhere');
  }
  const known = uses.issuers.some(({ id, issuer }) => issuer === named && refusing.has(id));
  if (!known)
    return { token: undefined, step: passed('of no issuer known here, so it counts as none; none is needed') };
  const why = facts.kind === 'refused' ? facts.reason : 'no key of that issuer on this listener signed it';
  return refusal(`no token is needed, but one of ${named ?? ''} that does not verify is refused everywhere: ${why}`);
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
