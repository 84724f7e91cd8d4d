/** Which policies are about a workload at a point (pilot/pkg/model/policyattachment.go; pilot/pkg/serviceregistry/ambient). */

import type { Scope, TargetReference } from '../../istio/security.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { EnforcementPoint, MeshRequest } from './request.ts';

const gatewayGroup = 'gateway.networking.k8s.io';
const waypointClass = 'istio-waypoint';

export function rootNamespaceOf({ mesh }: MeshRequest): string {
  return mesh?.rootNamespace ?? 'istio-system';
}

/** Of AuthorizationPolicy and RequestAuthentication; those of the root namespace are about every workload that they select. */
export function isAbout(
  policy: KubeObject & { readonly spec?: Scope },
  point: EnforcementPoint,
  request: MeshRequest,
): boolean {
  const namespace = policy.metadata.namespace ?? '';
  if (namespace !== request.namespace && namespace !== rootNamespaceOf(request)) return false;
  const targets = policy.spec?.targetRefs ?? [];
  if (point !== 'waypoint') return targets.length === 0 && selects(policy.spec?.selector?.matchLabels, request);
  return targets.some((target) => isTarget(target, namespace, request));
}

/** No selector, or one without labels, is about all. */
export function selects(labels: Readonly<Record<string, string>> | undefined, request: MeshRequest): boolean {
  return Object.entries(labels ?? {}).every(([name, value]) => request.labels[name] === value);
}

function isTarget({ group, kind, name }: TargetReference, namespace: string, request: MeshRequest): boolean {
  const own = namespace === request.namespace;
  if (kind === 'Service' && (group === '' || group === 'core')) return own && request.services.includes(name);
  if (group !== gatewayGroup) return false;
  if (kind === 'GatewayClass') return namespace === rootNamespaceOf(request) && name === waypointClass;
  return kind === 'Gateway' && own && name === request.mesh?.waypoint;
}
