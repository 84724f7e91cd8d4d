/** Where the API server keeps each kind that tests apply. */
import type { ResourceType } from '../../../src/kube/client.ts';
import { resources } from '../../../src/kube/resources.ts';

const rbac = (kind: string, plural: string, namespaced: boolean): ResourceType => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced,
});

const istio = (group: string, kind: string, plural: string): ResourceType => ({
  group: `${group}.istio.io`,
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

const more = [
  rbac('Role', 'roles', true),
  rbac('RoleBinding', 'rolebindings', true),
  rbac('ClusterRole', 'clusterroles', false),
  rbac('ClusterRoleBinding', 'clusterrolebindings', false),
  istio('security', 'AuthorizationPolicy', 'authorizationpolicies'),
  istio('security', 'RequestAuthentication', 'requestauthentications'),
  istio('security', 'PeerAuthentication', 'peerauthentications'),
  istio('networking', 'DestinationRule', 'destinationrules'),
  { group: 'gateway.networking.k8s.io', version: 'v1', kind: 'Gateway', plural: 'gateways', namespaced: true },
];

const types: ReadonlyMap<string, ResourceType> = new Map(
  [...Object.values<ResourceType>(resources), ...more].map((type) => [type.kind, type]),
);

/** Throws for a kind that it does not know. */
export function typeOf(kind: string): ResourceType {
  const type = types.get(kind);
  if (type === undefined) throw new Error(`e2e/operator/lib/types.ts does not know the kind ${kind}`);
  return type;
}
