/** What tests need beside their own namespace. */
import type { KubeObject } from '../../../src/kube/object.ts';
import { resources } from '../../../src/kube/resources.ts';
import { statusFaults } from '../../../src/testing/status-rules.ts';
import { until } from './until.ts';
import type { Reported, World } from './world.ts';

/** A namespace `<world's>-<suffix>`, which goes with the world. */
export async function addNamespace(world: World, suffix: string, labels: Readonly<Record<string, string>> = {}) {
  const name = `${world.namespace}-${suffix}`;
  world.onEnd(() => world.remove('Namespace', name));
  await world.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  return name;
}

/** What is wrong with the statuses of our kinds in the world's namespace, as tools see them. */
export async function faultsOfStatuses(world: World): Promise<readonly string[]> {
  const kinds = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'];
  const objects = await Promise.all(kinds.map((kind) => world.list(kind)));
  return objects.flat().flatMap(statusFaults);
}

/** Gateway API's ReferenceGrant, where the cluster has none; it stays, for who takes it away takes it from all. */
export async function installReferenceGrants(world: World): Promise<void> {
  const { group, kind, plural, version } = resources.ReferenceGrant;
  const place = { name: `${plural}.${group}` };
  const find = () => world.client.get<Reported>(resources.CustomResourceDefinition, place);
  if ((await find()) !== undefined) return;
  const schema = {
    type: 'object',
    properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  };
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { ...place, annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' } },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
  await world.client.apply(resources.CustomResourceDefinition, definition as KubeObject, { force: true });
  await until('ReferenceGrant is served', async () =>
    (await find())?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'),
  );
}

/** Lets ApiGateways of the world's namespace use a Secret of another. */
export function grantSecret(world: World, namespace: string, name: string): KubeObject {
  const from = [{ group: 'evengate.dev', kind: 'ApiGateway', namespace: world.namespace }];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'ReferenceGrant',
    metadata: { name: `from-${world.namespace}`, namespace },
    spec: { from, to: [{ group: '', kind: 'Secret', name }] },
  };
}
