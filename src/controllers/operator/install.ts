/** What a cluster needs to run the operator, but for the CRDs. */
import type { KubeObject } from '../../kube/object.ts';
import { operatorContainer, operatorPod, usual } from './operator-pod.ts';
import { meshConfigRights, type PolicyRule, permissions } from './permissions.ts';

export interface InstallOptions {
  readonly namespace: string;
  /** Of the operator. */
  readonly image: string;
  readonly className: string;
  readonly replicas: number;
  /** All when absent. */
  readonly watchNamespaces?: readonly string[] | undefined;
  readonly readSecrets: boolean;
  /** Labels namespaces and Services for Istio, and keeps waypoints; false when absent. */
  readonly meshEnrolment?: boolean | undefined;
  /** Where it may read MeshConfig, when it watches some namespaces and not this one; nowhere else than these when absent. */
  readonly istioNamespace?: string | undefined;
  /** Revisions of Istio that gateways name; the default one is meant in any case. */
  readonly istioRevisions?: readonly string[] | undefined;
  /** Of Envoy, where an ApiGateway names no other; the operator's default when absent. */
  readonly envoyImage?: string | undefined;
  /** Of Istio's agent, likewise. */
  readonly istioAgentImage?: string | undefined;
}

const rbac = 'rbac.authorization.k8s.io';

/** In the order in which they can be applied. */
export function installation(options: InstallOptions): readonly KubeObject[] {
  const { namespace } = options;
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    object(options, 'v1', 'ServiceAccount', {}),
    ...rights(options),
    object(options, 'apps/v1', 'Deployment', { spec: deployment(options) }),
  ];
}

/** `evengate`; a second operator in the same namespace is told apart by its class. */
function nameOf({ className }: InstallOptions): string {
  return className === 'evengate' ? 'evengate' : `evengate-${className}`;
}

function labelsOf(options: InstallOptions): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/name': 'evengate', 'evengate.dev/operator': nameOf(options) };
}

function object(
  options: InstallOptions,
  apiVersion: string,
  kind: string,
  { namespace = options.namespace, suffix = '', ...content }: Content,
): KubeObject {
  const scope = kind.startsWith('Cluster') ? {} : { namespace };
  const metadata = { name: `${nameOf(options)}${suffix}`, ...scope, labels: labelsOf(options) };
  return { apiVersion, kind, metadata, ...content } as KubeObject;
}

interface Content {
  readonly namespace?: string;
  readonly suffix?: string;
  readonly [field: string]: unknown;
}

function rights(options: InstallOptions): readonly KubeObject[] {
  const { watched, cluster, own } = permissions(options);
  const { namespace, watchNamespaces } = options;
  // Names of cluster-scoped objects are shared by all operators of the cluster.
  const everywhere = (rules: readonly PolicyRule[]) => grant(options, 'Cluster', { rules, suffix: `-${namespace}` });
  const within = (where: string, rules: readonly PolicyRule[], suffix = '') =>
    grant(options, '', { rules, namespace: where, suffix });
  return [
    ...within(namespace, own, '-leader'),
    ...(watchNamespaces === undefined
      ? everywhere([...watched, ...cluster])
      : [...everywhere(cluster), ...watchNamespaces.flatMap((one) => within(one, watched))]),
    ...meshConfigGrant(options),
  ];
}

/** Its name is this operator's alone: others of its class, which watch other namespaces, read it too. */
function meshConfigGrant(options: InstallOptions): readonly KubeObject[] {
  const { namespace, watchNamespaces, istioNamespace, istioRevisions } = options;
  if (istioNamespace === undefined || (watchNamespaces?.includes(istioNamespace) ?? true)) return [];
  const rules = meshConfigRights(istioRevisions);
  return grant(options, '', { rules, namespace: istioNamespace, suffix: `.${namespace}` });
}

interface Grant {
  readonly rules: readonly PolicyRule[];
  readonly namespace?: string;
  readonly suffix: string;
}

function grant(options: InstallOptions, scope: 'Cluster' | '', { rules, ...where }: Grant): readonly KubeObject[] {
  const role = object(options, `${rbac}/v1`, `${scope}Role`, { ...where, rules });
  const roleRef = { apiGroup: rbac, kind: role.kind, name: role.metadata.name };
  const subjects = [{ kind: 'ServiceAccount', name: nameOf(options), namespace: options.namespace }];
  return [role, object(options, `${rbac}/v1`, `${scope}RoleBinding`, { ...where, roleRef, subjects })];
}

function deployment(options: InstallOptions): object {
  return {
    replicas: options.replicas,
    selector: { matchLabels: labelsOf(options) },
    template: {
      metadata: { labels: labelsOf(options) },
      spec: {
        serviceAccountName: nameOf(options),
        ...operatorPod,
        securityContext: usual.podSecurityContext,
        containers: [container(options)],
      },
    },
  };
}

function container({ image, className, watchNamespaces = [], readSecrets, ...more }: InstallOptions): object {
  const { envoyImage, istioAgentImage, meshEnrolment = false } = more;
  const { resources, securityContext } = usual;
  const args = [
    ...operatorContainer.args,
    `--class=${className}`,
    ...watchNamespaces.map((name) => `--watch-namespace=${name}`),
    ...(readSecrets ? ['--read-secrets'] : []),
    ...(meshEnrolment ? ['--mesh-enrolment'] : []),
    ...(envoyImage === undefined ? [] : [`--envoy-image=${envoyImage}`]),
    ...(istioAgentImage === undefined ? [] : [`--istio-agent-image=${istioAgentImage}`]),
  ];
  return { ...operatorContainer, image, args, resources, securityContext };
}
