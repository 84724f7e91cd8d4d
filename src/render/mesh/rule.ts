/** A conjunction as one rule of an AuthorizationPolicy. */

import type { Issuer } from '../../ir/guard.ts';
import { expressible, istioText } from '../../ir/istio-terms.ts';
import type { EnforcementPoint } from '../../ir/mesh.ts';
import type { Condition, Operation, Rule, Source } from '../../istio/security.ts';
import { attributeKey } from '../../policy/attribute.ts';
import type { Constraint } from '../../policy/constraint.ts';
import { formatPattern, matchesPattern, parsePattern } from '../../policy/pattern.ts';

export interface RuleContext {
  /** As the proxy sees them; empty for every port. */
  readonly ports: readonly number[];
  readonly issuers: readonly Issuer[];
  readonly action: 'ALLOW' | 'DENY';
  readonly point: EnforcementPoint;
}

/** Throws where Istio has no words for a constraint: whoever made the workload has reported it, and left it out. */
export function ruleOf(constraints: readonly Constraint[], context: RuleContext): Rule {
  const operation: Mutable<Operation> = context.ports.length === 0 ? {} : { ports: context.ports.map(String) };
  const source: Mutable<Source> = {};
  const when: Condition[] = [];
  for (const constraint of constraints) {
    const { kind } = constraint.attribute;
    // It drops a DENY that holds anything else, without a word, and so opens.
    if (context.point === 'ztunnel' && kind !== 'principal') throw unsayable(constraint);
    if (kind === 'method' || kind === 'path' || kind === 'host') addOperation(operation, kind, constraint);
    else if (kind === 'principal' && (constraint.negated || source.principals === undefined))
      addSource(source, constraint);
    else when.push(condition(constraint, context.issuers));
  }
  // Without a certificate `notPrincipals` holds (ISTIO-SECURITY-2021-004), and who is nobody must not pass for somebody else.
  const nobody = context.action === 'ALLOW' && source.notPrincipals !== undefined ? { principals: ['*'] } : {};
  return {
    ...(isEmpty(source) ? {} : { from: [{ source: { ...nobody, ...source } }] }),
    ...(isEmpty(operation) ? {} : { to: [{ operation }] }),
    ...(when.length === 0 ? {} : { when }),
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function isEmpty(fields: object): boolean {
  return Object.keys(fields).length === 0;
}

const operationFields = {
  method: ['methods', 'notMethods'],
  path: ['paths', 'notPaths'],
  host: ['hosts', 'notHosts'],
} as const;

function addOperation(operation: Mutable<Operation>, kind: keyof typeof operationFields, constraint: Constraint): void {
  const [positive, negative] = operationFields[kind];
  // The values of a field are OR-ed: two negated sets are one, two positive ones cannot be said.
  if (constraint.negated) operation[negative] = [...(operation[negative] ?? []), ...texts(constraint)];
  else if (operation[positive] === undefined) operation[positive] = texts(constraint);
  else throw unsayable(constraint);
}

function addSource(source: Mutable<Source>, constraint: Constraint): void {
  if (constraint.negated) source.notPrincipals = [...(source.notPrincipals ?? []), ...texts(constraint)];
  else source.principals = texts(constraint);
}

function condition(constraint: Constraint, issuers: readonly Issuer[]): Condition {
  if (constraint.attribute.kind === 'issuer') return issuerCondition(constraint, issuers);
  return { key: keyOf(constraint), [constraint.negated ? 'notValues' : 'values']: texts(constraint) };
}

function keyOf(constraint: Constraint): string {
  const { attribute } = constraint;
  switch (attribute.kind) {
    case 'header':
      return `request.headers[${attribute.name}]`;
    case 'claim':
      return `request.auth.claims[${attribute.path.join('][')}]`;
    case 'issuer':
      return 'request.auth.claims[iss]';
    case 'principal':
      return 'source.principal';
    case 'method':
    case 'path':
    case 'host':
    case 'directIp':
    case 'remoteIp':
    case 'serviceAccount':
    case 'namespace':
    case 'clientCertificate':
      throw unsayable(constraint);
  }
}

/**
 * An issuer is known by its id here, and by its `iss` there: two key sets of one `iss` are one, as whoever made the workload has
 * reported. One that ends in a star is read as a pattern, so what it takes of the others' is taken out again: no token of a
 * fourth is verified.
 */
function issuerCondition(constraint: Constraint, issuers: readonly Issuer[]): Condition {
  const ids = texts(constraint);
  const named = issuers.filter(({ id }) => ids.includes(id));
  if (named.length < ids.length) throw unsayable(constraint);
  const values = [...new Set(named.map(({ issuer }) => issuer))];
  const key = keyOf(constraint);
  if (constraint.negated) return { key, notValues: values };
  const patterns = values.map(parsePattern);
  const others = issuers
    .map(({ issuer }) => issuer)
    .filter((issuer) => !values.includes(issuer) && patterns.some((pattern) => matchesPattern(pattern, issuer)));
  return { key, values, ...(others.length > 0 && { notValues: [...new Set(others)] }) };
}

function texts(constraint: Constraint): readonly string[] {
  if (!expressible(constraint)) throw unsayable(constraint);
  return constraint.anyOf.map((pattern) => istioText(pattern) ?? '');
}

function unsayable({ attribute, negated, anyOf }: Constraint): Error {
  const values = anyOf.map((pattern) => JSON.stringify(formatPattern(pattern))).join(', ');
  return new Error(`Istio cannot say: ${attributeKey(attribute)} ${negated ? 'not in' : 'in'} [${values}]`);
}
