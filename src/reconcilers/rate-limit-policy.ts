/** Status of a RateLimitPolicy: what it is about, and its limits in a line. */
import type { RateLimitPolicySpec } from '../api/policies.ts';
import type { Condition, KubeObject, ObjectKey } from '../kube/object.ts';
import { targetText } from '../resolve/policy-unit.ts';
import { conditionsFor } from '../status/conditions.ts';
import { column, generationOf } from './columns.ts';
import { gatewaysOf, servedEverywhere } from './served.ts';
import type { StatusWorld } from './world.ts';

export interface RateLimitPolicyStatus {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly target?: string;
  readonly limits?: string;
}

export function rateLimitPolicyStatus(
  key: ObjectKey,
  object: KubeObject,
  world: StatusWorld,
): RateLimitPolicyStatus | undefined {
  const unit = world.resolution.rateLimitPolicies.get(key);
  if (unit === undefined) return undefined;
  const findings = world.findingsOf('RateLimitPolicy', key);
  const gateways = world.served === undefined ? [] : gatewaysOf(unit.attached, world.resolution);
  const delivered = servedEverywhere(gateways, (resolution) => resolution.rateLimitPolicies.get(key), world);
  return {
    ...generationOf(object),
    conditions: conditionsFor(
      { Accepted: 'from findings', ...(delivered === undefined ? {} : { Programmed: delivered }) },
      findings,
      object.metadata.generation,
    ),
    ...column('target', targetText(unit.targets)),
    ...column('limits', (unit.spec?.limits ?? []).map(limitText).join(', ')),
  };
}

type LimitSpec = RateLimitPolicySpec['limits'][number];

/** `100/Minute by claim sub and header x-tenant (shadow)` */
function limitText({ requests, per, by, mode }: LimitSpec): string {
  const keys = (by ?? []).map(keyText).join(' and ');
  return `${requests}/${per}${keys === '' ? '' : ` by ${keys}`}${mode === 'Shadow' ? ' (shadow)' : ''}`;
}

function keyText({ claim, header }: NonNullable<LimitSpec['by']>[number]): string {
  if (claim !== undefined) return `claim ${claim}`;
  return header === undefined ? 'client IP' : `header ${header}`;
}
