/** Names of what is written for Istio: a contract between versions, and what access logs show of a policy. */
import { shortHash } from '../../ir/child-name.ts';
import { defaultClass } from '../../ir/class-name.ts';
import type { Labels } from '../../kube/pods.ts';
import { componentLabel, managedBy } from '../names.ts';

/** Each layer has its own, so that a workload that changes from one to another is closed all the while. */
export type Role =
  /** By selector, at the sidecar. */
  | 'allow'
  | 'deny'
  | 'shadow-allow'
  | 'shadow-deny'
  /** By selector, at ztunnel. */
  | 'ztunnel-allow'
  | 'ztunnel-deny'
  | 'ztunnel-shadow-allow'
  | 'ztunnel-shadow-deny'
  /** By targetRefs, one Service each. */
  | 'waypoint'
  | 'waypoint-allow'
  | 'waypoint-deny'
  | 'waypoint-shadow-allow'
  | 'waypoint-shadow-deny';

/**
 * `evengate-orders.allow`, of another class `internal.evengate-orders.allow`: the name of neither holds a dot, so no two share
 * one, and operators that meet at a workload do not overwrite each other.
 */
export function objectName(className: string, service: string, role?: Role): string {
  const owner = className === defaultClass ? '' : `${className}.`;
  return `${owner}evengate-${shortened(service)}${role === undefined ? '' : `.${role}`}`;
}

/** Name of the first Service of the workload that an object is about. */
export const workloadLabel = 'evengate.dev/workload';

/** Finds all that one operator wrote for Istio. */
export function meshLabels(className: string): Labels {
  return { ...managedBy(className), [componentLabel]: 'mesh' };
}

export function workloadLabels(service: string, className: string): Labels {
  return { ...meshLabels(className), [workloadLabel]: shortened(service) };
}

/** A Service has 63 characters at most; a manifest that no API server has seen may say more. */
function shortened(service: string): string {
  return service.length <= 63 ? service : `${service.slice(0, 54).replace(/[-.]+$/, '')}-${shortHash(service, 8)}`;
}

/** `istio.io/use-waypoint` and the like. */
export const istioLabels = {
  injection: 'istio-injection',
  revision: 'istio.io/rev',
  dataPlane: 'istio.io/dataplane-mode',
  useWaypoint: 'istio.io/use-waypoint',
  ingressUseWaypoint: 'istio.io/ingress-use-waypoint',
  waypointFor: 'istio.io/waypoint-for',
} as const;

/** On a Gateway: the ServiceAccount that its proxies run as. */
export const serviceAccountAnnotation = 'gateway.istio.io/service-account';
