/** jwt_authn of one chain: every known issuer as a provider, and the requirements that routes name. */
import { createHash } from 'node:crypto';
import { type Json, type TypedConfig, types } from '../../envoy/json.ts';
import type { Chain } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import { failedTokenKey, jwksClusterName } from '../names.ts';

/** The requirement of routes that need no token: a bad token of a known issuer is still refused (`withFailedToken`, or here where tokens are strict). */
export const knownRequirement = 'known';

/** The requirement that a token of one of these issuers verifies. A hash: the same issuers are the same requirement. */
export function requirementName(issuers: readonly Issuer[]): string {
  const ids = issuers.map(({ id }) => id).join(' ');
  return issuers.length === 0 ? knownRequirement : createHash('sha256').update(ids).digest('hex').slice(0, 12);
}

export function jwtPerRoute(issuers: readonly Issuer[]): TypedConfig {
  return { '@type': types.jwtPerRoute, requirement_name: requirementName(issuers) };
}

/** envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication */
export function jwtAuthentication(chain: Pick<Chain, 'uses' | 'refusing' | 'strictTokens'>): TypedConfig {
  const { issuers, required } = chain.uses;
  const strict = chain.strictTokens === true;
  const requirements = required.map(
    (set) => [requirementName(set), anyOf(strict ? among(issuers, set) : set)] as const,
  );
  const refuses = ({ id }: Issuer) => !strict && chain.refusing.has(id);
  return {
    '@type': types.jwt,
    providers: Object.fromEntries(issuers.map((issuer) => [issuer.id, provider(issuer, refuses(issuer))])),
    requirement_map: Object.fromEntries([
      [knownRequirement, strict && issuers.length > 0 ? anyOf(issuers, [{ allow_missing: {} }]) : anything],
      ...requirements.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ]),
  };
}

/** Bare: in a list with others, it would ask no issuer but theirs. Of rival key sets it takes any one (see `refusing`). */
const anything: Json = { allow_missing_or_failed: {} };

/** Of whom a token gets as far as the policies: one of another issuer is no bad token, only not the wanted one. Rivals of the wanted are bad. */
function among(all: readonly Issuer[], wanted: readonly Issuer[]): readonly Issuer[] {
  const names = new Set(wanted.map(({ issuer }) => issuer));
  return [...wanted, ...all.filter(({ issuer }) => !names.has(issuer))];
}

/** requires_any takes two or more. */
function anyOf(issuers: readonly Issuer[], others: readonly Json[] = []): Json {
  const requirements = [...issuers.map(({ id }) => ({ provider_name: id })), ...others];
  return requirements.length === 1 ? (requirements[0] ?? {}) : { requires_any: { requirements } };
}

function provider(issuer: Issuer, refuses: boolean): Json {
  return {
    issuer: issuer.issuer,
    ...keys(issuer),
    // Named, so that `?access_token=` is not read: URLs end up in logs.
    from_headers: [{ name: 'Authorization', value_prefix: 'Bearer ' }],
    forward: true,
    payload_in_metadata: issuer.id,
    // As Istio does: `scope` is words.
    normalize_payload_in_metadata: { space_delimited_claims: ['scope', 'permission'] },
    ...(refuses ? { failed_status_in_metadata: failedTokenKey } : {}),
  };
}

function keys({ keys: source }: Issuer): { readonly [field: string]: Json } {
  if (source.kind === 'inline') {
    // With remote keys a cached verdict would outlive a revoked key.
    return { local_jwks: { inline_string: source.jwks }, jwt_cache_config: { jwt_cache_size: 1000 } };
  }
  return {
    remote_jwks: {
      http_uri: { uri: source.uri, cluster: jwksClusterName(source.uri), timeout: '5s' },
      cache_duration: '300s',
      // The listener serves its other routes meanwhile; tokens of this issuer are refused until the keys are there.
      async_fetch: { fast_listener: true },
      retry_policy: { num_retries: 3 },
    },
  };
}
