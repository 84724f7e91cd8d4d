/** The garbage collector and the namespace controller, run to their end. */
import { equal } from './json.ts';
import { type Owner, type Stored, withMetadata } from './stored.ts';
import type { ServedType } from './types.ts';
import type { World } from './world.ts';

/** The namespaces that ceased to be. */
export function collect(world: World): readonly string[] {
  const gone: string[] = [];
  while (step(world, gone));
  return gone;
}

/** Whether anything changed. */
function step(world: World, gone: string[]): boolean {
  const { store, types } = world;
  return types.all().some((type) =>
    store.all(type).some((object) => {
      if (type.kind === 'Namespace' && object.metadata.deletionTimestamp !== undefined) {
        return emptied(world, type, object, gone);
      }
      return orphaned(world, type, object) || released(world, type, object);
    }),
  );
}

function emptied(world: World, type: ServedType, namespace: Stored, gone: string[]): boolean {
  const { name } = namespace.metadata;
  const inside = contentOf(world, name);
  if (inside.length === 0 && (namespace.metadata.finalizers ?? []).length === 0) {
    world.store.remove(type, namespace);
    gone.push(name);
    return true;
  }
  const next = inside.find(({ object }) => object.metadata.deletionTimestamp === undefined);
  if (next !== undefined) erase(world, next.type, next.object);
  return next !== undefined;
}

function contentOf({ store, types }: World, namespace: string) {
  return types
    .all()
    .filter(({ namespaced }) => namespaced)
    .flatMap((type) => store.all(type).map((object) => ({ type, object })))
    .filter(({ object }) => object.metadata.namespace === namespace);
}

/** Background deletion. */
function erase({ store, now }: World, type: ServedType, object: Stored): void {
  const { finalizers = [], generation } = object.metadata;
  if (finalizers.length === 0) {
    store.remove(type, object);
    return;
  }
  const bumped = generation === undefined ? {} : { generation: generation + 1 };
  store.put(type, withMetadata(object, { deletionTimestamp: now(), deletionGracePeriodSeconds: 0, ...bumped }));
}

/** A dependent whose owners are all gone goes; of several owners those that are gone are taken off it. */
function orphaned(world: World, type: ServedType, object: Stored): boolean {
  const { ownerReferences = [], deletionTimestamp } = object.metadata;
  if (ownerReferences.length === 0 || deletionTimestamp !== undefined) return false;
  const owners = ownerReferences.map((reference) => ({ reference, owner: ownerOf(world, object, reference) }));
  const solid = owners.filter(({ owner }) => owner !== undefined && !waits(owner, 'foregroundDeletion'));
  if (solid.length === owners.length) return false;
  if (solid.length === 0) {
    erase(world, type, object);
    return true;
  }
  const left = owners.filter(({ owner }) => owner !== undefined).map(({ reference }) => reference);
  if (left.length === owners.length) return false;
  world.store.put(type, withMetadata(object, { ownerReferences: left }));
  return true;
}

function waits({ metadata }: Stored, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;
}

/** In the dependent's namespace or of the cluster: owners elsewhere do not count. */
function ownerOf(
  { store, types }: World,
  dependent: Stored,
  { apiVersion, kind, name, uid }: Owner,
): Stored | undefined {
  const type = types.ofKind(apiVersion, kind);
  if (type === undefined) return undefined;
  const owner = store.get(type, type.namespaced ? (dependent.metadata.namespace ?? '') : '', name);
  return owner?.metadata.uid === uid ? owner : undefined;
}

/** Takes off the garbage collector's own finalizers once their work is done. */
function released(world: World, type: ServedType, object: Stored): boolean {
  const orphans = waits(object, 'orphan');
  if (!orphans && !waits(object, 'foregroundDeletion')) return false;
  const { uid, finalizers = [] } = object.metadata;
  const dependents = dependentsOf(world, uid);
  if (orphans) {
    for (const dependent of dependents) disown(world, dependent, uid);
  } else if (dependents.some(({ object: { metadata } }) => blocks(metadata.ownerReferences, uid))) {
    return false;
  }
  const left = finalizers.filter((finalizer) => finalizer !== (orphans ? 'orphan' : 'foregroundDeletion'));
  if (left.length > 0) world.store.put(type, withMetadata(object, { finalizers: left }));
  else world.store.remove(type, object);
  return true;
}

function blocks(references: readonly Owner[] | undefined, uid: string): boolean {
  return references?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true) === true;
}

interface Dependent {
  readonly type: ServedType;
  readonly object: Stored;
}

function dependentsOf({ store, types }: World, uid: string): readonly Dependent[] {
  return types
    .all()
    .flatMap((type) => store.all(type).map((object) => ({ type, object })))
    .filter(({ object }) => object.metadata.ownerReferences?.some((reference) => reference.uid === uid));
}

function disown({ store }: World, { type, object }: Dependent, uid: string): void {
  const left = object.metadata.ownerReferences?.filter((reference) => reference.uid !== uid);
  if (!equal(left, object.metadata.ownerReferences)) store.put(type, withMetadata(object, { ownerReferences: left }));
}
