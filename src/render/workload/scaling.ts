/** How many Envoys there are, and how many of them an eviction may take. */
import type { KubeObject } from '../../kube/object.ts';
import type { Labels } from '../../kube/pods.ts';
import type { Deployment, HorizontalPodAutoscaler, PodDisruptionBudget } from '../../kube/workloads.ts';
import { childName, podSelector } from '../names.ts';
import type { Fleet } from './fleet.ts';

export function autoscaler({ gateway, metadata }: Fleet): HorizontalPodAutoscaler | undefined {
  const { scale } = gateway.workload;
  if (scale.by !== 'autoscaler') return undefined;
  const { minReplicas, maxReplicas, targets, behavior } = scale;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadata(childName(gateway.ref)),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: childName(gateway.ref) },
      minReplicas,
      maxReplicas,
      metrics: targets.map(({ resource, percentage }) => ({
        type: 'Resource',
        resource: { name: resource, target: { type: 'Utilization', averageUtilization: percentage } },
      })),
      ...(behavior && { behavior }),
    },
  };
}

const decidedBy = 'evengate.dev/replicas-by';

/** Annotations of the Deployment: who decides how many there are. */
export function scaleAnnotations({ gateway }: Fleet): Labels {
  return gateway.workload.scale.by === 'autoscaler' ? { [decidedBy]: 'HorizontalPodAutoscaler' } : {};
}

/** Field manager that keeps the number of Envoys while it passes to an autoscaler. */
export const scaleManager = 'evengate-scale';

/**
 * What has to be applied as `scaleManager` before `desired`; undefined where nothing has. A field that its only owner
 * applies no longer is removed, and then `replicas` is 1: a fleet of ten would shrink to one until its autoscaler wakes.
 */
export function heldScale(desired: KubeObject, live: KubeObject | undefined): KubeObject | undefined {
  const replicas = live === undefined ? undefined : replicasOf(live);
  const passes = desired.kind === 'Deployment' && replicasOf(desired) === undefined;
  if (!passes || replicas === undefined || live?.metadata.annotations?.[decidedBy] !== undefined) return undefined;
  const { apiVersion, kind, metadata } = live ?? desired;
  const { name, namespace = '', uid = '' } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, uid }, spec: { replicas } };
}

function replicasOf({ spec }: KubeObject): number | undefined {
  return (spec as Partial<Deployment['spec']> | undefined)?.replicas;
}

export function disruptionBudget({ gateway, metadata }: Fleet): PodDisruptionBudget | undefined {
  const { disruption } = gateway.workload;
  if (disruption === undefined) return undefined;
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(childName(gateway.ref)),
    spec: {
      selector: { matchLabels: podSelector(gateway.ref) },
      ...disruption,
      // A Pod that was never ready serves nobody; it must not keep its node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}
