/** What a Pod has more in a mesh: mode Sidecar brings the certificate to Envoy, mode Ambient hands its traffic to ztunnel. */
import type { MeshAgent, MeshMode } from '../../ir/mesh.ts';
import type { Labels, NativeSidecar, Volume, VolumeMount } from '../../kube/pods.ts';
import { paths } from '../envoy-process.ts';
import type { Fleet } from './fleet.ts';

/** Of the agent: whether there is a certificate. Istio's own port for that. */
const statusPort = 15_020;

/** ztunnel's in each Pod, for what comes through the mesh (HBONE). */
export const hbonePort = 15_008;

/** No second proxy is wanted, whatever the namespace's labels say; and ours take precedence over the user's. */
export function meshLabels(mode: MeshMode): Labels {
  return { 'sidecar.istio.io/inject': 'false', 'istio.io/dataplane-mode': mode === 'Ambient' ? 'ambient' : 'none' };
}

/** Clients from outside are to be seen with their own addresses. */
export function meshAnnotations(mode: MeshMode): Labels {
  return mode === 'Ambient' ? { 'ambient.istio.io/bypass-inbound-capture': 'true' } : {};
}

/** In memory: a key has no business on a disk. */
const inMemory = { medium: 'Memory', sizeLimit: '1Mi' } as const;

export const identityMount: VolumeMount = { name: 'identity', mountPath: paths.identity, readOnly: true };

export const agentVolumes: readonly Volume[] = [
  { name: 'identity', emptyDir: inMemory },
  { name: 'agent', emptyDir: inMemory },
  {
    name: 'istio-token',
    projected: {
      sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43_200, path: 'istio-token' } }],
    },
  },
  // Istio keeps it in every namespace.
  { name: 'istio-ca', configMap: { name: 'istio-ca-root-cert' } },
];

/** Where the agent expects what it is given, and writes. */
const agentMounts: readonly VolumeMount[] = [
  { name: 'identity', mountPath: paths.identity },
  { name: 'agent', mountPath: '/etc/istio/proxy' },
  { name: 'agent', mountPath: '/var/run/secrets/workload-spiffe-uds' },
  { name: 'istio-token', mountPath: '/var/run/secrets/tokens', readOnly: true },
  { name: 'istio-ca', mountPath: '/var/run/secrets/istio', readOnly: true },
];

/**
 * Istio's agent without its Envoy. Envoy is not started before there is a certificate, so that a Pod that is Ready can
 * speak to the mesh; and it is there until Envoy has drained.
 */
export function agentContainer({ controlPlane }: MeshAgent, { agentImage }: Pick<Fleet, 'agentImage'>): NativeSidecar {
  return {
    name: 'istio-agent',
    image: agentImage,
    restartPolicy: 'Always',
    args: ['proxy', 'sidecar', '--domain', '$(POD_NAMESPACE).svc.cluster.local', '--profiling=false'],
    env: [...environment(controlPlane), ...aboutPod],
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    startupProbe: {
      httpGet: { path: '/healthz/ready', port: statusPort },
      periodSeconds: 1,
      timeoutSeconds: 3,
      failureThreshold: 600,
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: agentMounts,
  };
}

function environment(controlPlane: string): readonly object[] {
  const values = {
    DISABLE_ENVOY: 'true',
    OUTPUT_CERTS: paths.identity,
    // It is ready when what this file names is there: the certificate.
    GRPC_XDS_BOOTSTRAP: '/etc/istio/proxy/grpc-bootstrap.json',
    PILOT_CERT_PROVIDER: 'istiod',
    CA_ADDR: controlPlane,
    PROXY_CONFIG: JSON.stringify({ discoveryAddress: controlPlane, statusPort }),
  };
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

const aboutPod: readonly object[] = [
  ['POD_NAME', 'metadata.name'],
  ['POD_NAMESPACE', 'metadata.namespace'],
  ['INSTANCE_IP', 'status.podIP'],
  ['SERVICE_ACCOUNT', 'spec.serviceAccountName'],
].map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } }));
