/**
 * Local limits of one chain: one filter whose descriptors are the limits. Routes only say which limits they fall under, so
 * that all routes of a target share its counts, and a change of a route refills nothing.
 */
import { type Json, type TypedConfig, types } from '../../envoy/json.ts';
import type { Issuer, Limit, LimitKey } from '../../ir/guard.ts';
import { tokenMetadata } from '../names.ts';

/** Distinct keys of one limit that are counted at a time; the longest unused one is forgotten beyond. */
const maximumKeys = 10_000;
const maximumTokens = 4_294_967_295;

/** envoy.config.route.v3.RateLimit entries of a route. `issuers`: all of the chain, so that the shape is the filter's. */
export function rateLimits(limits: readonly Limit[], issuers: readonly Issuer[]): readonly Json[] {
  return limits.flatMap((limit) => [
    { actions: [genericKey('limit', limit.id), ...limit.by.flatMap((key) => actions(key, issuers))] },
    ...(limit.by.length === 0 ? [] : [{ actions: [genericKey('total', limit.id)] }]),
  ]);
}

function genericKey(descriptor_key: string, descriptor_value: string): Json {
  return { generic_key: { descriptor_key, descriptor_value } };
}

function actions(key: LimitKey, issuers: readonly Issuer[]): readonly Json[] {
  switch (key.kind) {
    case 'clientIP':
      return [{ masked_remote_address: { v4_prefix_mask_len: 32, v6_prefix_mask_len: 64 } }];
    case 'header':
      // Dropped when absent: descriptorsOf has a descriptor for every subset.
      return [
        { request_headers: { header_name: key.name, descriptor_key: headerKey(key.name), skip_if_absent: true } },
      ];
    case 'claim':
      return issuers.map((issuer) => ({
        metadata: {
          descriptor_key: claimKey(issuer, key.path),
          source: 'DYNAMIC',
          // Without it, a request without the claim would not be limited at all.
          default_value: 'absent',
          metadata_key: {
            key: tokenMetadata,
            path: [issuer.id, ...key.path].map((part) => ({ key: part })),
          },
        },
      }));
  }
}

function headerKey(name: string): string {
  return `header ${name}`;
}

function claimKey(issuer: Issuer, path: readonly string[]): string {
  return `claim ${issuer.id} ${path.join('/')}`;
}

/** The filter of a chain without limits, and of routes that take them from the chain. */
export function localRateLimit(limits: readonly Limit[], issuers: readonly Issuer[]): TypedConfig {
  const always = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
  return {
    '@type': types.localRateLimit,
    stat_prefix: 'evengate',
    filter_enabled: always,
    filter_enforced: always,
    // Only descriptors limit: the default bucket is never emptied.
    token_bucket: { max_tokens: maximumTokens, tokens_per_fill: maximumTokens, fill_interval: '1s' },
    always_consume_default_token_bucket: false,
    max_dynamic_descriptors: maximumKeys,
    // Without limits they would tell of the default bucket.
    ...(limits.length === 0 ? {} : { enable_x_ratelimit_headers: 'DRAFT_VERSION_03', enable_retry_after_header: true }),
    descriptors: limits.flatMap((limit) => descriptorsOf(limit, issuers)),
  };
}

/** For a route that answers by itself, which Envoy gives no rate_limits: counts of its own. */
export function localRateLimitPerRoute(limits: readonly Limit[], issuers: readonly Issuer[]): TypedConfig {
  return { ...localRateLimit(limits, issuers), rate_limits: rateLimits(limits, issuers) };
}

function descriptorsOf(limit: Limit, issuers: readonly Issuer[]): readonly Json[] {
  const bucket = tokenBucket(limit, limit.requests);
  const shadow = limit.mode === 'Shadow' ? { shadow_mode: true } : {};
  const keyed = subsets(limit.by).map((keys) => ({
    entries: [{ key: 'limit', value: limit.id }, ...keys.flatMap((key) => entries(key, issuers))],
    token_bucket: bucket,
    ...shadow,
  }));
  if (limit.by.length === 0) return keyed;
  // Keys that a caller makes up at will evict each other: the total bounds what that gains.
  const total = tokenBucket(limit, Math.min(limit.requests * maximumKeys, maximumTokens));
  return [...keyed, { entries: [{ key: 'total', value: limit.id }], token_bucket: total, ...shadow }];
}

function tokenBucket(limit: Limit, tokens: number): Json {
  return { max_tokens: tokens, tokens_per_fill: tokens, fill_interval: `${limit.seconds}s` };
}

/** An entry without a value counts each value on its own. */
function entries(key: LimitKey, issuers: readonly Issuer[]): readonly Json[] {
  switch (key.kind) {
    case 'clientIP':
      return [{ key: 'masked_remote_address' }];
    case 'header':
      return [{ key: headerKey(key.name) }];
    case 'claim':
      return issuers.map((issuer) => ({ key: claimKey(issuer, key.path) }));
  }
}

/** Every way in which headers may be absent; claims and addresses always have a value. */
function subsets(keys: readonly LimitKey[]): readonly (readonly LimitKey[])[] {
  return keys.reduce<readonly (readonly LimitKey[])[]>(
    (all, key) => [...all.map((some) => [...some, key]), ...(key.kind === 'header' ? all : [])],
    [[]],
  );
}
