/** One request to a resource, from its verb to its answer or its stream. */
import { parse } from 'yaml';
import { isObject, type Json, type JsonObject, objectAt, textAt } from './json.ts';
import { collection, list } from './list.ts';
import { badRequest, forbiddenOption, invalid, noSuchResource, notFound } from './refusal.ts';
import type { Deletion, Outcome, Registry, WriteOptions } from './registry.ts';
import type { ApiRequest } from './request.ts';
import { selects } from './select.ts';
import type { Store } from './store.ts';
import { scaleOf, type Target } from './strategy.ts';

export interface Answer {
  readonly code: number;
  readonly body: Json;
  /** Of a write; one for each object of a deletecollection. */
  readonly outcomes?: readonly Outcome[];
}

export interface Backend {
  readonly store: Store;
  readonly registry: Registry;
}

/** Any verb but watch. `asOf`: a read from an older state. */
export function dispatch({ store, registry }: Backend, request: ApiRequest, asOf?: number): Answer {
  const target = targetOf(request);
  switch (request.verb) {
    case 'get':
      return { code: 200, body: read({ store, registry }, target, asOf) };
    case 'list':
      return { code: 200, body: list(store, request, asOf) };
    case 'create':
      return written(target, registry.create(target, bodyOf(request), optionsOf(request)), 201);
    case 'update': {
      const outcome = registry.replace(target, bodyOf(request), optionsOf(request));
      return written(target, outcome, outcome.before === undefined ? 201 : 200);
    }
    case 'patch': {
      const { contentType } = request;
      const outcome = registry.patch(target, { contentType, patch: parsed(request) }, optionsOf(request));
      return written(target, outcome, outcome.before === undefined ? 201 : 200);
    }
    case 'delete':
      return deleted(target, registry.delete(target, deletionOf(request)));
    case 'deletecollection':
      return deletedAll({ store, registry }, request);
    case 'watch':
      throw new Error('a watch is a stream, not an answer');
  }
}

function targetOf({ type, namespace, name, subresource, verb }: ApiRequest): Target {
  const known = { '': true, status: type.status, scale: type.scale }[subresource];
  if (known !== true) throw noSuchResource();
  if (verb === 'create' && type.namespaced && namespace === '')
    throw badRequest('an empty namespace may not be set during creation');
  return { type, namespace, name, subresource };
}

function read({ store, registry }: Backend, target: Target, asOf: number | undefined): JsonObject {
  const { type, namespace, name, subresource } = target;
  const older = (revision: number) =>
    store.at(type, revision).find(({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace);
  const object = asOf === undefined ? registry.get(target) : older(asOf);
  if (object === undefined) throw notFound(type, name);
  return subresource === 'scale' ? scaleOf(object) : object;
}

function written({ subresource }: Target, outcome: Outcome, code: number): Answer {
  const object = outcome.after ?? outcome.last ?? outcome.before;
  const body = object === undefined ? {} : subresource === 'scale' ? scaleOf(object) : object;
  return { code, body, outcomes: [outcome] };
}

function deleted({ type }: Target, outcome: Outcome): Answer {
  // Whoever waits for a finalizer gets the object as it was marked, though it may be gone by now.
  const marked = outcome.after ?? outcome.last;
  if (marked !== undefined) return { code: 200, body: marked, outcomes: [outcome] };
  const { name, uid } = outcome.before?.metadata ?? { name: '', uid: '' };
  const details = { name, ...(type.group !== '' && { group: type.group }), kind: type.plural, uid };
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return { code: 200, body, outcomes: [outcome] };
}

function deletedAll({ store, registry }: Backend, request: ApiRequest): Answer {
  const { type } = request;
  const objects = store.all(type).filter(selects(request));
  const deletion = deletionOf(request);
  const outcomes = objects.map(({ metadata: { name, namespace = '' } }) =>
    registry.delete({ type, namespace, name, subresource: '' }, deletion),
  );
  return { code: 200, body: collection(type, objects, { resourceVersion: `${store.revision}` }), outcomes };
}

function optionsOf(request: ApiRequest): WriteOptions {
  const { query, apply, type, userAgent } = request;
  const fieldManager = query.get('fieldManager') ?? '';
  const force = query.get('force') === 'true';
  if (apply && fieldManager === '') {
    const message = 'Required value: is required for apply patch';
    throw invalid({ ...type, group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      { reason: 'FieldValueRequired', field: 'fieldManager', message },
    ]);
  }
  if (query.has('force') && !apply)
    throw forbiddenOption('PatchOptions', 'force', 'may not be specified for non-apply patch');
  // As the API server, which otherwise names the program.
  return { manager: fieldManager || (userAgent.split('/')[0] ?? ''), dryRun: query.get('dryRun') === 'All', force };
}

function deletionOf(request: ApiRequest): Deletion {
  const body = request.body === '' ? {} : bodyOf(request);
  const preconditions = objectAt(body, 'preconditions');
  const text = (value: string) => (value === '' ? undefined : value);
  return {
    uid: text(textAt(preconditions, 'uid')),
    resourceVersion: text(textAt(preconditions, 'resourceVersion')),
    propagation: text(textAt(body, 'propagationPolicy')) ?? request.query.get('propagationPolicy') ?? undefined,
    dryRun: request.query.get('dryRun') === 'All' || Array.isArray(body['dryRun']),
  };
}

function bodyOf(request: ApiRequest): JsonObject {
  const body = parsed(request);
  if (!isObject(body)) throw badRequest('the body of the request is no object');
  return body;
}

function parsed({ body, contentType }: ApiRequest): Json {
  try {
    return (contentType.endsWith('yaml') ? parse(body) : JSON.parse(body)) as Json;
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: couldn't get version/kind; ${String(error)}`);
  }
}
