/** The rights that the operator asks for are those that it uses: no more, no fewer. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { waypointBound } from '../../kube/core.ts';
import { resources } from '../../kube/resources.ts';
import { elect } from '../../runtime/leader.ts';
import { authPolicy, corpJwks, jwt, serviceTarget } from '../../testing/build.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import type { Attributes } from '../../testing/kube-api/request.ts';
import { billingPolicy, meshedShop, workloadPod, workloadService } from '../../testing/operator/meshed-shop.ts';
import { endOf } from '../../testing/operator/oracles.ts';
import { conditionOf, type OperatorRig, type OperatorSettings, rigPool } from '../../testing/operator/rig.ts';
import { createAll, shop, shopChanges, shopGateway } from '../../testing/operator/shop.ts';
import { tell } from '../../testing/operator/story.ts';
import { meshConfigRights, type PolicyRule, permissions } from './permissions.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

const home = 'evengate-system';

/** `patch evengate.dev/routes/status` */
function rightsIn(rules: readonly PolicyRule[]): ReadonlySet<string> {
  return new Set(
    rules.flatMap(({ apiGroups, resources: plurals, verbs }) =>
      apiGroups.flatMap((group) => plurals.flatMap((plural) => verbs.map((verb) => `${verb} ${group}/${plural}`))),
    ),
  );
}

function rightOf({
  verb,
  group,
  resource,
  subresource,
}: Pick<Attributes, 'verb' | 'group' | 'resource' | 'subresource'>) {
  return `${verb} ${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`;
}

interface Grant {
  readonly readSecrets: boolean;
  readonly meshEnrolment?: boolean;
  /** All when absent. */
  readonly namespaces?: readonly string[];
  /** Where rights on Secrets hold; everywhere when absent. */
  readonly secretNamespaces?: readonly string[];
  /** Where MeshConfig may be read, though it is not watched. */
  readonly istioNamespace?: string;
  /** One right that is missing. */
  readonly without?: string;
}

/** RBAC with the rules of `permissions`, and a list of what it denied. */
function rbac({ readSecrets, meshEnrolment, namespaces, secretNamespaces, istioNamespace, without }: Grant) {
  const { watched, cluster, own } = permissions({ readSecrets, meshEnrolment });
  const rights = { watched: rightsIn(watched), cluster: rightsIn(cluster) };
  const ofMeshConfig = meshConfigRights();
  const isMeshConfig = (right: string, { namespace, name }: Attributes) =>
    namespace === istioNamespace &&
    ofMeshConfig.some((rule) => rightsIn([rule]).has(right) && rule.resourceNames?.includes(name));
  const isOwn = (right: string, { namespace, name }: Attributes) =>
    namespace === home &&
    own.some((rule) => rightsIn([rule]).has(right) && (rule.resourceNames?.includes(name) ?? true));
  const denied: string[] = [];
  const authorize = (attributes: Attributes): boolean => {
    const { namespace } = attributes;
    const right = rightOf(attributes);
    const inWatched = rights.watched.has(right) && (namespaces === undefined || namespaces.includes(namespace));
    const inCluster = rights.cluster.has(right) && namespaces === undefined;
    const isSecret = attributes.resource === 'secrets' && attributes.group === '';
    const mayRead = !isSecret || secretNamespaces === undefined || secretNamespaces.includes(namespace);
    const may =
      mayRead &&
      right !== without &&
      (inWatched || inCluster || isMeshConfig(right, attributes) || isOwn(right, attributes));
    if (!may) denied.push(`${right} in ${namespace}`);
    return may;
  };
  return { authorize, denied };
}

