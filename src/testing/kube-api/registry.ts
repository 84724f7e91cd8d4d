/** The verbs that write, on stored objects. */
import { collect } from './garbage.ts';
import { isObject, type Json, type JsonObject, mergePatch } from './json.ts';
import { jsonPatch } from './json-patch.ts';
import { applied, managedAfterUpdate, sameState, type Writer } from './managed-fields.ts';
import { strategicMerge } from './merge.ts';
import { alreadyExists, badRequest, conflict, forbidden, invalid, notFound, Refusal } from './refusal.ts';
import { shapeOf } from './shape.ts';
import { type Stored, withMetadata } from './stored.ts';
import { checkApply, created, scaleOf, type Target, updated } from './strategy.ts';
import { apiVersionOf } from './types.ts';
import { kubeletFinalizer, type World } from './world.ts';

export interface WriteOptions {
  readonly manager: string;
  readonly dryRun: boolean;
  /** Of server-side apply. */
  readonly force: boolean;
}

export interface PatchBody {
  readonly contentType: string;
  readonly patch: Json;
}

/** DeleteOptions. */
export interface Deletion {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: string | undefined;
  readonly dryRun: boolean;
}

/** `after` is undefined when the object is gone. */
export interface Outcome {
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
  /** Of an object that is gone: what was last written of it. */
  readonly last?: Stored;
}

export class Registry {
  readonly #world: World;
  readonly #pastNamespaces = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  get(target: Target): Stored {
    const { type, namespace, name } = target;
    const object = this.#world.store.get(type, namespace, name);
    if (object === undefined) throw notFound(type, name);
    return object;
  }

  create(target: Target, body: JsonObject, options: WriteOptions): Outcome {
    const { store, now, uid } = this.#world;
    const object = created(target, body, { uid: uid(), now: now() });
    if (store.get(target.type, target.namespace, object.metadata.name) !== undefined) {
      throw alreadyExists(target.type, object.metadata.name);
    }
    this.#checkNamespace(target, object.metadata.name, options);
    const managedFields = managedAfterUpdate(target.type, undefined, object, this.#writer(target, options));
    return this.#commit(target, undefined, withMetadata(object, { managedFields }), options);
  }

  replace(target: Target, body: JsonObject, options: WriteOptions): Outcome {
    const { type, namespace, name, subresource } = target;
    const before = this.#world.store.get(type, namespace, name);
    if (before === undefined && type.createOnUpdate && subresource === '') return this.create(target, body, options);
    if (before === undefined) throw notFound(type, name);
    return this.#update(target, before, updated(target, before, body), options);
  }

  patch(target: Target, { contentType, patch }: PatchBody, options: WriteOptions): Outcome {
    const { type } = target;
    if (contentType.startsWith('application/apply-patch')) return this.#apply(target, patch, options);
    const before = this.get(target);
    const view: JsonObject = target.subresource === 'scale' ? scaleOf(before) : before;
    const body = patched(target, view, { contentType, patch });
    if (!isObject(body)) throw badRequest(`the patch leaves no ${type.kind}`);
    return this.#update(target, before, updated(target, before, body), options);
  }

  #apply(target: Target, config: Json, options: WriteOptions): Outcome {
    if (!isObject(config)) throw badRequest('error decoding YAML: the document is no object');
    const { type, namespace, name } = target;
    const live = this.#world.store.get(type, namespace, name);
    checkApply(target, live, config);
    const writer = this.#writer(target, options);
    const base = live ?? unborn(target);
    const { object, managedFields } = applied({ type, live: base, config, writer, force: options.force });
    if (live !== undefined) {
      const after = withMetadata(updated(target, live, object), { managedFields });
      return this.#commit(target, live, sameState(live, after) ? live : after, options);
    }
    const { uid, now } = this.#world;
    const born = created(target, object, { uid: uid(), now: now() });
    this.#checkNamespace(target, name, options);
    return this.#commit(target, undefined, withMetadata(born, { managedFields }), options);
  }

  delete(target: Target, deletion: Deletion): Outcome {
    const { store, now, podsHeldUntil } = this.#world;
    const before = this.get(target);
    const { uid, resourceVersion, finalizers = [], deletionTimestamp, generation } = before.metadata;
    checkDeletion(target, before, deletion);
    if (deletion.dryRun) return { before, after: undefined };
    const added = { Foreground: ['foregroundDeletion'], Orphan: ['orphan'] }[deletion.propagation ?? ''] ?? [];
    const until = target.type.kind === 'Pod' ? podsHeldUntil() : undefined;
    const held = [...new Set([...finalizers, ...added, ...(until === undefined ? [] : [kubeletFinalizer])])];
    if (held.length === 0 && target.type.kind !== 'Namespace') {
      store.remove(target.type, before);
      this.collect();
      return { before, after: undefined };
    }
    let last = before;
    if (deletionTimestamp === undefined) {
      const bumped = generation === undefined ? {} : { generation: generation + 1 };
      const marks = { deletionTimestamp: until ?? now(), deletionGracePeriodSeconds: 0, finalizers: held, ...bumped };
      last = store.put(target.type, terminating(withMetadata(before, { ...marks, uid, resourceVersion })));
    }
    this.collect();
    return { before, after: store.get(target.type, target.namespace, target.name), last };
  }

  /** What the garbage collector and the namespace controller do. */
  collect(): void {
    if (this.#world.garbageCollection) this.collectNow();
  }

  collectNow(): void {
    for (const namespace of collect(this.#world)) this.#pastNamespaces.add(namespace);
  }

  #update(target: Target, before: Stored, after: Stored, options: WriteOptions): Outcome {
    const managedFields = managedAfterUpdate(target.type, before, after, this.#writer(target, options));
    const next = withMetadata(after, { managedFields });
    return this.#commit(target, before, sameState(before, next) ? before : next, options);
  }

  #commit(target: Target, before: Stored | undefined, after: Stored, options: WriteOptions): Outcome {
    const { type } = target;
    const causes = after === before ? [] : this.#world.validate(after, before);
    if (causes.length > 0) {
      throw invalid(
        type,
        after.metadata.name,
        causes.map((cause) => ({ ...cause, reason: 'FieldValueInvalid' })),
      );
    }
    if (after === before || options.dryRun) return { before, after };
    const { store } = this.#world;
    const { deletionTimestamp, finalizers = [] } = after.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0 && type.kind !== 'Namespace') {
      const last = store.remove(type, after);
      this.collect();
      return { before, after: undefined, last };
    }
    const stored = store.put(type, after);
    this.collect();
    return { before, after: stored };
  }

  #checkNamespace({ type, namespace }: Target, name: string, options: WriteOptions): void {
    const { store, types, strictNamespaces } = this.#world;
    const namespaces = types.find('', 'v1', 'namespaces');
    if (!type.namespaced || namespaces === undefined) return;
    const found = store.get(namespaces, '', namespace);
    if (found?.metadata.deletionTimestamp !== undefined) {
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
      throw forbidden(type, name, why);
    }
    if (found !== undefined) return;
    if (strictNamespaces || this.#pastNamespaces.has(namespace)) throw notFound(namespaces, namespace);
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    this.create({ type: namespaces, namespace: '', name: namespace, subresource: '' }, body, {
      ...options,
      manager: 'namespaces',
    });
  }

  #writer({ subresource }: Target, { manager }: WriteOptions): Writer {
    return { manager, subresource, time: this.#world.now() };
  }
}

