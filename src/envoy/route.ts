/** envoy.config.route.v3: the fields that we write. */
import type { Json, TypedConfig } from './json.ts';

export type { Json } from './json.ts';

/** envoy.type.matcher.v3.StringMatcher */
export type StringMatcher =
  | { readonly exact: string; readonly ignore_case?: boolean }
  | { readonly prefix: string; readonly ignore_case?: boolean }
  | { readonly suffix: string; readonly ignore_case?: boolean }
  | { readonly safe_regex: { readonly regex: string } };

export interface HeaderMatcher {
  readonly name: string;
  readonly string_match?: StringMatcher;
  readonly present_match?: boolean;
  readonly invert_match?: boolean;
}

export interface RouteMatch {
  readonly prefix?: string;
  readonly path?: string;
  readonly path_separated_prefix?: string;
  readonly safe_regex?: { readonly regex: string };
  readonly headers?: readonly HeaderMatcher[];
  readonly query_parameters?: readonly { readonly name: string; readonly string_match: StringMatcher }[];
}

export interface HeaderValueOption {
  readonly header: { readonly key: string; readonly value: string };
  readonly append_action: 'APPEND_IF_EXISTS_OR_ADD' | 'OVERWRITE_IF_EXISTS_OR_ADD';
}

export interface HeaderEdits {
  readonly request_headers_to_add?: readonly HeaderValueOption[];
  readonly request_headers_to_remove?: readonly string[];
  readonly response_headers_to_add?: readonly HeaderValueOption[];
  readonly response_headers_to_remove?: readonly string[];
}

export interface ClusterWeight extends HeaderEdits {
  readonly name: string;
  readonly weight: number;
}

export interface RegexRewrite {
  readonly pattern: { readonly regex: string };
  readonly substitution: string;
}

export interface RouteAction {
  readonly cluster?: string;
  readonly weighted_clusters?: { readonly clusters: readonly ClusterWeight[] };
  readonly cluster_not_found_response_code?: 'NOT_FOUND' | 'INTERNAL_SERVER_ERROR';
  readonly timeout?: string;
  readonly retry_policy?: { readonly per_try_timeout?: string };
  readonly prefix_rewrite?: string;
  readonly regex_rewrite?: RegexRewrite;
  readonly host_rewrite_literal?: string;
  readonly rate_limits?: readonly Json[];
}

export interface RedirectAction {
  readonly scheme_redirect?: string;
  readonly host_redirect?: string;
  readonly port_redirect?: number;
  readonly path_redirect?: string;
  readonly prefix_rewrite?: string;
  readonly regex_rewrite?: RegexRewrite;
  readonly response_code: 'MOVED_PERMANENTLY' | 'FOUND' | 'SEE_OTHER' | 'TEMPORARY_REDIRECT' | 'PERMANENT_REDIRECT';
}

export interface DirectResponseAction {
  readonly status: number;
  readonly body?: { readonly inline_string: string };
}

/** envoy.config.core.v3.Metadata */
export interface Metadata {
  readonly filter_metadata: { readonly [filter: string]: { readonly [key: string]: Json } };
}

export interface Route extends HeaderEdits {
  readonly name: string;
  readonly metadata?: Metadata;
  readonly match: RouteMatch;
  readonly route?: RouteAction;
  readonly redirect?: RedirectAction;
  readonly direct_response?: DirectResponseAction;
  readonly typed_per_filter_config?: Readonly<Record<string, TypedConfig | Json>>;
}
