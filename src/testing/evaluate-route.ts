/** What Envoy's guards say of a request, read from rendered resources alone: the meaning of its protos, written a second time. */
import type { Permission, Principal, RbacRules, ValueMatcher } from '../envoy/rbac.ts';
import type { StringMatcher } from '../envoy/route.ts';
import { containsAddress, parseCidr } from '../policy/cidr.ts';
import type { JsonObject, Resource } from './compile.ts';
import { filtersOf, type RenderedRoute, type VirtualHostTable } from './tables.ts';

export interface Caller {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** By lower-case name, a value a field line. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly peer: string;
  readonly client: string;
  /** Signed by its `iss`. */
  readonly token?: Readonly<Record<string, unknown>> & { readonly iss: string };
}

/** Whether the request gets past the guards of the route; one that answers 404, 421 or 500 lets nobody past. */
export function passes(
  { host, route }: { readonly host: VirtualHostTable; readonly route: RenderedRoute },
  resources: readonly Resource[],
  caller: Caller,
): boolean {
  const filters = filtersOf(host, route);
  const jwt = Object.entries(filters).find(([name]) => name.startsWith('jwt.'))?.[1];
  if (jwt === undefined) return false;
  const metadata = verified(jwtConfig(host, resources), String(jwt['requirement_name']), caller);
  if (metadata === undefined) return false;
  const rules = (name: string) => (filters[name]?.['rbac'] as { readonly rules?: RbacRules } | undefined)?.rules;
  const matches = (found: RbacRules | undefined) =>
    Object.values(found?.policies ?? {}).some(
      ({ permissions, principals }) =>
        permissions.some((one) => permits(one, caller)) && principals.some((one) => isPrincipal(one, caller, metadata)),
    );
  return !matches(rules('deny')) && matches(rules('allow'));
}

interface JwtConfig {
  readonly providers: Readonly<Record<string, { readonly issuer: string }>>;
  readonly requirement_map: Readonly<Record<string, Requirement>>;
}

type Requirement =
  | { readonly provider_name: string }
  | { readonly requires_any: { readonly requirements: readonly Requirement[] } }
  | { readonly allow_missing: object }
  | { readonly allow_missing_or_failed: object };

function jwtConfig({ gateway, file }: VirtualHostTable, resources: readonly Resource[]): JwtConfig {
  const name = file.replace('rds-', 'ecds-jwt-');
  const found = resources.find((resource) => resource.gateway === gateway && resource.file === name);
  return found?.json['typed_config'] as unknown as JwtConfig;
}

/** Metadata of jwt_authn; undefined where the requirement is not met. */
function verified(config: JwtConfig, requirement: string, { token }: Caller): JsonObject | undefined {
  const needed = config.requirement_map[requirement];
  if (needed === undefined) throw new Error(`the route names requirement ${requirement}, which its chain lacks`);
  const parts = 'requires_any' in needed ? needed.requires_any.requirements : [needed];
  const lenient = parts.some((part) => 'allow_missing_or_failed' in part);
  const optional = lenient || parts.some((part) => 'allow_missing' in part);
  const names = lenient
    ? Object.keys(config.providers)
    : parts.flatMap((part) => ('provider_name' in part ? [part.provider_name] : []));
  if (token === undefined) return optional ? {} : undefined;
  const id = names.find((name) => config.providers[name]?.issuer === token.iss);
  if (id === undefined) return lenient ? {} : undefined;
  const words = (claim: unknown) => (typeof claim === 'string' ? claim.split(' ') : claim);
  const { scope, permission, ...claims } = token;
  return {
    [id]: {
      ...claims,
      ...(scope === undefined ? {} : { scope: words(scope) }),
      ...(permission === undefined ? {} : { permission: words(permission) }),
    },
  };
}

function permits(permission: Permission, caller: Caller): boolean {
  if ('any' in permission) return true;
  if ('and_rules' in permission) return permission.and_rules.rules.every((one) => permits(one, caller));
  if ('or_rules' in permission) return permission.or_rules.rules.some((one) => permits(one, caller));
  if ('not_rule' in permission) return !permits(permission.not_rule, caller);
  if ('url_path' in permission) return matchesString(permission.url_path.path, caller.path);
  if ('uri_template' in permission) {
    const { path_template: template } = permission.uri_template.typed_config;
    return typeof template === 'string' && templatePattern(template).test(caller.path);
  }
  const { name, string_match, present_match } = permission.header;
  const pseudo = { ':method': [caller.method], ':authority': [caller.host] };
  const values = { ...caller.headers, ...pseudo }[name] ?? [];
  if (present_match !== undefined) return values.length > 0 === present_match;
  return string_match !== undefined && values.some((value) => matchesString(string_match, value));
}

function templatePattern(template: string): RegExp {
  const parts = template
    .split(/(\*\*|\*)/)
    .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]+' : quote(part)));
  return new RegExp(`^${parts.join('')}$`);
}

export function quote(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function isPrincipal(principal: Principal, caller: Caller, metadata: JsonObject): boolean {
  if ('any' in principal) return true;
  if ('and_ids' in principal) return principal.and_ids.ids.every((one) => isPrincipal(one, caller, metadata));
  if ('or_ids' in principal) return principal.or_ids.ids.some((one) => isPrincipal(one, caller, metadata));
  if ('not_id' in principal) return !isPrincipal(principal.not_id, caller, metadata);
  if ('sourced_metadata' in principal) {
    const { path, value } = principal.sourced_metadata.metadata_matcher;
    return matchesValue(
      value,
      path.reduce<unknown>((at, { key }) => member(at, key), metadata),
    );
  }
  // No caller of it has a certificate.
  if ('authenticated' in principal || 'filter_state' in principal) return false;
  const direct = 'direct_remote_ip' in principal;
  const { address_prefix, prefix_len } = direct ? principal.direct_remote_ip : principal.remote_ip;
  const block = parseCidr(`${address_prefix}/${prefix_len}`);
  return block !== undefined && containsAddress(block, direct ? caller.peer : caller.client);
}

function member(value: unknown, key: string): unknown {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap && Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined;
}

function matchesValue(matcher: ValueMatcher, value: unknown): boolean {
  if ('or_match' in matcher) return matcher.or_match.value_matchers.some((one) => matchesValue(one, value));
  if ('list_match' in matcher) {
    return Array.isArray(value) && value.some((item) => matchesValue(matcher.list_match.one_of, item));
  }
  if ('string_match' in matcher) return typeof value === 'string' && matchesString(matcher.string_match, value);
  // Numbers are only asked of the status of a failed token, of which a Caller has none.
  return false;
}

export function matchesString(matcher: StringMatcher, text: string): boolean {
  if ('safe_regex' in matcher) {
    const { regex } = matcher.safe_regex;
    const [leading = '', flags] = /^\(\?([is]+)\)/.exec(regex) ?? [];
    return new RegExp(`^(?:${regex.slice(leading.length)})$`, flags).test(text);
  }
  const fold = (one: string) => (matcher.ignore_case === true ? one.toLowerCase() : one);
  if ('exact' in matcher) return fold(text) === fold(matcher.exact);
  return 'prefix' in matcher ? fold(text).startsWith(fold(matcher.prefix)) : fold(text).endsWith(fold(matcher.suffix));
}
