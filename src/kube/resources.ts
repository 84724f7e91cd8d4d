/** THE list of resource types that the operator touches. */
import type { ResourceType } from './client.ts';

function type(
  apiVersion: string,
  kind: string,
  plural: string,
  scope: 'namespaced' | 'cluster' = 'namespaced',
): ResourceType {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return { group, version, kind, plural, namespaced: scope === 'namespaced' };
}

/** Created to ask a question, and not kept. */
function review(kind: string, plural: string): ResourceType {
  return type('authorization.k8s.io/v1', kind, plural, 'cluster');
}

export const resources = {
  ApiGateway: type('evengate.dev/v1alpha1', 'ApiGateway', 'apigateways'),
  Route: type('evengate.dev/v1alpha1', 'Route', 'routes'),
  AuthPolicy: type('evengate.dev/v1alpha1', 'AuthPolicy', 'authpolicies'),
  RateLimitPolicy: type('evengate.dev/v1alpha1', 'RateLimitPolicy', 'ratelimitpolicies'),
  Service: type('v1', 'Service', 'services'),
  ConfigMap: type('v1', 'ConfigMap', 'configmaps'),
  Secret: type('v1', 'Secret', 'secrets'),
  Namespace: type('v1', 'Namespace', 'namespaces', 'cluster'),
  ReferenceGrant: type('gateway.networking.k8s.io/v1beta1', 'ReferenceGrant', 'referencegrants'),
  Pod: type('v1', 'Pod', 'pods'),
  AuthorizationPolicy: type('security.istio.io/v1', 'AuthorizationPolicy', 'authorizationpolicies'),
  RequestAuthentication: type('security.istio.io/v1', 'RequestAuthentication', 'requestauthentications'),
  PeerAuthentication: type('security.istio.io/v1', 'PeerAuthentication', 'peerauthentications'),
  Gateway: type('gateway.networking.k8s.io/v1', 'Gateway', 'gateways'),
  ServiceAccount: type('v1', 'ServiceAccount', 'serviceaccounts'),
  Event: type('events.k8s.io/v1', 'Event', 'events'),
  Lease: type('coordination.k8s.io/v1', 'Lease', 'leases'),
  Deployment: type('apps/v1', 'Deployment', 'deployments'),
  PodDisruptionBudget: type('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  HorizontalPodAutoscaler: type('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  NetworkPolicy: type('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  CustomResourceDefinition: type(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    'cluster',
  ),
  SelfSubjectRulesReview: review('SelfSubjectRulesReview', 'selfsubjectrulesreviews'),
  SelfSubjectAccessReview: review('SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  SubjectAccessReview: review('SubjectAccessReview', 'subjectaccessreviews'),
} as const satisfies Record<string, ResourceType>;
