/** envoy.config.rbac.v3 on one request. */

import type { MetadataMatcher, Permission, Principal, RbacRules, ValueMatcher } from '../../envoy/rbac.ts';
import { compareText } from '../../policy/attribute.ts';
import { containsAddress, parseCidr } from '../../policy/cidr.ts';
import { matchesTemplate } from '../../policy/template.ts';
import type { EdgeRequest } from './request.ts';
import { matchesHeader, matchesString, pathOf, UnknownConfig } from './strings.ts';

/** What `render/client-identity.ts` keeps of a certificate. */
const clientUris = 'evengate.client_uris';

/** What jwt_authn left: by key, the payload that it verified, or why it did not. */
export type Metadata = Readonly<Record<string, unknown>>;

export interface Seen {
  readonly request: EdgeRequest;
  readonly metadata: Metadata;
}

/** Name of the first policy that matches: Envoy keeps them sorted. */
export function matchingPolicy({ policies }: RbacRules, seen: Seen): string | undefined {
  return Object.entries(policies)
    .toSorted(([a], [b]) => compareText(a, b))
    .find(
      ([, { permissions, principals }]) =>
        permissions.some((one) => permits(one, seen)) && principals.some((one) => isPrincipal(one, seen)),
    )?.[0];
}

function permits(permission: Permission, seen: Seen): boolean {
  if ('any' in permission) return permission.any;
  if ('and_rules' in permission) return permission.and_rules.rules.every((one) => permits(one, seen));
  if ('or_rules' in permission) return permission.or_rules.rules.some((one) => permits(one, seen));
  if ('not_rule' in permission) return !permits(permission.not_rule, seen);
  if ('header' in permission) return matchesHeader(permission.header, seen.request);
  if ('url_path' in permission) return matchesString(permission.url_path.path, pathOf(seen.request));
  if ('uri_template' in permission) {
    const template = permission.uri_template.typed_config['path_template'];
    return typeof template === 'string' && matchesTemplate(istioTemplate(template), pathOf(seen.request));
  }
  throw new UnknownConfig('permission', permission);
}

/** Envoy's `*` and `**` as Istio writes them. */
function istioTemplate(template: string): string {
  return template.replaceAll(/\*\*|\*/g, (operator) => `{${operator}}`);
}

function isPrincipal(principal: Principal, seen: Seen): boolean {
  if ('any' in principal) return principal.any;
  if ('and_ids' in principal) return principal.and_ids.ids.every((one) => isPrincipal(one, seen));
  if ('or_ids' in principal) return principal.or_ids.ids.some((one) => isPrincipal(one, seen));
  if ('not_id' in principal) return !isPrincipal(principal.not_id, seen);
  if ('sourced_metadata' in principal) return matchesMetadata(principal.sourced_metadata.metadata_matcher, seen);
  if ('direct_remote_ip' in principal) return isWithin(principal.direct_remote_ip, seen.request.directIp);
  if ('remote_ip' in principal) return isWithin(principal.remote_ip, seen.request.remoteIp);
  const names = seen.request.certificate ?? [];
  if ('authenticated' in principal) {
    const { principal_name } = principal.authenticated;
    return names.some((name) => matchesString(principal_name, name));
  }
  if ('filter_state' in principal && principal.filter_state.key === clientUris) {
    const uris = names.filter((name) => /^[a-z][a-z0-9+.-]*:/i.test(name)).join(',');
    return uris !== '' && matchesString(principal.filter_state.string_match, uris);
  }
  throw new UnknownConfig('principal', principal);
}

function isWithin(range: { readonly address_prefix: string; readonly prefix_len: number }, address: string): boolean {
  const block = parseCidr(`${range.address_prefix}/${range.prefix_len}`);
  return block !== undefined && containsAddress(block, address);
}

function matchesMetadata({ path, value }: MetadataMatcher, { metadata }: Seen): boolean {
  return matchesValue(
    value,
    path.reduce<unknown>((at, { key }) => memberOf(at, key), metadata),
  );
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}

function matchesValue(matcher: ValueMatcher, value: unknown): boolean {
  if ('or_match' in matcher) return matcher.or_match.value_matchers.some((one) => matchesValue(one, value));
  if ('list_match' in matcher) {
    return Array.isArray(value) && value.some((item) => matchesValue(matcher.list_match.one_of, item));
  }
  if ('string_match' in matcher) return typeof value === 'string' && matchesString(matcher.string_match, value);
  if ('present_match' in matcher) return (value !== undefined) === matcher.present_match;
  if ('double_match' in matcher) {
    const { start, end } = matcher.double_match.range;
    return typeof value === 'number' && value >= start && value < end;
  }
  throw new UnknownConfig('value matcher', matcher);
}
