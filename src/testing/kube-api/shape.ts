/** Which lists are maps or sets, and which fields are one value, in the eyes of server-side apply. */
import type { JsonSchema } from '../../schema/json-schema.ts';
import { type Json, type JsonObject, textAt } from './json.ts';
import type { ServedType } from './types.ts';

export type ListShape =
  | { readonly kind: 'atomic' | 'set' }
  | { readonly kind: 'map'; readonly keys: readonly string[]; readonly defaults?: JsonObject };

export interface Shape {
  /** `names`: the fields on the way, list items left out: `spec.template.spec.containers`. */
  list(names: string): ListShape;
  atomicObject(names: string): boolean;
  /** Go has it in every object, so that nobody can add it. */
  always(names: string): boolean;
}

const atomic: ListShape = { kind: 'atomic' };
const keyed = (...keys: readonly string[]): ListShape => ({ kind: 'map', keys });
const portsOf = (port: string): ListShape => ({ kind: 'map', keys: [port, 'protocol'], defaults: { protocol: 'TCP' } });

/** By the end of the field's path; the first that fits. Source: `x-kubernetes-list-type` of Kubernetes' OpenAPI. */
const builtInLists: readonly (readonly [end: RegExp, ListShape])[] = [
  [/^metadata\.ownerReferences$/, keyed('uid')],
  [/^metadata\.finalizers$/, { kind: 'set' }],
  [/^status\.conditions$/, keyed('type')],
  [/^status\.podIPs$/, keyed('ip')],
  [/[cC]ontainers$/, keyed('name')],
  [/[cC]ontainers\.ports$/, portsOf('containerPort')],
  [/[cC]ontainers\.env$/, keyed('name')],
  [/[cC]ontainers\.volumeMounts$/, keyed('mountPath')],
  [/[cC]ontainers\.volumeDevices$/, keyed('devicePath')],
  [/\.(volumes|imagePullSecrets|schedulingGates)$/, keyed('name')],
  [/^(secrets|imagePullSecrets)$/, keyed('name')],
  [/\.hostAliases$/, keyed('ip')],
  [/\.topologySpreadConstraints$/, keyed('topologyKey', 'whenUnsatisfiable')],
  [/^spec\.ports$/, portsOf('port')],
];

const atomicObjects =
  /(^metadata\.ownerReferences$|^regarding|^spec\.selector|[sS]elector|KeyRef|fieldRef|resourceFieldRef|localObjectReference|\.targetRef|\.claimRef)$/;

const alwaysThere = /^(metadata|spec|status|spec\.template|spec\.template\.(metadata|spec|spec\.containers))$/;

const builtIn: Shape = {
  always: (names) => alwaysThere.test(names),
  list: (names) => builtInLists.find(([end]) => end.test(names))?.[1] ?? atomic,
  atomicObject: (names) => atomicObjects.test(names),
};

export function shapeOf({ custom, schema }: ServedType): Shape {
  if (!custom) return builtIn;
  return {
    always: (names) => names === 'metadata',
    list(names) {
      if (names.startsWith('metadata.') || schema === undefined) return builtIn.list(names);
      const found = schemaAt(schema, names);
      if (found?.['x-kubernetes-list-type'] === 'set') return { kind: 'set' };
      const keys = found?.['x-kubernetes-list-map-keys'];
      return keys === undefined ? atomic : keyed(...keys);
    },
    atomicObject: (names) => schema !== undefined && schemaAt(schema, names)?.['x-kubernetes-map-type'] === 'atomic',
  };
}

function schemaAt(schema: JsonSchema, names: string): JsonSchema | undefined {
  return names.split('.').reduce<JsonSchema | undefined>((at, name) => {
    const holder = at?.items ?? at;
    const values = holder?.additionalProperties;
    return holder?.properties?.[name] ?? (typeof values === 'object' ? values : undefined);
  }, schema);
}

/** The path element of a list's item: `k:{"name":"envoy"}` or `v:"a"`. */
export function itemElement(shape: ListShape, item: Json): string {
  if (shape.kind !== 'map') return `v:${JSON.stringify(item)}`;
  const key = shape.keys.map((name) => [name, keyValue(shape, name, item)]);
  return `k:${JSON.stringify(Object.fromEntries(key))}`;
}

function keyValue(shape: ListShape & { readonly kind: 'map' }, name: string, item: Json): Json {
  const own = typeof item === 'object' && item !== null && name in item ? (item as JsonObject)[name] : undefined;
  return own ?? shape.defaults?.[name] ?? textAt(item, name);
}
