/** Istio's agent beside each Envoy of a gateway in mode Sidecar: which, and who signs its certificate. */
import type { MeshAgent } from '../../ir/mesh.ts';
import type { MeshSpec } from './schema.ts';

/** Where nobody says otherwise: istioctl's and the charts' own. */
export const istioNamespace = 'istio-system';

const signingPort = 15_012;

/** Undefined in other modes. */
export function meshAgent(spec: MeshSpec | undefined): MeshAgent | undefined {
  if (spec?.mode !== 'Sidecar') return undefined;
  return { image: spec.agentImage, controlPlane: controlPlane(spec.namespace, spec.revision) };
}

/** Each revision has a Service of its own; the default one has no suffix. */
function controlPlane(namespace: string = istioNamespace, revision: string = 'default'): string {
  const service = revision === 'default' || revision === '' ? 'istiod' : `istiod-${revision}`;
  return `${service}.${namespace}.svc:${signingPort}`;
}
