/** The part of Envoy's descriptors that `src/render/protobuf` needs to write route tables, as text: one message or enum a line. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromBinary,
  ScalarType,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { types } from '../envoy/json.ts';

/** A route table, and whatever it nests inside an Any. */
const roots = [
  types.routeConfiguration,
  types.rbacPerRoute,
  types.jwtPerRoute,
  types.localRateLimit,
  types.uriTemplate,
  types.requestHeaderInput,
  types.routeList,
];

/** A checked expression's syntax tree is text to us, if anything. */
const leftOut = /^google\.api\.expr\./;

export function wireSchema(): string {
  const zipped = readFileSync(new URL('./envoy-api.binpb.gz', import.meta.url));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, gunzipSync(zipped)));
  const lines = new Map<string, string>();
  const add = (type: DescMessage | DescEnum): void => {
    if (lines.has(type.typeName) || isWellKnown(type.typeName)) return;
    if (type.kind === 'enum') {
      const values = type.values.map(({ name, number }) => `${name}=${number}`);
      lines.set(type.typeName, [`enum ${type.typeName}`, ...values].join(' '));
      return;
    }
    const fields = type.fields.filter((field) => !leftOut.test(typeOf(field)?.typeName ?? ''));
    lines.set(type.typeName, [`message ${type.typeName}`, ...fields.map(fieldText)].join(' '));
    for (const field of fields) {
      const nested = typeOf(field);
      if (nested !== undefined) add(nested);
    }
  };
  for (const url of roots) {
    const name = url.slice(url.indexOf('/') + 1);
    const type = registry.getMessage(name);
    if (type === undefined) throw new Error(`${name} is not among the descriptors`);
    add(type);
  }
  return `${[...lines]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, line]) => line)
    .join('\n')}\n`;
}

/** Written by what JSON makes of them, not by their fields. */
function isWellKnown(name: string): boolean {
  return /^google\.protobuf\.(Any|Duration|Struct|Value|ListValue|\w+Value)$/.test(name);
}

function typeOf(field: DescField): DescMessage | DescEnum | undefined {
  return field.message ?? field.enum;
}

/** `name=number:type`, with `[]` behind a list and `{}` behind a map, whose keys are strings. */
function fieldText(field: DescField): string {
  if (field.fieldKind === 'map' && field.mapKey !== ScalarType.STRING)
    throw new Error(`${field.name}: keys are no strings`);
  const suffix = { list: '[]', map: '{}', scalar: '', enum: '', message: '' }[field.fieldKind];
  const type = typeOf(field)?.typeName ?? ScalarType[field.scalar ?? 0]?.toLowerCase();
  return `${field.name}=${field.number}:${type}${suffix}`;
}
