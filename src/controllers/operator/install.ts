/** What a cluster needs to run the operator, but for the CRDs. */
import type { KubeObject } from '../../kube/object.ts';
import { type PolicyRule, permissions } from './permissions.ts';

export interface InstallOptions {
  readonly namespace: string;
  /** Of the operator. */
  readonly image: string;
  readonly className: string;
  readonly replicas: number;
  /** All when absent. */
  readonly watchNamespaces?: readonly string[] | undefined;
  readonly readSecrets: boolean;
  /** Of Envoy, where an ApiGateway names no other; the operator's default when absent. */
  readonly envoyImage?: string | undefined;
}

const rbac = 'rbac.authorization.k8s.io';
const healthPort = 8081;

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
  ];
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
        // It drains for 30 s, and then gives up its lease.
        terminationGracePeriodSeconds: 45,
        securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [container(options)],
      },
    },
  };
}

function container({ image, className, watchNamespaces = [], readSecrets, envoyImage }: InstallOptions): object {
  const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const probe = (path: string) => ({ httpGet: { path, port: 'health' } });
  return {
    name: 'operator',
    image,
    args: [
      'operator',
      '--leader-elect',
      `--class=${className}`,
      `--health-port=${healthPort}`,
      ...watchNamespaces.map((name) => `--watch-namespace=${name}`),
      ...(readSecrets ? ['--read-secrets'] : []),
      ...(envoyImage === undefined ? [] : [`--envoy-image=${envoyImage}`]),
    ],
    env: [fromField('POD_NAME', 'metadata.name'), fromField('POD_NAMESPACE', 'metadata.namespace')],
    ports: [{ name: 'health', containerPort: healthPort }],
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2 },
    resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '1Gi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
}
