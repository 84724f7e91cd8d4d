/** How the API server treats each resource type: its REST strategy. */

import { objectSchema } from '../../api/crd.ts';
import { kinds } from '../../api/kinds.ts';
import type { ResourceType } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { JsonSchema } from '../../schema/json-schema.ts';

export interface ServedType extends ResourceType {
  readonly status: boolean;
  readonly scale: boolean;
  /** Counts changes of its spec in metadata.generation. */
  readonly generation: boolean;
  /** PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  /** PUT of what is not there creates it. */
  readonly createOnUpdate: boolean;
  /** Defined by a CRD: a list's items name their kind, no strategic merge. */
  readonly custom: boolean;
  /** Of a custom type: where its lists are maps. */
  readonly schema: JsonSchema | undefined;
}

const statusKinds = ['Namespace', 'Pod', 'Service', 'Node', 'CustomResourceDefinition', 'ReplicaSet', 'Deployment'];
const withStatus = new Set([...statusKinds, 'PodDisruptionBudget', 'HorizontalPodAutoscaler', 'NetworkPolicy']);
const withScale = new Set(['Deployment', 'ReplicaSet', 'StatefulSet']);
const withoutGeneration = new Set(
  ['ConfigMap', 'Secret', 'Namespace', 'ServiceAccount', 'Event', 'Lease', 'Node', 'Service', 'EndpointSlice'].concat(
    'HorizontalPodAutoscaler',
  ),
);
const conditionalUpdate = new Set(['Namespace', 'ServiceAccount', 'Lease', 'PodDisruptionBudget', 'Node']);
const customOfKubernetes = 'gateway.networking.k8s.io';
const builtInGroups = new Set(['', 'apps', 'policy', 'autoscaling', 'batch']);

const schemas = new Map<string, JsonSchema>();

/** Made once: it takes longer than a server takes to start. */
function schemaOf(kind: string): JsonSchema | undefined {
  const definition = kinds.find((known) => known.kind === kind);
  const schema = schemas.get(kind) ?? (definition && objectSchema(definition));
  if (schema !== undefined) schemas.set(kind, schema);
  return schema;
}

export function servedType(type: ResourceType): ServedType {
  const { group, kind } = type;
  const custom = group === customOfKubernetes || !(builtInGroups.has(group) || group.endsWith('.k8s.io'));
  return {
    ...type,
    status: custom ? group !== customOfKubernetes : withStatus.has(kind),
    scale: withScale.has(kind),
    generation: custom || !withoutGeneration.has(kind),
    unconditionalUpdate: !custom && !conditionalUpdate.has(kind),
    createOnUpdate: kind === 'Lease' || kind === 'Event',
    custom,
    schema: custom ? schemaOf(kind) : undefined,
  };
}

function more(apiVersion: string, kind: string, plural: string, namespaced = true): ResourceType {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return { group, version, kind, plural, namespaced };
}

/** Those of src/kube/resources.ts and what others create beside them. */
export const usualTypes: readonly ResourceType[] = [
  ...Object.values(resources).filter(({ group }) => group !== 'authorization.k8s.io'),
  more('v1', 'Node', 'nodes', false),
  more('apps/v1', 'ReplicaSet', 'replicasets'),
  more('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
];

/** `apps/v1`. */
export function apiVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Versions of a type share their objects. */
export function typeId({ group, plural }: ResourceType): string {
  return `${group}/${plural}`;
}

/** The types that one server serves. */
export class ServedTypes {
  readonly #types = new Map<string, ServedType>();

  constructor(types: readonly ResourceType[]) {
    for (const type of types) this.add(type);
  }

  add(type: ResourceType): void {
    this.#types.set(typeId(type), servedType(type));
  }

  remove(type: ResourceType): void {
    this.#types.delete(typeId(type));
  }

  all(): readonly ServedType[] {
    return [...this.#types.values()];
  }

  find(group: string, version: string, plural: string): ServedType | undefined {
    const type = this.#types.get(`${group}/${plural}`);
    return type?.version === version ? type : undefined;
  }

  ofKind(apiVersion: string, kind: string): ServedType | undefined {
    return this.all().find((type) => type.kind === kind && apiVersionOf(type) === apiVersion);
  }
}
