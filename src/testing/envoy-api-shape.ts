/**
 * Whether a JSON value has the shape of an Envoy message (proto3 JSON mapping): every unknown field, wrong type and
 * unknown enum value with its path, also inside Any. `fromJson` alone stops at the first one and names no path. Stricter
 * than Envoy's own parser in one thing: that takes a single value for a list, and skips a null in one.
 */
import type { DescEnum, DescField, DescMessage, JsonValue, Registry } from '@bufbuild/protobuf';
import { fromJson, ScalarType } from '@bufbuild/protobuf';
import {
  AnySchema,
  BoolValueSchema,
  BytesValueSchema,
  DoubleValueSchema,
  FloatValueSchema,
  Int32ValueSchema,
  Int64ValueSchema,
  StringValueSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
} from '@bufbuild/protobuf/wkt';

export type Report = (path: string, problem: string) => void;

interface Walk {
  readonly registry: Registry;
  readonly report: Report;
}

type JsonMap = Readonly<Record<string, unknown>>;

const typePrefix = 'type.googleapis.com/';

export function isJsonMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The message that `@type` of an Any names, or what is wrong with it. */
export function typeOf(value: JsonMap, registry: Registry): DescMessage | string {
  const url = value['@type'];
  if (typeof url !== 'string') return "'@type' is missing";
  if (!url.startsWith(typePrefix)) return `'@type' must start with ${typePrefix}`;
  return registry.getMessage(url.slice(typePrefix.length)) ?? `'${url}' is not a message of Envoy's API`;
}

/** `value` is an Any: the message's fields, and `@type`. */
export function checkAny(walk: Walk, value: unknown, path: string): void {
  const type = isJsonMap(value)
    ? typeOf(value, walk.registry)
    : `expected an object with '@type', got ${describe(value)}`;
  if (typeof type === 'string' || !isJsonMap(value)) {
    walk.report(path, String(type));
  } else if (isWellKnown(type)) {
    checkLeaf(walk, AnySchema, value, path); // its JSON stands under `value`, as it need not be an object
  } else {
    const { '@type': _, ...fields } = value;
    checkMessage(walk, type, fields, path);
  }
}

function isWellKnown(type: DescMessage): boolean {
  return type.typeName.startsWith('google.protobuf.') && type.typeName !== 'google.protobuf.Empty';
}

function checkMessage(walk: Walk, type: DescMessage, value: unknown, path: string): void {
  if (type.typeName === AnySchema.typeName) {
    checkAny(walk, value, path);
  } else if (isWellKnown(type)) {
    checkLeaf(walk, type, value, path);
  } else if (isJsonMap(value)) {
    checkFields(walk, type, value, path);
  } else {
    walk.report(path, `expected ${type.typeName}, got ${describe(value)}`);
  }
}

function checkFields(walk: Walk, type: DescMessage, value: JsonMap, path: string): void {
  const given = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    const field = type.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
    if (field === undefined) {
      walk.report(`${path}.${key}`, `is not a field of ${type.typeName}`);
    } else if (inner !== null) {
      const slot = field.oneof?.name ?? field.name;
      const other = given.get(slot);
      if (other !== undefined) walk.report(path, `${other} and ${key} cannot both be set`);
      given.set(slot, key);
      checkField(walk, field, inner, `${path}.${key}`);
    }
  }
}

function checkField(walk: Walk, field: DescField, value: unknown, path: string): void {
  if (field.fieldKind === 'list') {
    if (!Array.isArray(value)) walk.report(path, `expected a list, got ${describe(value)}`);
    else for (const [index, item] of value.entries()) checkItem(walk, field, item, `${path}[${index}]`);
  } else if (field.fieldKind === 'map') {
    if (!isJsonMap(value)) walk.report(path, `expected a map, got ${describe(value)}`);
    else
      for (const [key, item] of Object.entries(value)) checkItem(walk, field, item, `${path}[${JSON.stringify(key)}]`);
  } else {
    checkItem(walk, field, value, path);
  }
}

/** One value of the field: itself, or one of its list or map. */
function checkItem(walk: Walk, field: DescField, value: unknown, path: string): void {
  if (field.message !== undefined) checkMessage(walk, field.message, value, path);
  else if (field.enum !== undefined) checkEnum(walk, field.enum, value, path);
  else if (field.scalar !== undefined) checkLeaf(walk, wrapperOf(field.scalar), value, path);
}

function checkEnum(walk: Walk, type: DescEnum, value: unknown, path: string): void {
  if (typeof value === 'number' && Number.isInteger(value)) return; // proto3 enums are open; `defined_only` closes them
  if (type.values.some((known) => known.name === value)) return;
  walk.report(path, `${describe(value)} is not one of ${type.values.map((known) => known.name).join(', ')}`);
}

function checkLeaf(walk: Walk, type: DescMessage, value: unknown, path: string): void {
  if (typeof value === 'string' && type === StringValueSchema) return;
  try {
    // A null is an absent field, but no item of a list or map.
    if (value === null && type.typeName !== 'google.protobuf.Value') throw new Error('null');
    fromJson(type, value as JsonValue, { registry: walk.registry });
  } catch (error) {
    const [, reason] = /^cannot decode field \S+ from JSON: (.*)$/s.exec(String((error as Error).message)) ?? [];
    walk.report(path, reason ?? `expected ${type.typeName}, got ${describe(value)}`);
  }
}

/** The wrapper message whose JSON is that of the scalar. */
function wrapperOf(scalar: ScalarType): DescMessage {
  switch (scalar) {
    case ScalarType.STRING:
      return StringValueSchema;
    case ScalarType.BOOL:
      return BoolValueSchema;
    case ScalarType.BYTES:
      return BytesValueSchema;
    case ScalarType.DOUBLE:
      return DoubleValueSchema;
    case ScalarType.FLOAT:
      return FloatValueSchema;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return UInt32ValueSchema;
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return UInt64ValueSchema;
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return Int32ValueSchema;
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return Int64ValueSchema;
  }
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
