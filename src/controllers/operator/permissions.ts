/** What the operator does to which resources: RBAC is made of it, and a test holds it against every call. */
import { meshConfigMap } from '../../features/mesh/mesh-config.ts';
import { defaultClass } from '../../ir/class-name.ts';
import type { ResourceType } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { keysName } from '../preflight/installed.ts';
import { childKinds } from './children.ts';
import { securityKinds } from './mesh/stored.ts';

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** All when absent. */
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Permissions {
  /** In every namespace that is watched. */
  readonly watched: readonly PolicyRule[];
  /** Of resources without a namespace; and who else leads, wherever its Lease is. */
  readonly cluster: readonly PolicyRule[];
  /** In the operator's own namespace. */
  readonly own: readonly PolicyRule[];
}

const follow = ['list', 'watch'] as const;
/** Server-side apply is a patch, and a create where nothing is there yet. */
const keep = ['get', ...follow, 'create', 'patch', 'delete'] as const;

export interface Granted {
  readonly readSecrets: boolean;
  /** What labels namespaces and Services, and keeps waypoints; false when absent. */
  readonly meshEnrolment?: boolean | undefined;
  /** The usual one when absent. */
  readonly className?: string | undefined;
}

export function permissions({ readSecrets, meshEnrolment = false, className }: Granted): Permissions {
  const kinds = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'] as const;
  const watched: readonly PolicyRule[] = [
    ...kinds.map((kind) => rule(resources[kind], kind === 'ApiGateway' ? ['get', ...follow] : follow)),
    ...kinds.map((kind) => rule(resources[kind], ['patch'], 'status')),
    // An owner reference that blocks the owner's deletion needs this where OwnerReferencesPermissionEnforcement is on.
    rule(resources.ApiGateway, ['update'], 'finalizers'),
    rule(resources.ReferenceGrant, follow),
    ...childKinds.filter((kind) => kind !== 'Secret' || readSecrets).map((kind) => rule(resources[kind], keep)),
    ...securityKinds.map((kind) => rule(resources[kind], keep)),
    rule(resources.Gateway, follow),
    ...(meshEnrolment ? enrolmentRights.watched : []),
    rule(resources.Pod, [...follow, 'patch']),
    rule(resources.Pod, ['get'], 'log'),
    rule(resources.Event, ['create']),
  ];
  return {
    watched: united(watched),
    cluster: [
      rule(resources.Namespace, follow),
      rule(resources.Lease, ['list']),
      ...(meshEnrolment ? enrolmentRights.cluster : []),
    ],
    own: [rule(resources.Lease, ['get', 'create', 'update']), keysRule(className)],
  };
}

/** Of the one ConfigMap that fetched keys are kept in: an apply tells its name also where it creates. */
function keysRule(className = defaultClass): PolicyRule {
  return { ...rule(resources.ConfigMap, ['get', 'create', 'patch']), resourceNames: [keysName(className)] };
}

/** What enrolment needs beside: waypoints, and labels of namespaces. */
export const enrolmentRights: Pick<Permissions, 'watched' | 'cluster'> = {
  watched: [rule(resources.Gateway, ['get', 'create', 'patch', 'delete'])],
  cluster: [rule(resources.Namespace, ['patch'])],
};

/**
 * In Istio's namespace, where it is not watched: MeshConfig of the default revision and of these, by name and nothing else of
 * that namespace. Each is watched alone.
 */
export function meshConfigRights(revisions: readonly string[] = []): readonly PolicyRule[] {
  const resourceNames = [...new Set(['', ...revisions].map(meshConfigMap))];
  return [{ apiGroups: [''], resources: [resources.ConfigMap.plural], resourceNames, verbs: follow }];
}

function rule({ group, plural }: ResourceType, verbs: readonly string[], subresource?: string): PolicyRule {
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { apiGroups: [group], resources: [resource], verbs };
}

/** Rules of one group and the same verbs as one. */
function united(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const alike = Map.groupBy(rules, ({ apiGroups, verbs }) => `${apiGroups.join()} ${verbs.join()}`);
  return [...alike.values()].map((some) => ({
    apiGroups: some[0]?.apiGroups ?? [],
    resources: some.flatMap((one) => one.resources).toSorted(),
    verbs: some[0]?.verbs ?? [],
  }));
}
