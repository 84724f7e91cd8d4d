/** What the API server makes of a body: fields that only it sets, generation, defaults, validation. Pure. */
import { equal, isObject, type Json, type JsonObject, objectAt, textAt, valueAt, without } from './json.ts';
import { badRequest, conflict, invalid, modified, notFound, Refusal, type RefusalCause } from './refusal.ts';
import { type Metadata, type Stored, withMetadata } from './stored.ts';
import { apiVersionOf, type ServedType } from './types.ts';

export interface Target {
  readonly type: ServedType;
  readonly namespace: string;
  /** Empty when a create leaves it to the body. */
  readonly name: string;
  readonly subresource: string;
}

export interface Birth {
  readonly uid: string;
  readonly now: string;
}

/** Says that no controller has looked yet; the CRDs' default. */
const unseen = { observedGeneration: -1 };
/** One over which etcd gets no ConfigMap or Secret: core/validation MaxSecretSize. */
const maxDataBytes = 1024 * 1024;

/** The body of a create as it is stored. */
export function created(target: Target, body: JsonObject, birth: Birth): Stored {
  const { type, namespace } = target;
  const metadata = checkedMetadata(target, body);
  const name = nameOf(metadata, birth);
  if (name === '') {
    throw invalid(type, '', [
      cause('FieldValueRequired', 'metadata.name', 'Required value: name or generateName is required'),
    ]);
  }
  if (textAt(metadata, 'resourceVersion') !== '') {
    throw new Refusal(500, '', 'resourceVersion should not be set on objects to be created');
  }
  const own = without(metadata, 'deletionTimestamp', 'managedFields', 'resourceVersion', 'namespace', 'selfLink');
  const object: Stored = {
    ...(type.status ? without(body, 'status') : body),
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      ...own,
      name,
      ...(type.namespaced && { namespace }),
      uid: birth.uid,
      resourceVersion: '',
      creationTimestamp: birth.now,
      ...(type.generation && { generation: 1 }),
    },
    ...(type.schema !== undefined && { status: unseen }),
  };
  return checked(type, type.kind === 'Namespace' ? newNamespace(object) : object);
}

function nameOf(metadata: JsonObject, { uid }: Birth): string {
  const prefix = textAt(metadata, 'generateName');
  return textAt(metadata, 'name') || (prefix === '' ? '' : `${prefix}${uid.slice(-5)}`);
}

function newNamespace(object: Stored): Stored {
  const labels = { ...objectAt(object, 'metadata', 'labels'), 'kubernetes.io/metadata.name': object.metadata.name };
  const spec = { ...objectAt(object, 'spec'), finalizers: ['kubernetes'] };
  return { ...withMetadata(object, { labels }), spec, status: { phase: 'Active' } };
}

/** The object after a PUT of the body to it or its subresource. */
export function updated(target: Target, before: Stored, body: JsonObject): Stored {
  const { type, subresource } = target;
  const sent = checkedMetadata(target, body);
  checkPrecondition(type, before, sent);
  if (subresource === 'scale') return withReplicas(type, before, body);
  if (subresource === 'status') return { ...before, status: body['status'] };
  const { uid, resourceVersion, creationTimestamp, deletionTimestamp, generation } = before.metadata;
  const kept = { uid, resourceVersion, creationTimestamp, ...(deletionTimestamp && { deletionTimestamp }) };
  const grace = before.metadata['deletionGracePeriodSeconds'];
  const metadata: Metadata = {
    ...without(sent, 'managedFields', 'selfLink', 'deletionTimestamp', 'generation'),
    name: before.metadata.name,
    ...(before.metadata.namespace !== undefined && { namespace: before.metadata.namespace }),
    ...kept,
    ...(grace !== undefined && { deletionGracePeriodSeconds: grace }),
  };
  checkFinalizers(type, before, metadata);
  const rest = type.status ? { ...without(body, 'status'), status: before['status'] } : body;
  const after: Stored = { ...rest, apiVersion: apiVersionOf(type), kind: type.kind, metadata };
  const bumped = { ...(generation !== undefined && { generation: generation + (sameSpec(before, after) ? 0 : 1) }) };
  return checked(type, withMetadata(after, bumped));
}

function sameSpec(before: Stored, after: Stored): boolean {
  const rest = (object: Stored) => without(object, 'metadata', 'status');
  return equal(rest(before), rest(after));
}

function withReplicas(type: ServedType, before: Stored, body: JsonObject): Stored {
  const replicas = valueAt(body, 'spec', 'replicas') ?? 0;
  const after = { ...before, spec: { ...objectAt(before, 'spec'), replicas } };
  const { generation } = before.metadata;
  if (!type.generation || generation === undefined || sameSpec(before, after)) return after;
  return withMetadata(after, { generation: generation + 1 });
}

/** autoscaling/v1 Scale. */
export function scaleOf(object: Stored): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = objectAt(object, 'spec', 'selector', 'matchLabels');
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${textOf(value)}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: valueAt(object, 'spec', 'replicas') ?? 1 },
    status: { replicas: valueAt(object, 'status', 'replicas') ?? 0, selector: selector.join() },
  };
}

