/** Constraints and policies in words that a newcomer understands. */

import type { Issuer } from '../../ir/guard.ts';
import type { Match } from '../../ir/match.ts';
import type { Attribute } from '../../policy/attribute.ts';
import type { Constraint, Source } from '../../policy/decision.ts';
import { formatPattern, type Pattern } from '../../policy/pattern.ts';

/** `the claim scope to be orders.read`, as it stands behind "needs". */
export function describeConstraint({ attribute, negated, anyOf }: Constraint, issuers: readonly Issuer[]): string {
  const values = anyOf.map((pattern) => describePattern(attribute, pattern, issuers));
  const verb = negated ? 'not to be' : 'to be';
  return `${nameOf(attribute)} ${verb} ${shortList(values)}`;
}

function describePattern(attribute: Attribute, pattern: Pattern, issuers: readonly Issuer[]): string {
  if (pattern.kind === 'present') return 'anything but empty';
  const text = formatPattern(pattern);
  if (attribute.kind !== 'issuer') return text === '' ? '""' : text;
  return issuers.find(({ id }) => id === text)?.issuer ?? text;
}

function nameOf(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'method':
    case 'path':
    case 'host':
      return `the ${attribute.kind}`;
    case 'directIp':
      return "the TCP peer's address";
    case 'remoteIp':
      return "the client's address";
    case 'issuer':
      return "the token's issuer";
    case 'serviceAccount':
      return "the caller's service account";
    case 'namespace':
      return "the caller's namespace";
    case 'principal':
      return "the caller's identity in the mesh";
    case 'clientCertificate':
      return "a name of the client's certificate";
    case 'header':
      return `the header ${attribute.name}`;
    case 'claim':
      return `the claim ${attribute.path.join('/')}`;
  }
}

const mostValues = 4;

/** `a, b or c`; a long list is cut, as a policy may name thousands of addresses. */
export function shortList(values: readonly string[]): string {
  if (values.length > mostValues) {
    return `one of ${values.slice(0, mostValues).join(', ')} and ${values.length - mostValues} more`;
  }
  const last = values.at(-1) ?? 'nothing';
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`;
}

export function ruleNames(sources: readonly Source[]): string {
  const names = [...new Set(sources.map(({ rule }) => rule))];
  return `${names.length === 1 ? 'rule' : 'rules'} ${names.join(', ')}`;
}

/** `PathPrefix /orders, GET, header x-canary: true`. */
export function describeMatch({ path, method, headers, queryParams }: Match): string {
  const sign = (type: string) => (type === 'Exact' ? '=' : '~');
  return [
    `${path.type} ${path.value}`,
    ...(method === undefined ? [] : [method]),
    ...headers.map(({ name, type, value }) => `header ${name} ${sign(type)} ${value}`),
    ...queryParams.map(({ name, type, value }) => `query ${name} ${sign(type)} ${value}`),
  ].join(', ');
}
