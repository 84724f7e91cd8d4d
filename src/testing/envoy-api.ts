/** Says whether Envoy would accept a resource: its own descriptors, and the validation rules in them, without an Envoy. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  createFileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  type Registry,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { checkAny, isJsonMap, type Report, typeOf } from './envoy-api-shape.ts';
import { checkRules, compileAllRules } from './envoy-api-walk.ts';

export interface EnvoyApi {
  /**
   * What is wrong with a resource, each as `Type.path.to.field: problem`; empty when Envoy's API accepts it. `resource`
   * is proto3 JSON with `@type` (snake_case names, as we render). Rules are looked at once the shape is right.
   */
  readonly check: (resource: unknown) => readonly string[];
  /** The resource as protobuf bytes of the message that its `@type` names. Throws if its shape is wrong. */
  readonly encode: (resource: unknown) => Uint8Array;
  /** The other way round, with the names of JSON's own mapping (camelCase). Throws on bytes that are no `message`. */
  readonly decode: (message: string, bytes: Uint8Array) => JsonValue;
}

/** Costs about 0.1 s, so callers keep it. Throws on a missing descriptor set, and on a rule that we cannot interpret. */
export function loadEnvoyApi(): EnvoyApi {
  const zipped = readFileSync(new URL('./envoy-api.binpb.gz', import.meta.url));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, gunzipSync(zipped)));
  const rules = compileAllRules(registry);
  return {
    check: (resource) => {
      const json = asWritten(resource);
      const root = rootOf(json, registry);
      const misshapen = collect((report) => checkAny({ registry, report }, json, root));
      if (misshapen.length > 0) return misshapen;
      try {
        const message = decode(json, registry);
        return collect((report) => checkRules({ registry, rules, report }, message, root));
      } catch (error) {
        return [`${root}: ${(error as Error).message}`]; // nested too deeply, a map key of the wrong type
      }
    },
    encode: (resource) => {
      const { desc, message } = decode(asWritten(resource), registry);
      return toBinary(desc, message);
    },
    decode: (message, bytes) => {
      const type = registry.getMessage(message);
      if (type === undefined) throw new Error(`${message} is not among the descriptors`);
      return toJson(type, fromBinary(type, bytes), { registry });
    },
  };
}

/** Only what reaches the file counts: undefined members go. */
function asWritten(resource: unknown): unknown {
  return JSON.parse(JSON.stringify(resource) ?? 'null');
}

function rootOf(json: unknown, registry: Registry): string {
  const type = isJsonMap(json) ? typeOf(json, registry) : 'resource';
  return typeof type === 'string' ? 'resource' : type.name;
}

function collect(check: (report: Report) => void): readonly string[] {
  const problems: string[] = [];
  check((path, problem) => problems.push(`${path}: ${problem}`));
  return problems;
}

function decode(json: unknown, registry: Registry): ReflectMessage {
  if (!isJsonMap(json)) throw new Error('a resource is an object');
  const type = typeOf(json, registry);
  if (typeof type === 'string') throw new Error(type);
  const { '@type': _, ...fields } = json;
  return reflect(type, fromJson(type, fields as JsonValue, { registry }));
}
