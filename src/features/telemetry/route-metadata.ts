/**
 * What the log is told of a route, as metadata that plain operators print: an expression over the route's name costs more
 * than the rest of a line. Envoy knows which policy admitted, not which of them did not admit, nor which limit was full.
 */
import type { Json } from '../../envoy/json.ts';
import type { Metadata } from '../../envoy/route.ts';
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Guard, Limit } from '../../ir/guard.ts';
import { keyOf, type ObjectRef } from '../../kube/object.ts';
import { edgeDecision } from '../../policy/planes.ts';

export const notFoundName = 'not-found';
export const misdirectedName = 'misdirected';

/** Namespace and keys; short, because each route repeats them. */
export const told = 'e';
export const keys = {
  listener: 'h',
  route: 'r',
  rule: 'n',
  /** Policies that admit, joined. */
  admitting: 'a',
  /** Those that do not admit everybody, where they are others. */
  picky: 'p',
  shadow: 's',
  limiting: 'l',
  /** Names of the limits. */
  limits: 'k',
} as const;

type Told = { readonly [K in keyof typeof keys]?: string | undefined };

/** Of a virtual host, whose routes are all of one listener. */
export function hostMetadata(listener: string): Metadata {
  return metadata({ listener });
}

export function routeMetadata({ rule, guard, limits }: RouteEntry): Metadata {
  const { namespace, name } = rule.route;
  return metadata({ route: keyOf(namespace, name), rule: rule.name, ...guarding(guard), ...limiting(limits) });
}

function guarding(guard: Guard): Told {
  if (guard.kind === 'blocked') return { picky: policyName(guard.because.about) };
  // Policies are AND-ed, so each conjunction is of the same ones.
  const admitting = joined(edgeDecision(guard.decision).allow[0]?.sources.map(({ policy }) => policy) ?? []);
  const parts = guard.parts.filter(({ policy: { decision } }) => edgeDecision(decision).allow.every(isPicky));
  const picky = joined(parts.map(({ policy }) => policy.ref));
  return { admitting, picky: picky === admitting ? undefined : picky, shadow: joined(guard.shadow?.policies ?? []) };
}

function isPicky({ constraints }: { readonly constraints: readonly unknown[] }): boolean {
  return constraints.length > 0;
}

function limiting(limits: readonly Limit[]): Told {
  const enforced = limits.filter(({ mode }) => mode === 'Enforce');
  if (enforced.length === 0) return {};
  return {
    limiting: enforced.map(({ policy }) => policyName(policy)).join('+'),
    limits: enforced.map(({ name }) => name).join('+'),
  };
}

function joined(policies: readonly ObjectRef[]): string | undefined {
  return policies.length === 0 ? undefined : [...new Set(policies.map(policyName))].join('+');
}

function policyName({ namespace, name }: ObjectRef): string {
  return keyOf(namespace, name);
}

function metadata(values: Told): Metadata {
  const fields = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[keys[name as keyof Told], value] as const],
  );
  return { filter_metadata: { [told]: Object.fromEntries<Json>(fields) } };
}
