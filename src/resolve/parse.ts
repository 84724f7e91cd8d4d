/**
 * Objects as exact types. A stored object may be older than the schema, or come from a file: what can be read of a broken
 * one still stands where it stood, and answers 500, because a broader rule would answer for it otherwise.
 */

import { z } from 'zod';
import { type ApiGatewaySpec, apiGatewaySchema } from '../api/api-gateway.ts';
import { decode, decodeInPlace } from '../api/decode.ts';
import {
  type AuthPolicySpec,
  authPolicySchema,
  authTargetSchema,
  limitTargetSchema,
  type RateLimitPolicySpec,
  rateLimitPolicySchema,
  type TargetRefSpec,
} from '../api/policies.ts';
import { type ParentRefSpec, parentRefSchema, type RouteRuleSpec, routeSchema, ruleSchema } from '../api/route.ts';
import { type MatchSpec, matchSchema } from '../features/matches/schema.ts';
import { type KubeObject, type ObjectRef, refOf } from '../kube/object.ts';
import { hostname } from '../schema/fields.ts';
import type { Finding } from '../status/finding.ts';

export interface ParsedRoute {
  readonly ref: ObjectRef;
  readonly parentRefs: readonly ParentRefSpec[];
  /** Undefined serves every host of the listener. */
  readonly hostnames: readonly string[] | undefined;
  readonly rules: readonly ParsedRule[];
  readonly findings: readonly Finding[];
}

export type ParsedRule =
  | { readonly kind: 'rule'; readonly spec: RouteRuleSpec }
  | {
      readonly kind: 'broken';
      readonly name: string | undefined;
      readonly matches: readonly MatchSpec[];
      readonly because: Finding;
    };

export function parseRoute(object: KubeObject): ParsedRoute {
  const about = refOf(object);
  const decoded = decodeInPlace(routeSchema, object.spec, { about, at: 'spec' });
  if (!decoded.ok) return salvageRoute(about, object.spec, decoded.findings);
  const { parentRefs, hostnames, rules } = decoded.value;
  return { ref: about, parentRefs, hostnames, rules: rules.map((spec) => ({ kind: 'rule', spec })), findings: [] };
}

function salvageRoute(ref: ObjectRef, spec: unknown, findings: readonly Finding[]): ParsedRoute {
  const because = findings[0];
  const rules = listOf(fieldOf(spec, 'rules'));
  const names = Map.groupBy(rules, (rule) => fieldOf(rule, 'name'));
  // Nobody knows which of two rules of one name a policy means.
  const isTwin = (rule: unknown) =>
    fieldOf(rule, 'name') !== undefined && names.get(fieldOf(rule, 'name'))?.length !== 1;
  const hostnames = fieldOf(spec, 'hostnames');
  return {
    ref,
    parentRefs: readable(parentRefSchema, fieldOf(spec, 'parentRefs')),
    hostnames: hostnames === undefined ? undefined : readable(hostname, hostnames),
    rules:
      because === undefined
        ? []
        : rules.map((rule, index) =>
            (isTwin(rule) ? brokenRule : salvageRule)(rule, ref, reasonFor(index, findings) ?? because),
          ),
    findings,
  };
}

function salvageRule(rule: unknown, about: ObjectRef, because: Finding): ParsedRule {
  const decoded = ruleSchema.safeParse(rule);
  return decoded.success ? { kind: 'rule', spec: decoded.data } : brokenRule(rule, about, because);
}

function reasonFor(index: number, findings: readonly Finding[]): Finding | undefined {
  const path = `spec.rules[${index}]`;
  return findings.find(({ at }) => at === path || at.startsWith(`${path}.`));
}

function brokenRule(rule: unknown, about: ObjectRef, because: Finding): ParsedRule {
  const name = fieldOf(rule, 'name');
  const matches = fieldOf(rule, 'matches');
  return {
    kind: 'broken',
    name: typeof name === 'string' ? name : undefined,
    // An unreadable list could have matched anything; what somebody else claims more narrowly stays theirs.
    matches: matches === undefined ? [] : Array.isArray(matches) ? matches.map(salvageMatch) : [{}],
    because: { ...because, about },
  };
}

/** At least what the match would have taken. */
function salvageMatch(match: unknown): MatchSpec {
  const whole = matchSchema.safeParse(match);
  if (whole.success) return whole.data;
  const path = matchSchema.safeParse({ path: fieldOf(match, 'path') });
  return path.success ? path.data : {};
}

/** An ApiGateway that cannot be read is undefined: the caller keeps serving its last good form. */
export function parseApiGateway(object: KubeObject): {
  readonly ref: ObjectRef;
  readonly spec: ApiGatewaySpec | undefined;
  readonly findings: readonly Finding[];
} {
  const ref = refOf(object);
  const decoded = decode(apiGatewaySchema, object.spec, { about: ref, at: 'spec' });
  return { ref, spec: decoded.ok ? decoded.value : undefined, findings: decoded.findings };
}

export interface ParsedPolicy<Spec> {
  readonly ref: ObjectRef;
  /** `undefined`: not even the targets could be read, so it may be about anything in its namespace. */
  readonly targets: readonly TargetRefSpec[] | undefined;
  readonly spec: Spec | undefined;
  readonly findings: readonly Finding[];
}

export const parseAuthPolicy = (object: KubeObject): ParsedPolicy<AuthPolicySpec> =>
  parsePolicy(object, authPolicySchema, looseAuthTarget);

export const parseRateLimitPolicy = (object: KubeObject): ParsedPolicy<RateLimitPolicySpec> =>
  parsePolicy(object, rateLimitPolicySchema, looseLimitTarget);

const looseAuthTarget = looseTarget(authTargetSchema.shape.kind);
const looseLimitTarget = looseTarget(limitTargetSchema.shape.kind);

function parsePolicy<Spec extends { readonly targetRefs: readonly TargetRefSpec[] }>(
  object: KubeObject,
  schema: z.ZodType<Spec>,
  target: LooseTarget,
): ParsedPolicy<Spec> {
  const ref = refOf(object);
  const decoded = decodeInPlace(schema, object.spec, { about: ref, at: 'spec' });
  if (decoded.ok) return { ref, targets: decoded.value.targetRefs, spec: decoded.value, findings: decoded.findings };
  const written = fieldOf(object.spec, 'targetRefs');
  const targets = readable(target, written).map(({ sectionName, ...target }) =>
    sectionName === undefined ? target : { ...target, sectionName },
  );
  const all = targets.length > 0 && targets.length === listOf(written).length;
  return { ref, targets: all ? targets : undefined, spec: undefined, findings: decoded.findings };
}

/** A name that no object can have (`*`, say) names we know not what. */
function looseTarget(kind: z.ZodType<TargetRefSpec['kind']>) {
  return z.object({ kind, name: authTargetSchema.shape.name, sectionName: z.string().optional() });
}

type LooseTarget = ReturnType<typeof looseTarget>;

function readable<T>(schema: z.ZodType<T>, value: unknown): readonly T[] {
  return listOf(value).flatMap((item) => {
    const decoded = schema.safeParse(item);
    return decoded.success ? [decoded.data] : [];
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
