/** Plays the Deployment and ReplicaSet controllers, scheduler and kubelet: Pods that are ready at once. */
import { createHash } from 'node:crypto';
import { resources } from '../../kube/resources.ts';
import type { KubeApi } from './index.ts';
import { type JsonObject, jsonOf, objectAt, valueAt } from './json.ts';
import type { Stored } from './stored.ts';

export interface DeploymentSimulation {
  /** Whether a Pod is ready; all are when absent. Asked again by `refresh`. */
  readonly ready?: (pod: Stored) => boolean;
  /** 10.1.x.y when absent. */
  readonly address?: (count: number) => string;
}

export interface Simulation {
  /** Looks at everything anew. */
  refresh(): void;
  stop(): void;
}

/** Pods of an older template are replaced at once, not step by step. */
export function simulateDeployments(api: KubeApi, options: DeploymentSimulation = {}): Simulation {
  let count = 0;
  const address = options.address ?? ((n) => `10.1.${n >> 8}.${n & 255}`);
  const refresh = (only?: Stored) => {
    for (const deployment of deploymentsOf(api)) {
      if (only !== undefined && !isAbout(only, deployment)) continue;
      const pods = podsOf(api, deployment);
      for (const pod of pods.filter((old) => hashOf(old) !== templateHash(deployment))) api.delete(pod);
      const current = pods.filter((pod) => hashOf(pod) === templateHash(deployment));
      for (const pod of current.slice(replicasOf(deployment))) api.delete(pod);
      for (let n = current.length; n < replicasOf(deployment); n += 1) {
        count += 1;
        const name = `${deployment.metadata.name}-${templateHash(deployment)}-${count}`;
        api.create(podOf(deployment, name));
      }
      for (const pod of podsOf(api, deployment)) tellPod(api, pod, { ready: options.ready?.(pod) ?? true, address });
      api.putStatus(deployment, deploymentStatus(deployment, podsOf(api, deployment)));
    }
  };
  const stop = api.onChange(({ type, before, after }) => {
    if (['Deployment', 'Pod'].includes(type.kind)) refresh(after ?? before);
  });
  refresh();
  return { refresh: () => refresh(), stop };
}

/** The Deployment itself, or a Pod of it. */
function isAbout({ metadata }: Stored, { metadata: { uid } }: Stored): boolean {
  return metadata.uid === uid || metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}

function deploymentsOf(api: KubeApi): readonly Stored[] {
  return (api.list(resources.Deployment) as readonly unknown[] as readonly Stored[]).filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  );
}

function podsOf(api: KubeApi, { metadata: { uid } }: Stored): readonly Stored[] {
  return (api.list(resources.Pod) as readonly unknown[] as readonly Stored[]).filter(
    ({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) && !metadata.deletionTimestamp,
  );
}

function replicasOf(deployment: Stored): number {
  return Number(valueAt(deployment, 'spec', 'replicas') ?? 1);
}

function templateHash(deployment: Stored): string {
  const template = JSON.stringify(objectAt(deployment, 'spec', 'template'));
  return createHash('sha256').update(template).digest('hex').slice(0, 8);
}

function hashOf(pod: Stored): unknown {
  return valueAt(pod, 'metadata', 'labels', 'pod-template-hash');
}

function podOf(deployment: Stored, name: string): Stored {
  const { namespace = '', uid } = deployment.metadata;
  const template = objectAt(deployment, 'spec', 'template');
  const labels = { ...objectAt(template, 'metadata', 'labels'), 'pod-template-hash': templateHash(deployment) };
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment.metadata.name, uid, controller: true };
  const metadata = { ...objectAt(template, 'metadata'), name, namespace, labels, ownerReferences: [owner] };
  const spec = { ...objectAt(template, 'spec'), nodeName: 'node-1' };
  return jsonOf({ apiVersion: 'v1', kind: 'Pod', metadata, spec }) as Stored;
}

function tellPod(
  api: KubeApi,
  pod: Stored,
  { ready, address }: { readonly ready: boolean; readonly address: (count: number) => string },
): void {
  const podIP = valueAt(pod, 'status', 'podIP') ?? address(Number(pod.metadata.name.split('-').at(-1)));
  const status = ready ? 'True' : 'False';
  const containers = valueAt(pod, 'spec', 'containers') as readonly JsonObject[] | undefined;
  const condition = (type: string, value: string) => ({ type, status: value });
  api.putStatus(pod, {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    conditions: [condition('PodScheduled', 'True'), condition('ContainersReady', status), condition('Ready', status)],
    containerStatuses: (containers ?? []).map(({ name, image }) => ({ name, image, ready, restartCount: 0 })),
  });
}

function deploymentStatus(deployment: Stored, pods: readonly Stored[]): JsonObject {
  const ready = pods.filter((pod) =>
    (valueAt(pod, 'status', 'conditions') as readonly JsonObject[] | undefined)?.some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    ),
  ).length;
  const complete = ready >= replicasOf(deployment);
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: pods.length,
    updatedReplicas: pods.length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: replicasOf(deployment) - ready,
    conditions: [
      {
        type: 'Available',
        status: complete ? 'True' : 'False',
        reason: complete ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      },
      { type: 'Progressing', status: 'True', reason: complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated' },
    ],
  };
}
