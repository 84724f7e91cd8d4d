/** What a pod of the operator is like, however it was installed: `evengate install` and the chart are made of it. */

const healthPort = 8081;

const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const probe = (path: string) => ({ httpGet: { path, port: 'health' } });

/** Nobody has another opinion about these. */
export const operatorPod = {
  // It drains for 30 s, and then gives up its lease.
  terminationGracePeriodSeconds: 45,
} as const;

export const operatorContainer = {
  name: 'operator',
  args: ['operator', '--leader-elect', `--health-port=${healthPort}`],
  env: [fromField('POD_NAME', 'metadata.name'), fromField('POD_NAMESPACE', 'metadata.namespace')],
  ports: [{ name: 'health', containerPort: healthPort }],
  livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 5 },
  readinessProbe: { ...probe('/readyz'), periodSeconds: 2 },
} as const;

/** What suits most; the chart lets everyone choose. Pod Security: restricted. */
export const usual = {
  replicas: 2,
  resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '1Gi' } },
  podSecurityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
} as const;