/** All that the operator ever does: a gateway opens, changes, scales by itself, shrinks, and goes to another class. */
async function live(
  rig: OperatorRig,
  settings: Pick<Grant, 'readSecrets' | 'meshEnrolment' | 'namespaces' | 'secretNamespaces'> &
    Pick<Partial<OperatorSettings>, 'preflight'>,
) {
  const { api, quiet } = rig;
  createAll(api, shop());
  rig.start({
    ...settings,
    namespaces: settings.namespaces,
    ownNamespace: home,
    fetching: { fetch: () => Promise.resolve(corpJwks) },
    election: ({ client, clock, log }) =>
      elect({ client, clock, log, namespace: home, name: 'evengate', identity: 'one' }),
  });
  await quiet();
  for (const step of shopChanges) step(api);
  await quiet();
  for (const workload of [{ autoscaling: { maxReplicas: 4 } }, { replicas: 1 }, { autoscaling: { maxReplicas: 4 } }]) {
    api.put(shopGateway({ workload }));
    await quiet();
  }
  const ready = conditionOf(api.get(resources.ApiGateway, 'shop', 'edge'), 'Ready');
  await liveInMesh(rig);
  api.put(shopGateway({ className: 'nobody' }));
  await quiet(100_000);
  return ready;
}

const fetched = { jwks: { uri: 'https://login.example.com/jwks' } };

/** A Service for callers inside is closed and opened again, and a waypoint comes and goes. */
async function liveInMesh({ api, quiet }: OperatorRig): Promise<void> {
  // MeshConfig is looked for where it may be read.
  const mesh = { mode: 'Ambient', namespace: 'certs', onLastPolicy: 'Release', enrolment: 'Managed' };
  const closing = [
    workloadService('billing'),
    workloadPod('billing'),
    billingPolicy('shop/batch'),
    authPolicy(
      { targetRefs: [serviceTarget('billing')], authenticate: { jwt: [jwt(fetched)] }, authorize: undefined },
      { name: 'billing-too' },
    ),
  ];
  createAll(api, closing);
  api.put(shopGateway({ mesh: { ...mesh, waypoint: { name: 'waypoint', managed: true } } }));
  await quiet();
  const bound = [{ type: waypointBound, status: 'True', reason: 'WaypointAccepted', message: '' }];
  const service = api.get(resources.Service, 'shop', 'billing');
  if (service !== undefined) api.putStatus(service, { conditions: bound });
  await quiet();
  for (const one of closing.slice(2)) api.delete(one);
  await quiet(30_000);
}

/** What was asked for; an apply that finds nothing needs to create, too. */
function used(
  { api }: OperatorRig,
  where: (at: Pick<Attributes, 'namespace' | 'resource'>) => boolean = () => true,
): ReadonlySet<string> {
  const created = api.writes.flatMap(({ verb, before, after, kind, namespace }) => {
    if (verb !== 'apply' || before !== undefined || after === undefined) return [];
    const { group, plural } = resources[kind as keyof typeof resources];
    return where({ namespace, resource: plural }) ? [`create ${group}/${plural}`] : [];
  });
  return new Set([...api.requests.filter(where).map(rightOf), ...created]);
}

/** Used where no model of ours goes. */
const elsewhere: Readonly<Record<string, string>> = {
  'update evengate.dev/apigateways/finalizers': 'the admission plugin OwnerReferencesPermissionEnforcement asks for it',
  'get /pods/log': 'an Envoy that refuses something says why in its log',
};

