/** The policies on the ports of a Service. */
import type { Policy } from '../../ir/guard.ts';
import type { Service } from '../../kube/core.ts';
import { admitAll, and, type Decision } from '../../policy/decision.ts';
import { opens } from '../policies-behind.ts';
import { type Attached, bySection } from '../policy-index.ts';
import { sectionNames } from '../sections.ts';

export interface PortPolicies {
  /** In force, and counted ones. */
  readonly policies: readonly Policy[];
  /** One of them cannot be enforced, or names no port of the Service: nobody is admitted. */
  readonly blocked: boolean;
  /** One that is in force names the port, or all of the Service. */
  readonly named: boolean;
}

/** `lists` are the policies on the Service, and those of its namespace whose targets cannot be read. */
export function policiesOnPort(
  service: Service,
  port: number,
  lists: { readonly service: readonly Attached<Policy>[]; readonly namespace: readonly Attached<Policy>[] },
): PortPolicies {
  const { whole, sections, unknown } = bySection([...lists.namespace, ...lists.service], sectionNames(service));
  const name = service.spec?.ports?.find((one) => one.port === port)?.name;
  const policies = [...whole, ...(name === undefined ? [] : (sections.get(name) ?? []))];
  const enforced = policies.filter(({ mode }) => mode === 'Enforce');
  const unreadable = new Set(lists.namespace.map(({ policy }) => policy));
  return {
    policies: [...new Set(policies)],
    blocked: unknown.length > 0 || enforced.some(({ broken }) => broken !== undefined),
    named: enforced.some((policy) => !unreadable.has(policy)),
  };
}

export interface ServiceDecision {
  readonly decision: Decision;
  /** One of them opens what it is on. */
  readonly opens: boolean;
}

/** All of them AND-ed. */
export function serviceDecision(policies: readonly Policy[]): ServiceDecision | 'too-complex' {
  if (policies.length === 0) return { decision: admitAll, opens: false };
  const decision = and(policies.map((policy) => policy.decision));
  return decision === 'too-complex' ? decision : { decision, opens: policies.some(opensHere) };
}

/** Also one that is only counted, where what it would decide is asked. */
function opensHere(policy: Policy): boolean {
  return opens({ ...policy, mode: 'Enforce' });
}
