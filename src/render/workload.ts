/**
 * The objects that an ApiGateway becomes, beside what Envoy is told. Only what nobody else decides is written: a field with
 * the value that the API server would choose anyway is left out, so that others may own it.
 */
import type { Gateway } from '../ir/gateway.ts';
import type { ConfigMap } from '../kube/core.ts';
import { type KubeObject, keyOf, type ObjectRef } from '../kube/object.ts';
import type { ServiceAccount } from '../kube/workloads.ts';
import { bootstrapFile, istioAgentImage, paths } from './envoy-process.ts';
import { podBootstrap } from './in-cluster.ts';
import { meshSecrets } from './mesh-identity.ts';
import { bootstrapConfigMapName, childLabels, childName, ownerReferences, shortHash } from './names.ts';
import { deployment } from './workload/deployment.ts';
import type { Fleet } from './workload/fleet.ts';
import { autoscaler, disruptionBudget } from './workload/scaling.ts';
import { networkPolicy, service } from './workload/service.ts';

export interface ChildrenContext {
  /** The stored ApiGateway; absent where there is none, as for `evengate render`. */
  readonly owner?: { readonly uid: string };
  readonly className: string;
  /** Of Envoy, where the ApiGateway names no other. */
  readonly image: string;
  /** Of Istio's agent, where the ApiGateway names no other. */
  readonly agentImage?: string | undefined;
  /** TLS Secrets that the Pods mount; those that the gateway serves when absent. */
  readonly certificates?: readonly ObjectRef[];
}

/** What a Pod needs comes before it. The same input gives the same bytes. */
export function children(gateway: Gateway, context: ChildrenContext): readonly KubeObject[] {
  const fleet = fleetOf(gateway, context);
  const all = [
    serviceAccount(fleet),
    bootstrapConfigMap(fleet),
    networkPolicy(fleet),
    service(fleet),
    deployment(fleet),
    autoscaler(fleet),
    disruptionBudget(fleet),
  ];
  return all.filter((object) => object !== undefined);
}

function fleetOf(gateway: Gateway, context: ChildrenContext): Fleet {
  const { owner, className, image, agentImage = istioAgentImage, certificates } = context;
  const { ref, workload, agent } = gateway;
  const labels = childLabels(ref, className);
  const drainToken = shortHash(`drain ${owner?.uid ?? keyOf(ref.namespace, ref.name)}`, 32);
  const { drainSeconds, memoryLimit } = workload;
  return {
    gateway,
    image: workload.image ?? image,
    agentImage: agent?.image ?? agentImage,
    labels,
    certificates: certificates ?? served(gateway),
    bootstrap: `${JSON.stringify(podBootstrap(ref, { drainToken, drainSeconds, memoryLimit }), undefined, 2)}\n`,
    drainToken,
    metadata: (name, extra = {}) => ({
      name,
      namespace: ref.namespace,
      labels: { ...extra.labels, ...labels },
      ...(Object.keys(extra.annotations ?? {}).length > 0 && { annotations: extra.annotations ?? {} }),
      ...(owner && { ownerReferences: ownerReferences(ref, owner.uid) }),
    }),
  };
}

/** Each once, sorted. */
function served({ chains }: Gateway): readonly ObjectRef[] {
  const all = chains.flatMap(({ certificates }) => certificates.map(({ secret }) => secret));
  const byKey = new Map(all.map((secret) => [keyOf(secret.namespace, secret.name), secret]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, secret]) => secret);
}

/** Of the Pods' own, with rights to nothing, so that nobody's grant to `default` is theirs. */
function serviceAccount({ gateway, metadata }: Fleet): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata(childName(gateway.ref), { annotations: gateway.workload.serviceAccountAnnotations }),
    automountServiceAccountToken: false,
  };
}

function bootstrapConfigMap({ gateway, bootstrap, metadata }: Fleet): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(bootstrapConfigMapName(gateway.ref)),
    data: { [bootstrapFile]: bootstrap, ...(gateway.agent && Object.fromEntries(meshSecrets(paths.identity))) },
  };
}
