/** One AuthPolicy as a Policy: its keys looked up, its rules multiplied out, its issuers in every conjunction. */
import type { AuthPolicySpec } from '../api/policies.ts';
import { positive } from '../features/authorize/patterns.ts';
import { resolveRule } from '../features/authorize/resolve.ts';
import type { RuleSpec } from '../features/authorize/schema.ts';
import { readClaim } from '../features/claims.ts';
import { type AcceptedIssuer, resolveIssuer } from '../features/jwt/resolve.ts';
import type { Policy } from '../ir/guard.ts';
import type { Lookup } from '../ir/lookup.ts';
import type { ObjectRef } from '../kube/object.ts';
import {
  type Conjunction,
  type Constraint,
  conjunction,
  namesIdentity,
  normalise,
  type Source,
} from '../policy/decision.ts';
import type { Finding } from '../status/finding.ts';
import type { ParsedPolicy } from './parse.ts';

export interface ResolvedPolicy {
  readonly policy: Policy;
  readonly findings: readonly Finding[];
}

export function resolveAuthPolicy(parsed: ParsedPolicy<AuthPolicySpec>, lookup: Lookup): ResolvedPolicy {
  const { ref, spec } = parsed;
  if (spec === undefined) return unreadable(parsed);
  const issuers = (spec.authenticate?.jwt ?? []).map((jwt, index) =>
    resolveIssuer(jwt, { about: ref, at: `spec.authenticate.jwt[${index}]` }, lookup),
  );
  const accepted = issuers.flatMap((each) => (each.ok ? [each.value] : []));
  const allow = products(spec.authorize?.allow, 'allow', ref);
  const deny = products(spec.authorize?.deny, 'deny', ref);
  const findings = [...issuers.flatMap((each) => each.findings), ...allow.findings, ...deny.findings];
  const broken = findings.find((finding) => finding.severity === 'error');
  const policy: Policy = {
    ref,
    mode: spec.mode ?? 'Enforce',
    opens: spec.authenticate !== undefined || spec.authorize?.allow !== undefined,
    sufficient: spec.sufficient ?? false,
    issuers: accepted.map(({ issuer }) => issuer),
    borrowsToken: spec.authenticate === undefined && [...allow.products, ...deny.products].some(looksAtToken),
    decision: {
      deny: normalise(deny.products.flatMap((each) => conjunctionOf(withOwnToken(each, accepted)))),
      allow: normalise(allowed(allow.products, accepted, ref, spec).flatMap(conjunctionOf)),
    },
    ...(broken === undefined ? {} : { broken }),
  };
  return { policy, findings: [...findings, ...advice(policy, spec)] };
}

/** Not applied, but not forgotten: what it targets answers 500. */
function unreadable(parsed: ParsedPolicy<AuthPolicySpec>): ResolvedPolicy {
  const { ref, findings } = parsed;
  const [broken] = findings;
  return {
    policy: {
      ref,
      mode: 'Enforce',
      opens: false,
      sufficient: false,
      issuers: [],
      borrowsToken: false,
      decision: { deny: [], allow: [] },
      ...(broken === undefined ? {} : { broken }),
    },
    findings,
  };
}

interface Product {
  readonly constraints: readonly Constraint[];
  readonly source: Source;
}

interface Products {
  readonly products: readonly Product[];
  readonly findings: readonly Finding[];
}

function products(rules: readonly RuleSpec[] | undefined, list: 'allow' | 'deny', ref: ObjectRef): Products {
  const resolved = (rules ?? []).map((rule, index) => {
    const { sum, findings } = resolveRule(rule, { about: ref, at: `spec.authorize.${list}[${index}]` });
    const source = { policy: ref, rule: rule.name ?? `${list}[${index}]` };
    return { products: sum.map((constraints) => ({ constraints, source })), findings };
  });
  return {
    products: resolved.flatMap((each) => each.products),
    findings: resolved.flatMap((each) => each.findings),
  };
}

/** Without `allow`, everyone who authenticates is admitted; without `authenticate` too, everyone who is not denied. */
function allowed(
  written: readonly Product[],
  accepted: readonly AcceptedIssuer[],
  ref: ObjectRef,
  spec: AuthPolicySpec,
): readonly Product[] {
  const everyone: Product = { constraints: [], source: { policy: ref, rule: 'authenticate' } };
  const listed = spec.authorize?.allow === undefined ? [everyone] : written;
  if (spec.authenticate === undefined) return listed;
  return listed.flatMap((product) =>
    authenticatesItself(product)
      ? [product]
      : accepted.map((one) => ({ ...product, constraints: [...product.constraints, ...tokenOf(one)] })),
  );
}

/** Inside the mesh a caller proves by its certificate who it is; a rule that also looks at its token needs both. */
function authenticatesItself(product: Product): boolean {
  return namesIdentity(product) && !looksAtToken(product);
}

/** The policy's own issuer and audiences: another policy's token, though valid, does not count. */
function tokenOf({ issuer, audiences }: AcceptedIssuer): readonly Constraint[] {
  const from = positive({ kind: 'issuer' }, [{ kind: 'exact', value: issuer.id }]);
  if (audiences === undefined) return [from];
  const values = audiences.map((value) => ({ kind: 'exact' as const, value }));
  return [from, positive({ kind: 'claim', path: readClaim('aud') }, values)];
}

/** A deny is never narrowed, but for the keys its claims are read under. */
function withOwnToken(product: Product, accepted: readonly AcceptedIssuer[]): Product {
  const needsToken = product.constraints.some(({ attribute, negated }) => attribute.kind === 'claim' && !negated);
  if (!needsToken || accepted.length === 0) return product;
  const ids = accepted.map(({ issuer }) => ({ kind: 'exact' as const, value: issuer.id }));
  return { ...product, constraints: [...product.constraints, positive({ kind: 'issuer' }, ids)] };
}

function conjunctionOf({ constraints, source }: Product): readonly Conjunction[] {
  const one = conjunction(constraints, [source]);
  return one === 'empty' ? [] : [one];
}

function looksAtToken({ constraints }: Product): boolean {
  return constraints.some(({ attribute }) => attribute.kind === 'claim');
}

function advice(policy: Policy, spec: AuthPolicySpec): readonly Finding[] {
  const warn = (at: string, message: string, remedy: string): Finding => ({
    about: policy.ref,
    severity: 'warning',
    reason: 'NotGuarding',
    at,
    message,
    remedy,
  });
  if (!policy.opens && spec.authorize?.deny === undefined) {
    return [
      warn(
        'spec',
        'the policy neither authenticates nor authorizes, so it changes nothing',
        'Add authenticate or authorize',
      ),
    ];
  }
  if (policy.sufficient && !policy.opens) {
    return [
      warn(
        'spec.sufficient',
        'sufficient has no effect without authenticate or allow',
        'Add authorize.allow, or remove sufficient',
      ),
    ];
  }
  return [];
}
