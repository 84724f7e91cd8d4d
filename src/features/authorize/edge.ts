/** A Decision, as requests from outside meet it, as Envoy RBAC: one policy a conjunction, matchers on single values only (matcher trees miss duplicates and `?x`). */
import { types } from '../../envoy/json.ts';
import type { CidrRange, Permission, Principal, Rbac, RbacPolicy, RbacRules, ValueMatcher } from '../../envoy/rbac.ts';
import type { StringMatcher } from '../../envoy/route.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { Conjunction, Constraint, Decision } from '../../policy/decision.ts';
import type { Pattern } from '../../policy/pattern.ts';
import { edgeDecision } from '../../policy/planes.ts';
import { failedTokenKey, failedTokenPolicy, tokenMetadata } from '../names.ts';
import { nameMatcher } from './client-certificate.ts';

export interface Enforcement {
  readonly decision: Decision;
  readonly issuers: readonly Issuer[];
}

export function denyRules(enforcement: Enforcement): RbacRules {
  return rules('DENY', edgeDecision(enforcement.decision).deny, enforcement.issuers);
}

/** ALLOW without policies admits nobody. */
export function allowRules(enforcement: Enforcement): RbacRules {
  return rules('ALLOW', edgeDecision(enforcement.decision).allow, enforcement.issuers);
}

/** Where no token is needed, one of a known issuer that does not verify is still refused (401 by the listener's local reply). */
export function withFailedToken(deny: RbacRules): RbacRules {
  return {
    ...deny,
    policies: { [failedTokenPolicy]: { permissions: [{ any: true }], principals: [failedToken] }, ...deny.policies },
  };
}

/**
 * Status codes of jwt_verify_lib that say "of a known issuer, and refused": 2 not yet valid, 3 expired, 25 and up (signature,
 * key). Between them are texts that are no token, and 24, an unknown issuer; 1 is no token at all.
 */
const refusedCodes = [
  { start: 2, end: 4 },
  { start: 25, end: 1000 },
];

/** What jwt_authn's failed_status_in_metadata left. */
const failedToken: Principal = {
  sourced_metadata: {
    metadata_matcher: {
      filter: tokenMetadata,
      path: [{ key: failedTokenKey }, { key: 'code' }],
      value: { or_match: { value_matchers: refusedCodes.map((range) => ({ double_match: { range } })) } },
    },
  },
};

/** Rules in force, and rules that are only counted; `guard` begins the names of what the access log is told of those. */
export function rbac(enforced: RbacRules | undefined, shadow: RbacRules | undefined, guard: 'deny' | 'allow'): Rbac {
  return {
    ...(enforced === undefined ? {} : { rules: enforced }),
    ...(shadow === undefined ? {} : { shadow_rules: shadow, shadow_rules_stat_prefix: `${guard}_` }),
  };
}

function rules(
  action: RbacRules['action'],
  conjunctions: readonly Conjunction[],
  issuers: readonly Issuer[],
): RbacRules {
  const nameOf = action === 'ALLOW' ? rulesOf : partsOf;
  const policies: Record<string, RbacPolicy> = {};
  for (const conjunction of conjunctions) {
    policies[unusedName(nameOf(conjunction), policies)] = rbacPolicy(conjunction, issuers);
  }
  return { action, policies };
}

/** `<namespace>/<policy>:<rule>`; of several, first all policies, then all rules: the access log takes them apart. */
function partsOf(conjunction: Conjunction): string {
  const policies = conjunction.sources.map(({ policy }) => `${policy.namespace}/${policy.name}`);
  return `${policies.join('+')}:${rulesOf(conjunction)}`;
}

/** The policies that admit are the same in each conjunction, so the route's metadata names them. Empty without any. */
function rulesOf({ sources }: Conjunction): string {
  return sources.map(({ rule }) => rule).join('+');
}

function unusedName(name: string, taken: Readonly<Record<string, RbacPolicy>>): string {
  if (!Object.hasOwn(taken, name)) return name;
  let count = 2;
  while (Object.hasOwn(taken, `${name}#${count}`)) count += 1;
  return `${name}#${count}`;
}

function rbacPolicy(conjunction: Conjunction, issuers: readonly Issuer[]): RbacPolicy {
  const named = conjunction.constraints.find(({ attribute, negated }) => attribute.kind === 'issuer' && !negated);
  const ids = named?.anyOf.map((pattern) => ('value' in pattern ? pattern.value : ''));
  const known = ids === undefined ? issuers : issuers.filter(({ id }) => ids.includes(id));
  // A claim is looked for under those issuers alone, and stands there only when one of them signed it.
  const implied = conjunction.constraints.some(({ attribute, negated }) => attribute.kind === 'claim' && !negated);
  const permissions: Permission[] = [];
  const principals: Principal[] = [];
  for (const constraint of conjunction.constraints) {
    if (implied && constraint === named) continue;
    const permission = permissionOf(constraint);
    if (permission === undefined) principals.push(principalOf(constraint, known));
    else permissions.push(permission);
  }
  return {
    permissions: [allPermissions(permissions)],
    principals: [allPrincipals(principals)],
  };
}

function allPermissions(parts: readonly Permission[]): Permission {
  if (parts.length === 0) return { any: true };
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { and_rules: { rules: parts } };
}

