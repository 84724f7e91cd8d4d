/** Services that gateways of other classes reach: one operator writes for a workload, and all know which. */
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import type { Collection } from '../../kube/snapshot.ts';

export interface Rival {
  readonly className: string;
  readonly gateway: ObjectKey;
  /** Of the Service. */
  readonly port: number;
  /** The Route is of the Service's namespace, so its ports close. */
  readonly own: boolean;
}

/** By Service. `elsewhere` are the classes of the gateways in a mesh that are not ours. Objects are not yet believed. */
export function rivalsOf(
  routes: Collection,
  elsewhere: ReadonlyMap<ObjectKey, string>,
): ReadonlyMap<ObjectKey, readonly Rival[]> {
  const rivals = new Map<ObjectKey, Rival[]>();
  if (elsewhere.size === 0) return rivals;
  for (const { metadata, spec } of routes.values()) {
    const namespace = metadata.namespace ?? 'default';
    const gateways = listOf(spec, 'parentRefs')
      .map((parent) => keyOf(textOf(parent, 'namespace') ?? namespace, textOf(parent, 'name') ?? ''))
      .filter((key) => elsewhere.has(key));
    if (gateways.length === 0) continue;
    const backends = listOf(spec, 'rules').flatMap((rule) => listOf(rule, 'backendRefs'));
    for (const gateway of gateways) {
      for (const backend of backends)
        add(rivals, namespace, backend, { gateway, className: elsewhere.get(gateway) ?? '' });
    }
  }
  return rivals;
}

function add(
  rivals: Map<ObjectKey, Rival[]>,
  namespace: string,
  backend: unknown,
  of: Pick<Rival, 'gateway' | 'className'>,
): void {
  const to = textOf(backend, 'namespace') ?? namespace;
  const key = keyOf(to, textOf(backend, 'name') ?? '');
  const port = fieldOf(backend, 'port');
  if (typeof port !== 'number') return;
  const list = rivals.get(key) ?? [];
  rivals.set(key, list);
  list.push({ ...of, port, own: to === namespace });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field : [];
}

function textOf(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : undefined;
}
