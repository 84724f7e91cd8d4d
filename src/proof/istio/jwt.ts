/** RequestAuthentication as jwt_authn: what a token makes of a request before any rule looks at it. */

import type { JwtRule, RequestAuthentication } from '../../istio/security.ts';
import { refOf } from '../../kube/object.ts';
import { compareText } from '../../policy/attribute.ts';
import type { Decider, MeshRequest, MeshToken } from './request.ts';

/** Claims as rules see them. */
export type Payload = Readonly<Record<string, unknown>>;

export type JwtOutcome =
  /** `payload` is undefined without a token that was verified. */
  | { readonly status: 200; readonly payload: Payload | undefined }
  | { readonly status: 401 | 403; readonly by: Decider };

interface Provider {
  readonly rule: JwtRule & { readonly spaceDelimitedClaims?: readonly string[] };
  readonly by: Decider;
}

/** `policies` are those about the workload. Nobody verifies a token where there are none: then it is as if there were none. */
export function verifyToken(policies: readonly RequestAuthentication[], request: MeshRequest): JwtOutcome {
  const providers = policies.flatMap(providersOf).toSorted((a, b) => compareText(a.rule.issuer, b.rule.issuer));
  const [first] = providers;
  const { token } = request;
  if (first === undefined || token === undefined || isPreflight(request)) return { status: 200, payload: undefined };
  if (token === 'bad') return { status: 401, by: first.by };
  const ofIssuer = providers.filter(({ rule }) => rule.issuer === token.issuer && verifies(rule, token));
  const accepted = ofIssuer.find(({ rule }) => hasAudience(rule.audiences ?? [], token.claims['aud']));
  if (accepted !== undefined) return { status: 200, payload: payloadOf(token, accepted) };
  const known = ofIssuer.at(-1);
  return known === undefined ? { status: 401, by: first.by } : { status: 403, by: known.by };
}

function providersOf(policy: RequestAuthentication): readonly Provider[] {
  return (policy.spec?.jwtRules ?? []).map((rule, index) => ({ rule, by: { policy: refOf(policy), rule: index } }));
}

/** `bypass_cors_preflight`: the browser sends no token then. */
function isPreflight({ method, headers }: MeshRequest): boolean {
  const has = (name: string) => (headers.get(name)?.[0] ?? '') !== '';
  return method === 'OPTIONS' && has('origin') && has('access-control-request-method');
}

function verifies(rule: JwtRule, token: MeshToken): boolean {
  return token.jwks === undefined || token.jwks.includes(rule.jwks ?? '');
}

function hasAudience(wanted: readonly string[], claim: unknown): boolean {
  const found = (Array.isArray(claim) ? claim : [claim]).filter((one) => typeof one === 'string').map(bareAudience);
  return wanted.length === 0 || wanted.some((one) => found.includes(bareAudience(one)));
}

/** As jwt_verify_lib compares: neither the scheme nor one slash at the end counts. */
function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

function payloadOf({ issuer, claims }: MeshToken, { rule }: Provider): Payload {
  const delimited = ['permission', 'scope', ...(rule.spaceDelimitedClaims ?? [])];
  const split = delimited.flatMap((name) => {
    const claim = claims[name];
    return typeof claim === 'string' ? [[name, claim.split(' ').filter((word) => word !== '')]] : [];
  });
  return { ...claims, iss: issuer, ...Object.fromEntries(split) };
}
