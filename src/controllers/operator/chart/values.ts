/** The values of charts/evengate: values.schema.json, values.yaml and the table in its README.md are made of this. */
import { z } from 'zod';
import { defaultClass } from '../../../ir/class-name.ts';
import { envoyImage, istioAgentImage } from '../../../render/envoy-process.ts';
import { labelName } from '../../../schema/fields.ts';
import { usual } from '../operator-pod.ts';
import {
  asKubernetes,
  count,
  flag,
  listOfKubernetes,
  nameOrNone,
  namespaces,
  section,
  text,
  texts,
  value,
} from './value.ts';
import { dashboards, metrics, networkPolicy, tracing } from './values-around.ts';

const image = section('Image of the operator.', {
  repository: value(z.string().min(1), 'evengate', 'Registry and repository.'),
  tag: value(z.string().regex(/^([\w][\w.-]{0,127})?$/), '', "Tag; the chart's appVersion when empty."),
  digest: value(
    z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
    '',
    'Digest, such as sha256:…; it decides, whatever the tag is.',
  ),
  pullPolicy: value(z.enum(['Always', 'IfNotPresent', 'Never']), 'IfNotPresent', 'When the kubelet asks the registry.'),
});

const secrets = section('Secrets, but for those that Envoy mounts: certificates of the namespace of its ApiGateway.', {
  access: value(
    z.enum(['none', 'namespaced', 'cluster']),
    'none',
    'What the operator may read and write: `none`; `namespaced`, by a Role each in `secrets.namespaces`, or in the ' +
      'namespaces that it watches; `cluster`, by a ClusterRole. It needs some for certificates of other namespaces ' +
      '(which it copies) and for key sets in Secrets.',
  ),
  namespaces: value(
    namespaces,
    [],
    'With `namespaced`: namespaces of the Secrets, and of the ApiGateways that use them. Those watched when empty.',
  ),
});

const mesh = section('Istio behind the gateways.', {
  enrolment: value(
    flag,
    false,
    'Whether the operator may label namespaces and Services for Istio, and keep waypoints, where an ApiGateway asks for it ' +
      '(`spec.mesh.enrolment`, `spec.mesh.waypoint.managed`).',
  ),
  istioNamespace: value(
    z.union([z.literal(''), labelName]),
    '',
    "With `watchNamespaces`: namespace of Istio, such as `istio-system`, where the operator may then read Istio's MeshConfig, " +
      'and nothing else of it. It must exist. Without, rules about paths do not hold inside the mesh (`NormalizationMismatch`).',
  ),
  istioRevisions: value(
    namespaces,
    [],
    'Revisions of Istio that ApiGateways name (`spec.mesh.revision`); the default one is meant in any case.',
  ),
});

const rbac = section('Rights of the operator.', {
  create: value(flag, true, 'Whether the chart grants them. Without, grant what files/rights.yaml lists.'),
});

const serviceAccount = section('Account of the operator.', {
  create: value(flag, true, 'Whether the chart makes it.'),
  name: value(nameOrNone, '', "Its name; the release's when empty, or `default` where the chart makes none."),
  annotations: value(texts, {}, 'Annotations of it.'),
});

const podDisruptionBudget = section('Keeps a drain of nodes from stopping all replicas at once.', {
  enabled: value(flag, true, 'Whether there is one.'),
  maxUnavailable: value(
    z.union([z.int().min(0), z.string().regex(/^[0-9]{1,3}%$/)]),
    1,
    'How many may be gone: a number or a percentage.',
  ),
});

const main = {
  fullnameOverride: value(nameOrNone.max(50), '', 'Name of the objects; made of the name of the release when empty.'),
  commonLabels: value(texts, {}, 'More labels of every object, Pods included. Selectors stay as they are.'),
  className: value(
    labelName,
    defaultClass,
    'Serves ApiGateways of this className. Two operators of one class would quarrel, so Helm refuses the second.',
  ),
  watchNamespaces: value(
    namespaces,
    [],
    'Watches these namespaces only, with rights in them and in no other: every right is a Role. All when empty.',
  ),
  replicas: value(count, usual.replicas, 'One works, the others stand by.'),
  image,
  imagePullSecrets: value(listOfKubernetes, [], 'Secrets for the registry, such as `[{name: registry}]`.'),
  envoy: section('Envoys that the operator starts.', {
    image: value(
      text,
      '',
      `Image, where an ApiGateway names no other; what this version was tested with (${envoyImage}) when empty.`,
    ),
  }),
  istioAgent: section('Istio’s agent, beside the Envoys of gateways in a mesh of mode Sidecar.', {
    image: value(
      text,
      '',
      `Image, where an ApiGateway names no other; what this version was made for (${istioAgentImage}) when empty.`,
    ),
  }),
  logLevel: value(z.enum(['error', 'warn', 'info', 'debug']), 'info', 'How much is logged.'),
  logFormat: value(z.enum(['json', 'text']), 'json', 'How the log looks.'),
};

const pod = {
  resources: value(asKubernetes, usual.resources, 'Of the container.'),
  podSecurityContext: value(
    asKubernetes,
    usual.podSecurityContext,
    'Of the Pod. On OpenShift set `runAsUser: null`. Pod Security admits it as restricted.',
  ),
  securityContext: value(asKubernetes, usual.securityContext, 'Of the container.'),
  podAnnotations: value(texts, {}, 'Annotations of the Pods.'),
  podLabels: value(texts, {}, 'More labels of the Pods.'),
  priorityClassName: value(nameOrNone, '', 'Such as `system-cluster-critical`. Traffic does not depend on it.'),
  nodeSelector: value(texts, {}, 'Labels that a node must have.'),
  tolerations: value(listOfKubernetes, [], 'Taints that do not matter.'),
  affinity: value(asKubernetes, {}, 'Where to run.'),
  topologySpreadConstraints: value(
    listOfKubernetes,
    [],
    'How the replicas are spread. A constraint without a labelSelector is about these Pods.',
  ),
  deploymentAnnotations: value(texts, {}, 'Annotations of the Deployment.'),
  updateStrategy: value(asKubernetes, {}, "Of the Deployment; Kubernetes' own when empty."),
  revisionHistoryLimit: value(z.int().min(0), 10, 'Old ReplicaSets that are kept.'),
  extraEnv: value(
    listOfKubernetes,
    [],
    'More environment variables, such as HTTPS_PROXY or OTEL_EXPORTER_OTLP_HEADERS.',
  ),
  volumes: value(listOfKubernetes, [], 'More volumes of the Pods.'),
  volumeMounts: value(listOfKubernetes, [], 'More mounts of the container.'),
};

/** Read by Helm, not by templates. */
const dependency = {
  enabled: value(flag, true, 'For charts that depend on this one: the `condition` of the dependency.'),
  global: value(
    asKubernetes,
    {},
    'For charts that depend on this one: Helm hands it to every chart, and this one ignores it.',
  ),
};

/** What one value asks of another is in templates/_validate.tpl, which can say why. */
export const chartValues = z.strictObject({
  ...main,
  secrets,
  mesh,
  rbac,
  serviceAccount,
  ...pod,
  podDisruptionBudget,
  networkPolicy,
  metrics,
  tracing,
  dashboards,
  extraObjects: value(listOfKubernetes, [], 'More objects, as they are.'),
  ...dependency,
});

export type ChartValues = z.infer<typeof chartValues>;