function terminating(object: Stored): Stored {
  return object.kind === 'Namespace' ? { ...object, status: { phase: 'Terminating' } } : object;
}

/** What server-side apply merges into where nothing is yet. */
function unborn({ type, namespace, name }: Target): Stored {
  const place = { name, ...(type.namespaced && { namespace }) };
  const metadata = { ...place, uid: '', resourceVersion: '', creationTimestamp: '' };
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata };
}

function patched({ type }: Target, view: JsonObject, { contentType, patch }: PatchBody): Json {
  try {
    switch (contentType) {
      case 'application/merge-patch+json':
        return mergePatch(view, patch);
      case 'application/json-patch+json':
        return jsonPatch(view, Array.isArray(patch) ? patch : []);
      case 'application/strategic-merge-patch+json':
        if (!type.custom && isObject(patch)) return strategicMerge(view, patch, shapeOf(type));
        break;
    }
  } catch {
    // The API server does not say which operation.
    const text = 'the server rejected our request due to an error in our request';
    throw new Refusal(422, 'Invalid', text, { details: {} });
  }
  const supported = 'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
  const text = `the body of the request was in an unknown format - accepted media types include: ${supported}`;
  throw new Refusal(415, 'UnsupportedMediaType', text);
}

function checkDeletion({ type, name }: Target, before: Stored, { uid, resourceVersion }: Deletion): void {
  const found = before.metadata;
  // Here, unlike elsewhere, the message has the kind.
  const named = { ...type, group: '', plural: type.kind };
  if (uid !== undefined && uid !== found.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${found.uid})`;
    throw conflict(named, name, `${why}. The object might have been deleted and then recreated`);
  }
  if (resourceVersion === undefined || resourceVersion === found.resourceVersion) return;
  const mismatch = `does not match the ResourceVersion in record (${found.resourceVersion})`;
  const why = `the ResourceVersion in the precondition (${resourceVersion}) ${mismatch}`;
  throw conflict(named, name, `${why}. The object might have been modified`);
}
