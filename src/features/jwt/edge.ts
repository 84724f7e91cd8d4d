/** jwt_authn of one chain: every known issuer as a provider, and the requirements that routes name. */
import { createHash } from 'node:crypto';
import { type Json, type TypedConfig, types } from '../../envoy/json.ts';
import type { TokenRequirement } from '../../ir/accepted-tokens.ts';
import type { Chain } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import { failedTokenKey, jwksClusterName } from '../names.ts';

/** The requirement of routes that need no token: a bad token of a known issuer is still refused (`withFailedToken`). */
export const knownRequirement = 'known';

/** A hash: the same issuers in the same order are the same requirement. */
export function requirementName({ issuers, optional }: TokenRequirement): string {
  if (issuers.length === 0) return knownRequirement;
  const ids = issuers.map(({ id }) => id).join(' ');
  return createHash('sha256')
    .update(optional ? `${ids} or none` : ids)
    .digest('hex')
    .slice(0, 12);
}

/** Of a route that needs a token of one of the issuers; without any, it needs none. */
export function needed(issuers: readonly Issuer[]): TokenRequirement {
  return { issuers, optional: false };
}

export function jwtPerRoute(requirement: TokenRequirement): TypedConfig {
  return { '@type': types.jwtPerRoute, requirement_name: requirementName(requirement) };
}

/** envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication */
export function jwtAuthentication({
  uses,
  refusing,
  accepted,
}: Pick<Chain, 'uses' | 'refusing' | 'accepted'>): TypedConfig {
  const requirements = [...uses.required.map(needed), ...(accepted?.requirements ?? [])].map(
    (requirement) => [requirementName(requirement), anyOf(requirement)] as const,
  );
  return {
    '@type': types.jwt,
    providers: Object.fromEntries(uses.issuers.map((issuer) => [issuer.id, provider(issuer, refusing.has(issuer.id))])),
    requirement_map: Object.fromEntries([
      [knownRequirement, anything],
      ...requirements.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ]),
  };
}

/** Bare: in a list with others, it would ask no issuer but theirs. Of rival key sets it takes any one (see `refusing`). */
const anything: Json = { allow_missing_or_failed: {} };

/** requires_any takes two or more. In a list, `allow_missing` admits who has no token, and leaves tokens to the others. */
function anyOf({ issuers, optional }: TokenRequirement): Json {
  const requirements = [
    ...issuers.map(({ id }) => ({ provider_name: id })),
    ...(optional ? [{ allow_missing: {} }] : []),
  ];
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
