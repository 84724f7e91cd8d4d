/** How many Envoys there are, and how many of them an eviction may take. */
import type { HorizontalPodAutoscaler, PodDisruptionBudget } from '../../kube/workloads.ts';
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
