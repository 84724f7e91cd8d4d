/** The Deployment: nothing in its template follows Routes or the content of certificates, so neither replaces a Pod. */
import type { PodSettings } from '../../ir/workload.ts';
import type { ObjectRef } from '../../kube/object.ts';
import type { Container, Labels, PodSpec, TopologySpreadConstraint, Volume, VolumeMount } from '../../kube/pods.ts';
import type { Deployment } from '../../kube/workloads.ts';
import {
  drainHook,
  envoyArguments,
  envoyContainer,
  gracePeriodSeconds,
  paths,
  ports,
  probes,
} from '../envoy-process.ts';
import {
  bootstrapConfigMapName,
  certificateVolume,
  childName,
  configMapNames,
  mirrorName,
  podSelector,
  secretName,
  shortHash,
} from '../names.ts';
import type { Fleet } from './fleet.ts';
import { agentContainer, agentVolumes, identityMount, meshAnnotations, meshLabels } from './mesh.ts';
import { scaleAnnotations } from './scaling.ts';

/** Of the bootstrap, which a running Envoy never reads again. */
const bootstrapAnnotation = 'evengate.dev/bootstrap';

export function deployment(fleet: Fleet): Deployment {
  const { gateway, labels, bootstrap } = fleet;
  const { mesh } = gateway;
  const { scale, pods } = gateway.workload;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: fleet.metadata(childName(gateway.ref), { annotations: scaleAnnotations(fleet) }),
    spec: {
      ...(scale.by === 'count' && { replicas: scale.replicas }),
      selector: { matchLabels: podSelector(gateway.ref) },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
      template: {
        metadata: {
          labels: { ...pods.labels, ...labels, ...(mesh && meshLabels(mesh.mode)) },
          annotations: {
            ...pods.annotations,
            ...(mesh && meshAnnotations(mesh.mode)),
            [bootstrapAnnotation]: shortHash(bootstrap, 16),
          },
        },
        spec: podSpec(fleet),
      },
    },
  };
}

function podSpec(fleet: Fleet): PodSpec {
  const { ref, workload, agent } = fleet.gateway;
  return {
    serviceAccountName: childName(ref),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: gracePeriodSeconds(workload.drainSeconds),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: nobody,
      runAsGroup: nobody,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    // Names are whole: the search list would be asked first, three times in vain.
    dnsConfig: { options: [{ name: 'ndots', value: '1' }] },
    ...(agent && { initContainers: [agentContainer(agent, fleet)] }),
    containers: [envoy(fleet)],
    volumes: [
      resourcesVolume(ref),
      adminVolume,
      ...(agent === undefined ? [] : agentVolumes),
      ...fleet.certificates.map((secret) => certificate(ref, secret)),
    ],
    topologySpreadConstraints: spread(workload.pods.spread, podSelector(ref)),
    ...placement(workload.pods),
  };
}

/** `nonroot` of distroless images. */
const nobody = 65_532;

function placement(pods: PodSettings): Partial<PodSpec> {
  const { nodeSelector, tolerations, affinity, priorityClassName, imagePullSecrets } = pods;
  return {
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(affinity && { affinity }),
    ...(priorityClassName !== undefined && { priorityClassName }),
    ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
  };
}

const preferred = ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: 'ScheduleAnyway' as const,
}));

/** Each roll-out by itself: Pods that are about to go would push the new ones aside. */
function spread(
  wanted: readonly TopologySpreadConstraint[] = preferred,
  matchLabels: Labels,
): readonly TopologySpreadConstraint[] {
  return wanted.map((constraint) => ({
    ...constraint,
    labelSelector: { matchLabels },
    matchLabelKeys: ['pod-template-hash'],
  }));
}

function envoy({ gateway, image, certificates, drainToken }: Fleet): Container {
  const { requests, limits } = gateway.workload;
  return {
    name: envoyContainer,
    image,
    command: ['envoy'],
    args: envoyArguments({ node: '$(POD_NAME)' }),
    env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    // Those of listeners are left out: they say nothing that a Pod needs, and a new listener would replace it.
    ports: [
      { name: 'metrics', containerPort: ports.operations, protocol: 'TCP' },
      { name: 'readiness', containerPort: ports.readiness, protocol: 'TCP' },
    ],
    resources: { requests, ...(Object.keys(limits).length > 0 && { limits }) },
    ...probes,
    lifecycle: drainHook(drainToken),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'resources', mountPath: paths.resources, readOnly: true },
      { name: 'admin', mountPath: paths.admin },
      ...(gateway.agent === undefined ? [] : [identityMount]),
      ...certificates.map(certificateMount),
    ],
  };
}

/** One volume, so that what belongs together changes at once. The first shard is what a Pod waits for. */
function resourcesVolume(gateway: ObjectRef): Volume {
  const [first = '', ...more] = configMapNames(gateway);
  const required = [bootstrapConfigMapName(gateway), first].map((name) => ({ configMap: { name } }));
  const optional = more.map((name) => ({ configMap: { name, optional: true } }));
  return { name: 'resources', projected: { sources: [...required, ...optional] } };
}

/** In memory: a full disk must not cost the only way to ask an Envoy. */
const adminVolume: Volume = { name: 'admin', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } };

/** A Secret that is missing keeps its own listener from being served, and no Pod from starting. */
function certificate(gateway: ObjectRef, secret: ObjectRef): Volume {
  const own = secret.namespace === gateway.namespace;
  const items = ['tls.crt', 'tls.key'].map((key) => ({ key, path: key }));
  return {
    name: certificateVolume(secret),
    secret: { secretName: own ? secret.name : mirrorName(gateway, secret), optional: true, items },
  };
}

function certificateMount(secret: ObjectRef): VolumeMount {
  const mountPath = `${paths.certificates}/${secretName(secret)}`;
  return { name: certificateVolume(secret), mountPath, readOnly: true };
}
