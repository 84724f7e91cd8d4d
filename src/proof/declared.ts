/** Which report of a workload is about a rule at an edge. */

import { keys, told } from '../features/telemetry/route-metadata.ts';
import type { MeshReport } from '../ir/mesh.ts';
import { describeRef } from '../kube/object.ts';
import type { Limit } from './difference.ts';
import type { TableRoute } from './edge/parsed.ts';
import { pointsOf } from './mesh-answer.ts';
import type { ProofWorkload } from './world.ts';

/** `namespace/name` of the policies on a route, as its metadata says. */
export function policiesOn({ metadata }: TableRoute): readonly string[] {
  const known = metadata?.filter_metadata[told] ?? {};
  const named = [keys.admitting, keys.picky].flatMap((key) => {
    const text = known[key];
    return typeof text === 'string' ? text.split('+') : [];
  });
  return [...new Set(named)];
}

/** PartlyAtEdge where the workload decides, about any of these policies, and one of these rules or each of them; `undefined` are any. */
export function reportOn(
  workload: ProofWorkload,
  policies: readonly string[],
  rules: readonly string[] | undefined,
): MeshReport | undefined {
  const [first] = pointsOf(workload);
  return workload.reports.find(
    ({ policy, reason, point, rules: named }) =>
      reason === 'PartlyAtEdge' &&
      point === first &&
      policies.includes(`${policy.namespace}/${policy.name}`) &&
      (rules === undefined || named.length === 0 || named.some((rule) => rules.includes(rule))),
  );
}

/** Of an RBAC policy: `rule+rule#2` of an ALLOW, `namespace/policy+namespace/policy:rule+rule` of a DENY. */
export function rulesIn(name: string): { readonly policies?: readonly string[]; readonly rules: readonly string[] } {
  const [, policies, rules = ''] = /^(?:([^:]*\/[^:]*):)?(.*?)(?:#\d+)?$/.exec(name) ?? [];
  return { rules: rules.split('+'), ...(policies === undefined ? {} : { policies: policies.split('+') }) };
}

export function limitBy({ policy, reason, message }: MeshReport): Limit {
  return { reason, message: `${describeRef(policy)}: ${message}` };
}