describe('the rights of the operator', () => {
  test.each([true, false])('are those that it uses (Secrets, enrolment: %s)', async (readSecrets) => {
    const meshEnrolment = readSecrets;
    const { authorize } = rbac({ readSecrets, meshEnrolment });
    const rig = await pool.open({ authorize });
    const ready = await live(rig, {
      readSecrets,
      meshEnrolment,
      preflight: { lease: { namespace: home, name: 'evengate' } },
    });
    expect(rig.api.requests.filter((request) => !authorize(request)).map(rightOf)).toEqual([]);
    expect(ready).toBe(readSecrets ? 'True Ready' : 'False InvalidCertificateRef');
    const { watched, cluster, own } = permissions({ readSecrets, meshEnrolment });
    const granted = rightsIn([...watched, ...cluster, ...own]);
    const asked = new Set([...used(rig), ...Object.keys(elsewhere)]);
    expect([...asked].toSorted()).toEqual([...granted].toSorted());
  });

  test('are enough in the namespaces that it watches, without any in the cluster', async () => {
    const namespaces = ['shop', 'certs'];
    const { authorize, denied } = rbac({ readSecrets: true, namespaces });
    const rig = await pool.open({ authorize });
    expect(await live(rig, { readSecrets: true, namespaces })).toBe('True Ready');
    // Labels of namespaces are wanted, and lived without.
    expect([...new Set(denied)]).toEqual(['list /namespaces in ']);
    const own = permissions({ readSecrets: true }).own.filter((rule) => rule.resourceNames !== undefined);
    const kept = ({ namespace, resource }: Pick<Attributes, 'namespace' | 'resource'>) =>
      namespace === home && resource === 'configmaps';
    expect([...used(rig, kept)].toSorted()).toEqual([...rightsIn(own)].toSorted());
  });

  test('on MeshConfig are by its name, where Istio is not watched', async () => {
    const namespaces = ['shop'];
    const istioNamespace = 'istio-system';
    const meshConfig = (text: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: istioNamespace },
      data: { mesh: text },
    });
    const { authorize, denied } = rbac({ readSecrets: true, namespaces, istioNamespace });
    const rig = await pool.open({ authorize });
    createAll(rig.api, [...meshedShop(), meshConfig('trustDomain: example.org')]);
    rig.start({ readSecrets: true, namespaces });
    await rig.quiet();
    const identities = () => JSON.stringify(rig.api.list(resources.AuthorizationPolicy));
    expect(identities()).toContain('"example.org/ns/shop/sa/');
    rig.api.put(meshConfig('trustDomain: example.com'));
    await rig.quiet();
    expect(identities()).toContain('"example.com/ns/shop/sa/');
    expect([...new Set(denied)]).toEqual(['list /namespaces in ']);
    const asked = rig.api.requests.filter(({ namespace }) => namespace === istioNamespace);
    const used = new Set(asked.map((request) => `${rightOf(request)} ${request.name}`));
    const granted = meshConfigRights().flatMap((rule) => [...rightsIn([rule])].map((right) => `${right} istio`));
    expect([...used].toSorted()).toEqual(granted.toSorted());
  });

  test('on Secrets may end at some namespaces, where it watches all', async () => {
    const secretNamespaces = ['shop', 'certs'];
    const { authorize, denied } = rbac({ readSecrets: true, secretNamespaces });
    const rig = await pool.open({ authorize });
    expect(await live(rig, { readSecrets: true, secretNamespaces })).toBe('True Ready');
    expect(denied).toEqual([]);
  });

  test('on a Secret out of reach are missed by what names it, and by nothing else', async () => {
    const secretNamespaces = ['shop'];
    const { authorize, denied } = rbac({ readSecrets: true, secretNamespaces });
    const rig = await pool.open({ authorize });
    expect(await live(rig, { readSecrets: true, secretNamespaces })).toBe('False InvalidCertificateRef');
    expect([...new Set(denied)]).toEqual([expect.stringMatching(/\/secrets in certs$/)]);
  });

  test.each([
    'watch evengate.dev/routes',
    'patch evengate.dev/authpolicies/status',
    'get /configmaps',
    'delete policy/poddisruptionbudgets',
    'patch /pods',
    'get /secrets',
  ])('without %s it does not do', async (without) => {
    const { authorize, denied } = rbac({ readSecrets: true, without });
    const rig = await pool.open({ authorize });
    await live(rig, { readSecrets: true });
    expect(denied).toContainEqual(expect.stringContaining(without));
    expect(new Set(denied).size).toBeLessThanOrEqual(2);
  });

  test('may come late: what was forbidden is done as soon as it is not', async () => {
    const undisturbed = await tell(await pool.open());
    let granted = false;
    const { authorize } = rbac({ readSecrets: true });
    const writes = ['create', 'patch', 'delete'];
    const rig = await pool.open({
      authorize: (attributes) => authorize(attributes) && (granted || !writes.includes(attributes.verb)),
    });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true });
    await rig.quiet(100_000);
    expect(rig.writes()).toEqual([]);
    granted = true;
    await rig.quiet(100_000);
    for (const step of shopChanges) {
      step(rig.api);
      await rig.quiet();
    }
    expect(endOf(rig)).toEqual(undisturbed.end);
  });
});
