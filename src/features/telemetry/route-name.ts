/**
 * Name of an Envoy route: `<namespace>/<Route>/<rule>/<match>`, and who may refuse on it. Envoy knows which policy admitted,
 * not which of them did not admit, nor which limit was full: it has no place for that but the name (metadata is three times as long).
 */
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Guard, Limit } from '../../ir/guard.ts';
import { keyOf, type ObjectRef } from '../../kube/object.ts';

export const notFoundName = 'not-found';
export const misdirectedName = 'misdirected';

export function routeName({ rule, matchIndex, guard, limits }: RouteEntry): string {
  const { namespace, name } = rule.route;
  const words = [...guardWords(guard), ...limitWords(limits.filter(({ mode }) => mode === 'Enforce'))];
  return [`${namespace}/${name}/${rule.name}/${matchIndex}`, ...words].join(' ');
}

/** Policies that do not admit everybody. */
function guardWords(guard: Guard): readonly string[] {
  if (guard.kind === 'blocked') return word('auth', [policyName(guard.because.about)]);
  const { parts, shadow } = guard;
  const picky = parts.filter(({ policy }) => policy.decision.allow.every(({ constraints }) => constraints.length > 0));
  return [
    ...word(
      'auth',
      picky.map(({ policy }) => policyName(policy.ref)),
    ),
    ...word('shadow', shadow?.policies.map(policyName) ?? []),
  ];
}

function word(key: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`${key}=${[...new Set(names)].join('+')}`];
}

function policyName({ namespace, name }: ObjectRef): string {
  return keyOf(namespace, name);
}

/** As RBAC policies are called. */
function limitWords(limits: readonly Limit[]): readonly string[] {
  if (limits.length === 0) return [];
  const policies = limits.map(({ policy }) => policyName(policy));
  return [`limit=${policies.join('+')}:${limits.map(({ name }) => name).join('+')}`];
}