function allPrincipals(parts: readonly Principal[]): Principal {
  if (parts.length === 0) return { any: true };
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { and_ids: { ids: parts } };
}

/** What the request asks for; undefined when the constraint is about who asks. */
function permissionOf({ attribute, anyOf, negated }: Constraint): Permission | undefined {
  const wrap = (each: (pattern: Pattern) => Permission): Permission => {
    const parts = anyOf.map(each);
    const any: Permission = parts.length === 1 && parts[0] !== undefined ? parts[0] : { or_rules: { rules: parts } };
    return negated ? { not_rule: any } : any;
  };
  switch (attribute.kind) {
    case 'method':
      return wrap((pattern) => header(':method', pattern));
    case 'host':
      return wrap((pattern) => header(':authority', pattern, true));
    case 'header':
      return wrap((pattern) => header(attribute.name, pattern));
    case 'path':
      return wrap(path);
    case 'claim':
    case 'issuer':
    case 'directIp':
    case 'remoteIp':
    case 'serviceAccount':
    case 'namespace':
    case 'principal':
    case 'clientCertificate':
      return undefined;
  }
}

function header(name: string, pattern: Pattern, ignoreCase = false): Permission {
  // As Istio does: also an empty line is one.
  if (pattern.kind === 'present') return { header: { name, present_match: true } };
  return { header: { name, string_match: stringMatcher(pattern, ignoreCase) } };
}

function path(pattern: Pattern): Permission {
  if (pattern.kind !== 'template') return { url_path: { path: stringMatcher(pattern) } };
  // Istio's {*} and {**} are Envoy's * and **.
  const template = pattern.value.replaceAll('{**}', '**').replaceAll('{*}', '*');
  return {
    uri_template: {
      name: 'envoy.path.match.uri_template.uri_template_matcher',
      typed_config: { '@type': types.uriTemplate, path_template: template },
    },
  };
}

function stringMatcher(pattern: Pattern, ignoreCase = false): StringMatcher {
  const flag = ignoreCase ? { ignore_case: true } : {};
  switch (pattern.kind) {
    case 'exact':
      return { exact: pattern.value, ...flag };
    case 'prefix':
      return { prefix: pattern.value, ...flag };
    case 'suffix':
      return { suffix: pattern.value, ...flag };
    case 'suffix-any-port':
      return { safe_regex: { regex: `(?i).*${quoted(pattern.value)}(:[0-9]+)?` } };
    case 'present':
    case 'template':
      // (?s): a claim may hold line breaks, and `notValues: ['*']` must see those, too.
      return { safe_regex: { regex: '(?s).+' } };
  }
}

/** For RE2, as text. */
function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

function principalOf(constraint: Constraint, issuers: readonly Issuer[]): Principal {
  const any = anyPrincipal(principalsOf(constraint, issuers));
  return constraint.negated ? { not_id: any } : any;
}

/** Who asks, each way of being it. A claim is looked for under the issuers that the conjunction accepts, never another policy's. */
function principalsOf({ attribute, anyOf }: Constraint, issuers: readonly Issuer[]): readonly Principal[] {
  switch (attribute.kind) {
    case 'directIp':
      return anyOf.map((pattern) => address('direct_remote_ip', pattern));
    case 'remoteIp':
      return anyOf.map((pattern) => address('remote_ip', pattern));
    case 'claim':
      return issuers.map((issuer) => tokenOf(issuer, attribute.path, anyOf));
    case 'issuer':
      return issuers.map((issuer) => tokenOf(issuer, undefined, anyOf));
    case 'clientCertificate':
      return anyOf.flatMap((pattern) => {
        const principal_name = nameMatcher(pattern);
        return principal_name === undefined ? [] : [{ authenticated: { principal_name } }];
      });
    case 'serviceAccount':
    case 'namespace':
    case 'principal':
    case 'method':
    case 'path':
    case 'host':
    case 'header':
      return [];
  }
}

function anyPrincipal(parts: readonly Principal[]): Principal {
  // No issuer left that could verify a token: never true, and its negation always.
  if (parts.length === 0) return { not_id: { any: true } };
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { or_ids: { ids: parts } };
}

function address(kind: 'direct_remote_ip' | 'remote_ip', pattern: Pattern): Principal {
  const [address_prefix = '', length = '0'] = ('value' in pattern ? pattern.value : '').split('/');
  const range: CidrRange = { address_prefix, prefix_len: Number(length) };
  return kind === 'remote_ip' ? { remote_ip: range } : { direct_remote_ip: range };
}

function tokenOf(issuer: Issuer, claim: readonly string[] | undefined, anyOf: readonly Pattern[]): Principal {
  const value = claim === undefined ? { string_match: { exact: issuer.issuer } } : claimValue(anyOf);
  return {
    sourced_metadata: {
      metadata_matcher: {
        filter: tokenMetadata,
        path: [issuer.id, ...(claim ?? ['iss'])].map((key) => ({ key })),
        value,
      },
    },
  };
}

/** A string, or any string of a list: claims come as both. */
function claimValue(anyOf: readonly Pattern[]): ValueMatcher {
  const single = anyOf.map((pattern): ValueMatcher => ({ string_match: stringMatcher(pattern) }));
  const listed = single.map((value): ValueMatcher => ({ list_match: { one_of: value } }));
  return { or_match: { value_matchers: [...single, ...listed] } };
}
