/** metadata.managedFields: who owns which field of an object. */
import {
  type Difference,
  difference,
  type FieldSet,
  fieldsOf,
  fromFieldsV1,
  isUnder,
  readable,
  toFieldsV1,
} from './field-set.ts';
import { equal, isObject, type Json, type JsonObject, textAt, without } from './json.ts';
import { mergeApplied, withoutField } from './merge.ts';
import { applyConflict, type RefusalCause } from './refusal.ts';
import { type Shape, shapeOf } from './shape.ts';
import type { Stored } from './stored.ts';
import type { ServedType } from './types.ts';

export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  readonly time: string;
}

interface Managed extends Writer {
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly fields: FieldSet;
}

type Owned = Pick<Managed, 'manager' | 'operation' | 'subresource'>;

function isSame(left: Owned, right: Owned): boolean {
  return left.manager === right.manager && left.operation === right.operation && left.subresource === right.subresource;
}

export function managersOf(object: Stored): readonly Managed[] {
  return (object.metadata.managedFields ?? []).map((entry) => ({
    manager: textAt(entry, 'manager'),
    operation: textAt(entry, 'operation') === 'Apply' ? 'Apply' : 'Update',
    apiVersion: textAt(entry, 'apiVersion'),
    subresource: textAt(entry, 'subresource'),
    time: textAt(entry, 'time'),
    fields: fromFieldsV1(isObject(entry['fieldsV1']) ? entry['fieldsV1'] : {}),
  }));
}

function rank({ operation, time, manager, subresource }: Managed): string {
  return [operation, time, manager, subresource].join('\n');
}

function written(managers: readonly Managed[]): readonly JsonObject[] {
  return managers
    .filter(({ fields }) => fields.size > 0)
    .toSorted((left, right) => (rank(left) < rank(right) ? -1 : 1))
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(subresource !== '' && { subresource }),
    }));
}

const bookkeeping = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp'].concat(
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'generateName',
  'selfLink',
);

/** What a writer to the subresource can own. */
function ownable(object: JsonObject, type: ServedType, subresource: string): JsonObject {
  const body = without(object, 'apiVersion', 'kind');
  if (subresource === 'status') return { status: body['status'] };
  const metadata = isObject(body['metadata']) ? without(body['metadata'], ...bookkeeping) : {};
  const { metadata: _, ...rest } = type.status ? without(body, 'status') : body;
  return Object.keys(metadata).length === 0 ? rest : { ...rest, metadata };
}

/** managedFields after a create, PUT or PATCH: the writer owns what it changed. */
export function managedAfterUpdate(
  type: ServedType,
  before: Stored | undefined,
  after: Stored,
  writer: Writer,
): readonly JsonObject[] {
  const shape = shapeOf(type);
  const part = (object: JsonObject) => ownable(object, type, writer.subresource);
  const change = difference(part(before ?? {}), part(after), shape);
  const managers = before === undefined ? [] : managersOf(before);
  if (change.changed.size + change.removed.size === 0) return before?.metadata.managedFields ?? [];
  const self: Managed = { ...writer, operation: 'Update', apiVersion: after.apiVersion, fields: new Set() };
  const own = managers.find((manager) => isSame(manager, self))?.fields ?? new Set();
  const others = managers.filter((manager) => !isSame(manager, self)).map((manager) => released(manager, change));
  const fields = new Set([...own, ...change.changed].filter((path) => !change.removed.has(path)));
  return written([...others, { ...self, fields }]);
}

function released(manager: Managed, { changed, removed }: Difference): Managed {
  return {
    ...manager,
    fields: new Set([...manager.fields].filter((path) => !changed.has(path) && !removed.has(path))),
  };
}

export interface Applied {
  readonly object: JsonObject;
  readonly managedFields: readonly JsonObject[];
}

export interface Application {
  readonly type: ServedType;
  readonly live: Stored;
  readonly config: JsonObject;
  readonly writer: Writer;
  readonly force: boolean;
}

/** The live object with the writer's fields as in `config`; throws the conflict with other managers. */
export function applied({ type, live, config, writer, force }: Application): Applied {
  const shape = shapeOf(type);
  const part = (object: JsonObject) => ownable(object, type, writer.subresource);
  const self: Managed = {
    ...writer,
    operation: 'Apply',
    apiVersion: textAt(config, 'apiVersion'),
    fields: new Set(fieldsOf(part(config), shape).keys()),
  };
  const managers = managersOf(live);
  const last = managers.find((manager) => isSame(manager, self));
  const others = managers.filter((manager) => !isSame(manager, self));
  const wanted = mergeApplied(live, part(config), shape);
  const object = pruned(wanted, { last: last?.fields ?? new Set(), kept: [self, ...others], shape });
  const change = difference(part(live), part(object), shape);
  const causes = others.flatMap((manager) => causesOf(manager, change));
  if (causes.length > 0 && !force) throw applyConflict(causes);
  const entry = last !== undefined && sameFields(last, self) ? last : self;
  const next = managers.some((manager) => isSame(manager, self))
    ? managers.map((manager) => (isSame(manager, self) ? entry : released(manager, change)))
    : [...others.map((manager) => released(manager, change)), self];
  return { object, managedFields: written(next) };
}

function sameFields(left: Managed, right: Managed): boolean {
  return (
    left.apiVersion === right.apiVersion &&
    left.fields.size === right.fields.size &&
    [...left.fields].every((path) => right.fields.has(path))
  );
}

interface Pruning {
  readonly last: FieldSet;
  readonly kept: readonly Managed[];
  readonly shape: Shape;
}

/** Without what the manager applied last time, not this time, and nobody else owns. */
function pruned(object: JsonObject, { last, kept, shape }: Pruning): JsonObject {
  const owned = kept.flatMap(({ fields }) => [...fields]);
  const all = new Set(owned);
  const gone = [...last].filter((path) => !owned.some((other) => isUnder(other, path)));
  return gone.reduce((at, path) => withoutField(at, path, { shape, keeps: (emptied) => all.has(emptied) }), object);
}

function causesOf(manager: Managed, { changed }: Difference): readonly RefusalCause[] {
  const message = `conflict with ${describe(manager)}`;
  return [...manager.fields]
    .filter((path) => changed.has(path))
    .map((path) => ({ reason: 'FieldManagerConflict', message, field: readable(path) }));
}

function describe({ manager, operation, subresource, apiVersion }: Managed): string {
  const name = JSON.stringify(manager) + (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}

/** Whether both hold the same, whatever the clock says of it. */
export function sameState(left: Stored, right: Stored): boolean {
  return equal(timeless(left), timeless(right));
}

function timeless(object: Stored): Json {
  const { managedFields = [], ...metadata } = object.metadata;
  const fields = managedFields.map((entry) => without(entry, 'time'));
  return { ...object, metadata: { ...without(metadata, 'resourceVersion'), managedFields: fields } };
}
