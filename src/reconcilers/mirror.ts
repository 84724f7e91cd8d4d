/** Certificates of other namespaces, repeated beside the gateway: a Pod mounts only what is in its own. */
import type { Gateway } from '../ir/gateway.ts';
import type { Secret } from '../kube/core.ts';
import type { KubeObject, ObjectMeta, ObjectRef } from '../kube/object.ts';
import { mirrorName } from '../render/names.ts';

/** Secrets of other namespaces that the gateway serves TLS with; each once. */
export function foreignCertificates({ ref, chains }: Gateway): readonly ObjectRef[] {
  const all = chains.flatMap(({ certificates }) => certificates.map(({ secret }) => secret));
  const foreign = all.filter(({ namespace }) => namespace !== ref.namespace);
  return [...new Map(foreign.map((secret) => [`${secret.namespace}/${secret.name}`, secret])).values()];
}

/** Only what Envoy reads of it. */
export function mirror(
  gateway: ObjectRef,
  secret: Secret,
  { labels, ownerReferences }: Pick<ObjectMeta, 'labels' | 'ownerReferences'>,
): KubeObject {
  const { namespace = '', name } = secret.metadata;
  const keys = ['tls.crt', 'tls.key'] as const;
  const copied: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: mirrorName(gateway, { kind: 'Secret', namespace, name }),
      namespace: gateway.namespace,
      ...(labels && { labels }),
      ...(ownerReferences && { ownerReferences }),
    },
    type: 'kubernetes.io/tls',
    data: Object.fromEntries(keys.map((key) => [key, secret.data?.[key] ?? ''])),
  };
  return copied;
}
