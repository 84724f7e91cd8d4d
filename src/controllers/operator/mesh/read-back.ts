/** What Istio itself says of what was written. Pure. */
import type { EnforcementPoint } from '../../../ir/mesh.ts';
import type { AuthorizationPolicy, IstioCondition, SecurityObject } from '../../../istio/security.ts';
import { describeRef, refOf } from '../../../kube/object.ts';
import { isCounted, isPolicy } from './kept.ts';

/** By which each point says whether it took a policy up (istio.io/istio pilot/pkg/model). */
const accepting: readonly (readonly [condition: string, point: EnforcementPoint])[] = [
  ['ZtunnelAccepted', 'ztunnel'],
  ['WaypointAccepted', 'waypoint'],
];

/** A sentence without a full stop for each point that refuses one of them; undefined where none does. */
export function against(stored: readonly SecurityObject[]): Partial<Record<EnforcementPoint, string>> | undefined {
  // What is only counted refuses nobody, and ztunnel counts nothing unless it is told to.
  const policies = stored.filter((object): object is AuthorizationPolicy => isPolicy(object) && !isCounted(object));
  const found = policies.flatMap((policy) =>
    accepting.flatMap(([type, point]) => {
      const condition = policy.status?.conditions?.find((one) => one.type === type && isCurrent(one, policy));
      if (condition?.status !== 'False') return [];
      const why = (condition.message ?? condition.reason ?? '').replace(/\.$/, '');
      return [[point, `${point} does not take up ${describeRef(refOf(policy))}: ${why}`] as const];
    }),
  );
  return found.length === 0 ? undefined : Object.fromEntries(found.toReversed());
}

function isCurrent({ observedGeneration }: IstioCondition, { metadata }: AuthorizationPolicy): boolean {
  return observedGeneration === undefined || Number(observedGeneration) === metadata.generation;
}
