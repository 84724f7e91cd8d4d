/** Whether an account has the rights that the operator uses; which are missing, and where. */
import { resources } from '../../kube/resources.ts';
import { type SecurityKind, securityKinds } from '../operator/mesh/stored.ts';
import { type PolicyRule, permissions } from '../operator/permissions.ts';
import { type Finding, some } from './finding.ts';

/** One verb on one resource; `resource` with its subresource: `pods/log`. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Of all objects when absent. */
  readonly name?: string;
}

/** Answers which of these rights an account has not; in all namespaces, and of the cluster, without a namespace. */
export type MissingRights = (
  rights: readonly Right[],
  namespace: string | undefined,
  signal?: AbortSignal,
) => Promise<readonly Right[]>;

export interface RightsOptions {
  readonly missing: MissingRights;
  /** All when absent. */
  readonly namespaces?: readonly string[] | undefined;
  readonly readSecrets: boolean;
  /** Whether it labels namespaces and Services for Istio, and keeps waypoints; false when absent. */
  readonly meshEnrolment?: boolean | undefined;
  /** Where it reads Secrets, when not everywhere that it watches. */
  readonly secretNamespaces?: readonly string[] | undefined;
  readonly className: string;
  /** Where the Lease is; none is taken when absent. */
  readonly leaseNamespace?: string | undefined;
  readonly signal?: AbortSignal;
}

interface Place {
  readonly namespace: string | undefined;
  readonly rights: readonly Right[];
}

function ofIstio(): Readonly<Record<string, string>> {
  const [read, write] = [
    ['list', 'watch'],
    ['get', 'create', 'patch', 'delete'],
  ];
  const missed = (kind: SecurityKind | 'Gateway', verbs: readonly string[], what: string) =>
    verbs.map((verb) => [`${verb} ${resources[kind].group}/${resources[kind].plural}`, what] as const);
  return Object.fromEntries([
    ...securityKinds.flatMap((kind) => missed(kind, [...read, ...write], 'nothing is enforced in a mesh')),
    ...missed('Gateway', read, 'nothing is enforced in a mesh'),
    ...missed('Gateway', write, 'no waypoint is kept, whatever spec.mesh.waypoint.managed says'),
  ]);
}

/** Without these the operator works, and this is what is missed. */
const dispensable: Readonly<Record<string, string>> = {
  'list gateway.networking.k8s.io/referencegrants': 'no ReferenceGrant is known',
  'watch gateway.networking.k8s.io/referencegrants': 'no ReferenceGrant is known',
  'create events.k8s.io/events': 'no Events tell of its work',
  'get /pods/log': 'what an Envoy says of a refusal is not quoted',
  'list coordination.k8s.io/leases': 'another operator of the same class is not noticed',
  'patch /namespaces': 'no namespace is labelled for Istio, whatever spec.mesh.enrolment says',
  ...ofIstio(),
};
const ofSomeNamespaces: Readonly<Record<string, string>> = {
  'list /namespaces': 'allowedRoutes knows namespaces by their names alone',
  'watch /namespaces': 'allowedRoutes knows namespaces by their names alone',
};

/** The only rights on one object. */
const keysAreLost = 'keys that it fetched for gateways in a mesh are lost when it ends';

export async function checkRights(options: RightsOptions): Promise<readonly Finding[]> {
  const { missing, signal } = options;
  const places = placesOf(options);
  const lists = await Promise.all(
    places.map(async ({ namespace, rights }) => findings(await missing(rights, namespace, signal), namespace, options)),
  );
  const found = lists.flat();
  if (found.length > 0) return found;
  const count = places.reduce((sum, { rights }) => sum + rights.length, 0);
  return [...found, { check: 'rights', level: 'ok', said: `the operator has the ${count} rights that it needs` }];
}

function placesOf({ namespaces, secretNamespaces, leaseNamespace, ...granted }: RightsOptions): readonly Place[] {
  const { cluster, own, ...all } = permissions(granted);
  const ofSecrets = ({ group, resource }: Right) => group === '' && resource === 'secrets';
  const everything = rightsOf(all.watched);
  const watched = everything.filter((right) => secretNamespaces === undefined || !ofSecrets(right));
  const places = [
    ...(namespaces ?? [undefined]).map((namespace) => ({ namespace, rights: watched })),
    { namespace: undefined, rights: rightsOf(cluster) },
    ...(secretNamespaces ?? []).map((namespace) => ({ namespace, rights: everything.filter(ofSecrets) })),
    ...(leaseNamespace === undefined ? [] : [{ namespace: leaseNamespace, rights: rightsOf(own) }]),
  ];
  // One question a place.
  return [...Map.groupBy(places, ({ namespace }) => namespace)].map(([namespace, parts]) => {
    return { namespace, rights: parts.flatMap(({ rights }) => rights) };
  });
}

export function rightsOf(rules: readonly PolicyRule[]): readonly Right[] {
  return rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) => {
    const named = resourceNames === undefined ? [{}] : resourceNames.map((name) => ({ name }));
    return apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => named.map((name) => ({ verb, group, resource, ...name }))),
      ),
    );
  });
}

/** One finding for all that stops the operator in one place, so that an account without any right is told of once. */
function findings(
  missing: readonly Right[],
  namespace: string | undefined,
  { namespaces, readSecrets }: RightsOptions,
): readonly Finding[] {
  const lived = namespaces === undefined ? dispensable : { ...dispensable, ...ofSomeNamespaces };
  const where = namespace === undefined ? whole(namespaces) : `in namespace ${namespace}`;
  const remedy = remedyOf(namespace, { readSecrets });
  const without = (right: Right) => (right.name === undefined ? lived[idOf(right)] : keysAreLost);
  // Rights in some namespaces alone are a choice, of which this is the price.
  const mild = namespaces !== undefined && namespace === undefined ? 'info' : 'warning';
  const finding = (level: Finding['level'], rights: readonly Right[], lost = ''): Finding => {
    return { check: 'rights', level, said: `the operator may not ${some(wordsOf(rights))} ${where}${lost}`, remedy };
  };
  if (missing.some((right) => without(right) === undefined)) return [finding('problem', missing)];
  const byLoss = Map.groupBy(missing, without);
  return [...byLoss].map(([lost, rights]) => finding(mild, rights, `: ${lost}`));
}

function whole(namespaces: readonly string[] | undefined): string {
  return namespaces === undefined ? 'in all namespaces' : 'in the cluster';
}

function remedyOf(namespace: string | undefined, { readSecrets }: { readonly readSecrets: boolean }): string {
  const role = namespace === undefined ? 'ClusterRole' : `Role in ${namespace}`;
  const secrets = readSecrets ? ', with Secret access' : '';
  const fewer = namespace === undefined ? '; or watch some namespaces only' : '';
  return `grant it with the ${role} of this version: helm upgrade evengate${secrets}, or apply what evengate install prints${fewer}`;
}

const idOf = ({ verb, group, resource }: Right) => `${verb} ${group}/${resource}`;

/** `patch, delete deployments.apps` */
function wordsOf(rights: readonly Right[]): readonly string[] {
  const named = ({ group, resource, name }: Right) => {
    const [plural = '', ...sub] = resource.split('/');
    const whole = [group === '' ? plural : `${plural}.${group}`, ...sub].join('/');
    return name === undefined ? whole : `${whole} "${name}"`;
  };
  const byResource = Map.groupBy(rights, named);
  return [...byResource].map(([resource, some]) => `${some.map(({ verb }) => verb).join('/')} ${resource}`);
}