function checkedMetadata({ type, namespace, name, subresource }: Target, body: JsonObject): JsonObject {
  const [apiVersion, kind] = [textAt(body, 'apiVersion'), textAt(body, 'kind')];
  const expected = subresource === 'scale' ? ['autoscaling/v1', 'Scale'] : [apiVersionOf(type), type.kind];
  if (apiVersion !== expected[0] || kind !== expected[1]) {
    throw badRequest(`${kind || 'Object'} in version "${apiVersion}" cannot be handled as a ${expected[1]}`);
  }
  const metadata = body['metadata'];
  if (!isObject(metadata)) throw badRequest('metadata is required');
  const own = textAt(metadata, 'namespace');
  if (own !== '' && own !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const ownName = textAt(metadata, 'name');
  if (name !== '' && ownName !== '' && ownName !== name) {
    throw badRequest(`the name of the object (${ownName}) does not match the name on the URL (${name})`);
  }
  return metadata;
}

/** Of an apply's body: kind, place, and the object that it may name by uid and resourceVersion. */
export function checkApply(target: Target, live: Stored | undefined, config: JsonObject): void {
  const { type, name } = target;
  const sent = checkedMetadata(target, config);
  if ('managedFields' in sent) throw badRequest('metadata.managedFields must be nil');
  const uid = textAt(sent, 'uid');
  if (live !== undefined && uid !== '' && uid !== live.metadata.uid) {
    // A conflict of meaning, but the API server finds it when it validates.
    const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
    throw invalid(type, name, [cause('FieldValueInvalid', 'metadata.uid', message)]);
  }
  if (live !== undefined) {
    checkPrecondition({ ...type, unconditionalUpdate: true }, live, sent);
    return;
  }
  if (target.subresource !== '') throw notFound(type, name);
  if (uid === '') return;
  throw conflict(
    type,
    name,
    `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
  );
}

function checkPrecondition(type: ServedType, before: Stored, sent: JsonObject): void {
  const { name, uid, resourceVersion } = before.metadata;
  const [sentUid, sentVersion] = [textAt(sent, 'uid'), textAt(sent, 'resourceVersion')];
  if (sentUid !== '' && sentUid !== uid) {
    throw conflict(type, name, `Precondition failed: UID in precondition: ${sentUid}, UID in object meta: ${uid}`);
  }
  if (sentVersion === '' && !type.unconditionalUpdate) {
    const message = 'Invalid value: 0: must be specified for an update';
    throw invalid({ ...type, kind: type.plural }, name, [
      cause('FieldValueInvalid', 'metadata.resourceVersion', message),
    ]);
  }
  if (sentVersion !== '' && sentVersion !== resourceVersion) throw conflict(type, name, modified);
}

function checkFinalizers(type: ServedType, before: Stored, { finalizers = [] }: Metadata): void {
  if (before.metadata.deletionTimestamp === undefined) return;
  const added = finalizers.filter((finalizer) => !before.metadata.finalizers?.includes(finalizer));
  if (added.length === 0) return;
  const found = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  const text = 'no new finalizers can be added if the object is being deleted, found new finalizers';
  const message = `Forbidden: ${text} []string{${found}}`;
  throw invalid(type, before.metadata.name, [cause('FieldValueForbidden', 'metadata.finalizers', message)]);
}

function cause(reason: string, field: string, message: string): RefusalCause {
  return { reason, field, message };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

const pattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const subdomain = new RegExp(`^${pattern}$`);

/** As Go's structs are: no empty maps, and `stringData` only says what becomes `data`. */
function tidied(type: ServedType, object: Stored): Stored {
  const emptied = (of: JsonObject, ...names: readonly string[]) =>
    without(of, ...names.filter((name) => isObject(of[name]) && Object.keys(of[name]).length === 0));
  const metadata = emptied(object.metadata, 'labels', 'annotations') as Metadata;
  if (!['ConfigMap', 'Secret'].includes(type.kind)) return { ...object, metadata };
  const texts = Object.entries(objectAt(object, 'stringData'));
  const encoded = Object.fromEntries(texts.map(([name, text]) => [name, Buffer.from(textOf(text)).toString('base64')]));
  const data = { ...objectAt(object, 'data'), ...encoded };
  const { apiVersion, kind } = object;
  return { ...emptied({ ...without(object, 'stringData'), data }, 'data', 'binaryData'), apiVersion, kind, metadata };
}

function checked(type: ServedType, untidy: Stored): Stored {
  const object = tidied(type, untidy);
  const { name } = object.metadata;
  if (name.length > 253 || !subdomain.test(name)) {
    const message = `Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${pattern}')`;
    throw invalid(type, name, [cause('FieldValueInvalid', 'metadata.name', message)]);
  }
  if (['ConfigMap', 'Secret'].includes(type.kind) && dataBytes(object) > maxDataBytes) {
    const message = `Too long: may not be more than ${maxDataBytes} bytes`;
    const field = type.kind === 'Secret' ? 'data' : '[]';
    throw invalid(type, name, [cause('FieldValueTooLong', field, message)]);
  }
  return object;
}

/** As core/validation counts: values only, Secrets and binaryData after base64. */
function dataBytes(object: Stored): number {
  const size = (value: Json | undefined, encoding: BufferEncoding) => Buffer.byteLength(textOf(value), encoding);
  const sum = (field: string, encoding: BufferEncoding) =>
    Object.values(objectAt(object, field)).reduce<number>((total, value) => total + size(value, encoding), 0);
  return sum('data', object.kind === 'Secret' ? 'base64' : 'utf8') + sum('binaryData', 'base64');
}
