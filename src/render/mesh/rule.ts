/** A conjunction as one rule of an AuthorizationPolicy. */

import type { Issuer } from '../../ir/guard.ts';
import { expressible, istioText } from '../../ir/istio-terms.ts';
import type { EnforcementPoint } from '../../ir/mesh.ts';
import type { Condition, Operation, Rule, Source } from '../../istio/security.ts';
import { attributeKey } from '../../policy/attribute.ts';
import type { Constraint } from '../../policy/constraint.ts';
import { formatPattern } from '../../policy/pattern.ts';

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
  const values = constraint.attribute.kind === 'issuer' ? issuerTexts(constraint, issuers) : texts(constraint);
  return { key: keyOf(constraint), [constraint.negated ? 'notValues' : 'values']: values };
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

/** An issuer is known by its id here, and by its `iss` there: two key sets of one `iss` are one, as whoever made the workload has reported. */
function issuerTexts(constraint: Constraint, issuers: readonly Issuer[]): readonly string[] {
  const ids = texts(constraint);
  const found = issuers.filter(({ id }) => ids.includes(id)).map(({ issuer }) => issuer);
  const values = found.map((value) => istioText({ kind: 'exact', value }) ?? '');
  if (found.length < ids.length || values.includes('')) throw unsayable(constraint);
  return [...new Set(values)];
}

function texts(constraint: Constraint): readonly string[] {
  if (!expressible(constraint)) throw unsayable(constraint);
  return constraint.anyOf.map((pattern) => istioText(pattern) ?? '');
}

function unsayable({ attribute, negated, anyOf }: Constraint): Error {
  const values = anyOf.map((pattern) => JSON.stringify(formatPattern(pattern))).join(', ');
  return new Error(`Istio cannot say: ${attributeKey(attribute)} ${negated ? 'not in' : 'in'} [${values}]`);
}
