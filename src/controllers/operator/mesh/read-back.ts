/** What Istio itself says of what was written. Pure. */
import type { EnforcementPoint, MeshSettings } from '../../../ir/mesh.ts';
import type { AuthorizationPolicy, IstioCondition, SecurityObject } from '../../../istio/security.ts';
import { describeRef, refOf } from '../../../kube/object.ts';
import { isCounted, isPolicy } from './kept.ts';

/** By which each point says whether it took a policy up (istio.io/istio pilot/pkg/model). */
const accepting: readonly (readonly [condition: string, point: EnforcementPoint])[] = [
  ['ZtunnelAccepted', 'ztunnel'],
  ['WaypointAccepted', 'waypoint'],
];

/**
 * A sentence without a full stop for each point that refuses one of them, or a part of it; undefined where none does. Sidecars
 * say nothing: istiod writes what ztunnel would make of a policy also where there is no ztunnel.
 */
export function against(
  stored: readonly SecurityObject[],
  { mode }: Pick<MeshSettings, 'mode'>,
): Partial<Record<EnforcementPoint, string>> | undefined {
  if (mode !== 'Ambient') return undefined;
  // What is only counted refuses nobody, and ztunnel counts nothing unless it is told to.
  const policies = stored.filter((object): object is AuthorizationPolicy => isPolicy(object) && !isCounted(object));
  const found = policies.flatMap((policy) =>
    accepting.flatMap(([type, point]) => {
      const condition = policy.status?.conditions?.find((one) => one.type === type && isCurrent(one, policy));
      if (condition === undefined || isTakenUp(condition)) return [];
      const why = (condition.message ?? condition.reason ?? '').replace(/\.$/, '');
      return [[point, `${point} does not take up all of ${describeRef(refOf(policy))}: ${why}`] as const];
    }),
  );
  return found.length === 0 ? undefined : Object.fromEntries(found.toReversed());
}

/** ztunnel's is True also with the reason UnsupportedValue, for a policy of which it enforces a part. */
function isTakenUp({ status, reason = accepted }: IstioCondition): boolean {
  return status === 'True' && reason === accepted;
}

const accepted = 'Accepted';

/** istiod writes the generation as a text. */
function isCurrent({ observedGeneration }: IstioCondition, { metadata }: AuthorizationPolicy): boolean {
  return observedGeneration === undefined || Number(observedGeneration) === metadata.generation;
}
