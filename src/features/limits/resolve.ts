import type { Limit, LimitKey } from '../../ir/guard.ts';
import type { ObjectRef } from '../../kube/object.ts';
import { readClaim } from '../claims.ts';
import type { LimitSpec } from './schema.ts';

const secondsPer = { Second: 1, Minute: 60, Hour: 3600, Day: 86_400 } as const;

/** `target` is `Route shop/orders read`: each target of a policy has counts of its own. */
export function resolveLimit(spec: LimitSpec, policy: ObjectRef, target: string): Limit {
  return {
    id: `${policy.namespace}/${policy.name}/${spec.name} ${target}`,
    policy,
    name: spec.name,
    requests: spec.requests,
    seconds: secondsPer[spec.per],
    by: distinct((spec.by ?? []).map(keyOf)),
    mode: spec.mode ?? 'Enforce',
  };
}

function keyOf(spec: NonNullable<LimitSpec['by']>[number]): LimitKey {
  if (spec.claim !== undefined) return { kind: 'claim', path: readClaim(spec.claim) };
  if (spec.header !== undefined) return { kind: 'header', name: spec.header.toLowerCase() };
  return { kind: 'clientIP' };
}

/** Envoy refuses the whole filter for two descriptors alike. */
function distinct(keys: readonly LimitKey[]): readonly LimitKey[] {
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];
}
