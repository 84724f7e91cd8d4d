/** envoy.config.rbac.v3: the fields that we write. */
import type { Json, TypedConfig } from './json.ts';
import type { HeaderMatcher, StringMatcher } from './route.ts';

export interface CidrRange {
  readonly address_prefix: string;
  readonly prefix_len: number;
}

/** envoy.type.matcher.v3.ValueMatcher, as far as tokens need it. */
export type ValueMatcher =
  | { readonly string_match: StringMatcher }
  | { readonly list_match: { readonly one_of: ValueMatcher } }
  | { readonly present_match: boolean }
  | { readonly double_match: { readonly range: { readonly start: number; readonly end: number } } }
  | { readonly or_match: { readonly value_matchers: readonly ValueMatcher[] } };

export interface MetadataMatcher {
  readonly filter: string;
  readonly path: readonly { readonly key: string }[];
  readonly value: ValueMatcher;
}

export type Permission =
  | { readonly any: true }
  | { readonly and_rules: { readonly rules: readonly Permission[] } }
  | { readonly or_rules: { readonly rules: readonly Permission[] } }
  | { readonly not_rule: Permission }
  | { readonly header: HeaderMatcher }
  | { readonly url_path: { readonly path: StringMatcher } }
  | { readonly uri_template: { readonly name: string; readonly typed_config: TypedConfig } };

export type Principal =
  | { readonly any: true }
  | { readonly and_ids: { readonly ids: readonly Principal[] } }
  | { readonly or_ids: { readonly ids: readonly Principal[] } }
  | { readonly not_id: Principal }
  | { readonly direct_remote_ip: CidrRange }
  | { readonly remote_ip: CidrRange }
  /** Any name (URI, DNS) of a certificate that verified, or its subject. */
  | { readonly authenticated: { readonly principal_name: StringMatcher } }
  | { readonly filter_state: { readonly key: string; readonly string_match: StringMatcher } }
  | { readonly sourced_metadata: { readonly metadata_matcher: MetadataMatcher } };

export interface RbacPolicy {
  readonly permissions: readonly Permission[];
  readonly principals: readonly Principal[];
}

export interface RbacRules {
  readonly action: 'ALLOW' | 'DENY';
  readonly policies: Readonly<Record<string, RbacPolicy>>;
}

export interface Rbac {
  readonly rules?: RbacRules;
  readonly shadow_rules?: RbacRules;
  readonly shadow_rules_stat_prefix?: string;
}

export type RbacJson = Rbac & { readonly [key: string]: Json | undefined };
