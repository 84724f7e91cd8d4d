/** Two contents of one file as one that serves the routes of either. Where both say something, the newer counts. */
import { type Json, types } from '../../envoy/json.ts';
import type { EdgeFile } from '../../render/edge.ts';
import { hashOf } from '../../render/fragment.ts';

type JsonObject = { readonly [key: string]: Json | undefined };

/** A file taken apart into what can be there or not, by name; and put together again. */
interface Content {
  readonly parts: ReadonlyMap<string, Json>;
  readonly resources: (parts: ReadonlyMap<string, Json>) => readonly Json[];
}

/** Returns `after` or `before` itself where one of them already is the union. */
export function unite(before: EdgeFile, after: EdgeFile): EdgeFile {
  if (before.hash === after.hash) return after;
  const old = contentOf(before);
  const fresh = contentOf(after);
  const kept = [...old.parts].filter(([name, part]) => !fresh.parts.has(name) && !isInTheWay(part, fresh.parts));
  if (kept.length === 0) return after;
  if (isWithin(fresh.parts, old.parts) && fresh.parts.size + kept.length === old.parts.size) return before;
  const united = fresh.resources(new Map([...fresh.parts, ...kept]));
  const text = united.map((resource) => JSON.stringify(resource)).join(',');
  return {
    name: after.name,
    subscription: after.subscription,
    hash: hashOf([text]),
    text: (version) => `{"version_info":${JSON.stringify(version)},"resources":[${text}]}\n`,
  };
}

/** An old listener whose address a new one takes cannot stay: Envoy would refuse the new one. */
function isInTheWay(part: Json, fresh: ReadonlyMap<string, Json>): boolean {
  const { address } = objectOf(part);
  return address !== undefined && [...fresh.values()].some((other) => same(objectOf(other)['address'], address));
}

function isWithin(fresh: ReadonlyMap<string, Json>, old: ReadonlyMap<string, Json>): boolean {
  return [...fresh].every(([name, part]) => same(part, old.get(name)));
}

function same(left: Json | undefined, right: Json | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function contentOf(file: EdgeFile): Content {
  const { resources } = JSON.parse(file.text('')) as { readonly resources: readonly JsonObject[] };
  const config = objectOf(resources[0]?.['typed_config']);
  if (config['@type'] === types.jwt) return jwtContent(objectOf(resources[0]), config);
  if (config['@type'] === types.localRateLimit) return limitContent(objectOf(resources[0]), config);
  return {
    parts: new Map(resources.map((resource) => [nameOf(resource), resource])),
    resources: (parts) => [...parts.values()],
  };
}

/** Ids of providers and names of requirements are hashes of what they stand for, so both sides' can stand together. */
function jwtContent(extension: JsonObject, config: JsonObject): Content {
  const fields = ['providers', 'requirement_map'] as const;
  const rest = without(config, fields);
  return {
    parts: new Map([
      ...fields.flatMap((field) =>
        Object.entries(objectOf(config[field])).map(([name, value]) => [`${field}/${name}`, value ?? null] as const),
      ),
      ['', rest],
    ]),
    resources: (parts) => {
      const all = [...parts];
      const entries = fields.map((field) => [
        field,
        Object.fromEntries(
          all.flatMap(([key, value]) => (key.startsWith(`${field}/`) ? [[key.slice(field.length + 1), value]] : [])),
        ),
      ]);
      return [{ ...extension, typed_config: { ...rest, ...Object.fromEntries(entries) } }];
    },
  };
}

/** Requests are counted by the descriptor that has their entries; Envoy refuses two of the same. */
function limitContent(extension: JsonObject, config: JsonObject): Content {
  const rest = without(config, ['descriptors']);
  const descriptors = Array.isArray(config['descriptors']) ? (config['descriptors'] as readonly Json[]) : [];
  return {
    parts: new Map([
      ...descriptors.map((one) => [JSON.stringify(objectOf(one)['entries']), one] as const),
      ['', rest] as const,
    ]),
    resources: (parts) => {
      const all = [...parts].flatMap(([key, value]) => (key === '' ? [] : [value]));
      return [{ ...extension, typed_config: { ...rest, descriptors: all } }];
    },
  };
}

function without(config: JsonObject, taken: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([field]) => !taken.includes(field)));
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function nameOf({ name }: JsonObject): string {
  return typeof name === 'string' ? name : '';
}
