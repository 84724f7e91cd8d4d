/**
 * Envoy's JSON as protobuf: about half as large, which is what a route table needs that does not fit into a ConfigMap.
 * Only messages of a route table are known. A field that is not throws: what Envoy is told must be all that was meant.
 */
import { Buffer } from 'node:buffer';
import type { Json } from '../../envoy/json.ts';
import { type Field, types } from './types.ts';
import { BackwardWriter } from './writer.ts';

/**
 * In the type URL of an Any. Its reader only looks behind the last slash (any.proto); Envoy's config_dump wants something
 * before it. `type.googleapis.com` would be a seventh of a plain route.
 */
export const anyHost = 't';

type JsonObject = { readonly [key: string]: Json | undefined };

/** `message` by full name; JSON with the names of the proto file. */
export function encode(message: string, json: Json): Uint8Array {
  const writer = new BackwardWriter();
  writeMessage(writer, message, json);
  return writer.finish();
}

function writeMessage(writer: BackwardWriter, message: string, json: Json): void {
  const special = wellKnown[message];
  if (special !== undefined) {
    special(writer, json);
    return;
  }
  const fields = types().messages.get(message);
  if (fields === undefined) throw new Error(`${message}: no message of a route table`);
  // From the last to the first, as everything here.
  const object = objectOf(message, json);
  for (const name of Object.keys(object).toReversed()) {
    const value = object[name];
    if (value === undefined || value === null) continue;
    const field = fields.get(name);
    if (field === undefined) throw new Error(`${message} has no field ${name}`);
    writeField(writer, field, value);
  }
}

function writeField(writer: BackwardWriter, field: Field, value: Json): void {
  switch (field.shape) {
    case 'one':
      writeOne(writer, field.number, field.type, value);
      return;
    case 'list':
      if (!Array.isArray(value)) wrong(`list of ${field.type}`, value);
      for (const item of (value as readonly Json[]).toReversed()) writeOne(writer, field.number, field.type, item);
      return;
    case 'map':
      for (const [key, item] of Object.entries(objectOf(field.type, value)).toReversed()) {
        writeDelimited(writer, field.number, () => {
          writeOne(writer, 2, field.type, item ?? null);
          writeDelimited(writer, 1, () => writer.text(key));
        });
      }
  }
}

function writeOne(writer: BackwardWriter, number: number, type: string, value: Json): void {
  const scalar = scalars[type];
  if (scalar !== undefined) {
    scalar(writer, number, value);
    return;
  }
  const names = types().enums.get(type);
  if (names === undefined) {
    writeDelimited(writer, number, () => writeMessage(writer, type, value));
    return;
  }
  writer.varint(enumNumber(type, names, value));
  writer.tag(number, 'varint');
}

function enumNumber(type: string, names: ReadonlyMap<string, number>, value: Json): number {
  if (typeof value === 'number') return value;
  return (typeof value === 'string' ? names.get(value) : undefined) ?? wrong(type, value);
}

function writeDelimited(writer: BackwardWriter, number: number, content: () => void): void {
  const before = writer.length;
  content();
  writer.varint(writer.length - before);
  writer.tag(number, 'bytes');
}

type Scalar = (writer: BackwardWriter, number: number, value: Json) => void;

const varint = (read: (value: Json) => number | bigint): Scalar => {
  return (writer, number, value) => {
    writer.varint(read(value));
    writer.tag(number, 'varint');
  };
};

/** In JSON, 64 bits may be text. */
const integer = varint((value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value);
  return wrong('integer', value);
});

const scalars: Readonly<Record<string, Scalar>> = {
  bool: varint((value) => Number(typeof value === 'boolean' ? value : wrong('boolean', value))),
  int32: integer,
  int64: integer,
  uint32: integer,
  uint64: integer,
  double: (writer, number, value) => {
    writer.double(typeof value === 'number' ? value : wrong('number', value));
    writer.tag(number, 'fixed64');
  },
  string: (writer, number, value) =>
    writeDelimited(writer, number, () => writer.text(typeof value === 'string' ? value : wrong('string', value))),
  bytes: (writer, number, value) =>
    writeDelimited(writer, number, () =>
      writer.bytes(Buffer.from(typeof value === 'string' ? value : wrong('string', value), 'base64')),
    ),
};

type Special = (writer: BackwardWriter, json: Json) => void;

const wrapper = (type: string): Special => {
  return (writer, json) => writeOne(writer, 1, type, json);
};

/** Messages that JSON writes otherwise than by their fields. */
const wellKnown: Readonly<Record<string, Special>> = {
  'google.protobuf.BoolValue': wrapper('bool'),
  'google.protobuf.DoubleValue': wrapper('double'),
  'google.protobuf.StringValue': wrapper('string'),
  'google.protobuf.UInt32Value': wrapper('uint32'),
  'google.protobuf.UInt64Value': wrapper('uint64'),
  'google.protobuf.Duration': writeDuration,
  'google.protobuf.Struct': writeStruct,
  'google.protobuf.Any': (writer, json) => {
    const { '@type': url, ...fields } = objectOf('google.protobuf.Any', json);
    if (typeof url !== 'string') throw new Error('a google.protobuf.Any without its @type');
    const type = url.slice(url.lastIndexOf('/') + 1);
    if (wellKnown[type] !== undefined) throw new Error(`${type} within a google.protobuf.Any`);
    writeDelimited(writer, 2, () => writeMessage(writer, type, fields));
    writeDelimited(writer, 1, () => writer.text(`${anyHost}/${type}`));
  },
};

/** Of texts, which is all that metadata of ours holds. */
function writeStruct(writer: BackwardWriter, json: Json): void {
  for (const [key, value] of Object.entries(objectOf('google.protobuf.Struct', json)).toReversed()) {
    writeDelimited(writer, 1, () => {
      writeDelimited(writer, 2, () => writeOne(writer, 3, 'string', value ?? null));
      writeDelimited(writer, 1, () => writer.text(key));
    });
  }
}

/** `1.5s` */
function writeDuration(writer: BackwardWriter, json: Json): void {
  const [, sign = '', seconds = '', fraction = ''] =
    /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(typeof json === 'string' ? json : '') ?? [];
  if (seconds === '') wrong('duration', json);
  const nanos = Number(fraction.padEnd(9, '0'));
  const unit = sign === '' ? 1 : -1;
  if (nanos !== 0) writeOne(writer, 2, 'int32', unit * nanos);
  if (Number(seconds) !== 0) writeOne(writer, 1, 'int64', unit * Number(seconds));
}

function objectOf(type: string, json: Json): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return wrong(`object (${type})`, json);
  return json as JsonObject;
}

function wrong(wanted: string, value: Json): never {
  throw new Error(`${JSON.stringify(value)} is no ${wanted}`);
}
