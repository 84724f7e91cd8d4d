/** Server-side apply's merge and removal of fields. */
import { childOf, elementsOf, type FieldPath } from './field-set.ts';
import { isList, isObject, type Json, type JsonObject } from './json.ts';
import { itemElement, type ListShape, type Shape } from './shape.ts';

/** `config` wins; what it does not name stays. */
export function mergeApplied(live: JsonObject, config: JsonObject, shape: Shape): JsonObject {
  return merged(live, config, { shape, names: '', deletes: false }) as JsonObject;
}

/** Strategic merge patch: the same merge of lists, and null removes. */
export function strategicMerge(live: JsonObject, patch: JsonObject, shape: Shape): JsonObject {
  return merged(live, patch, { shape, names: '', deletes: true }) as JsonObject;
}

interface Merge {
  readonly shape: Shape;
  readonly names: string;
  readonly deletes: boolean;
}

function merged(live: Json | undefined, config: Json, merge: Merge): Json {
  if (isObject(live) && isObject(config) && !(merge.names !== '' && merge.shape.atomicObject(merge.names))) {
    const result: Record<string, Json | undefined> = { ...live };
    for (const [name, value] of Object.entries(config)) {
      const names = merge.names === '' ? name : `${merge.names}.${name}`;
      if (value === null && merge.deletes) delete result[name];
      else if (value !== undefined) result[name] = merged(result[name], value, { ...merge, names });
    }
    return result;
  }
  if (!isList(live) || !isList(config)) return config;
  const list = merge.shape.list(merge.names);
  return list.kind === 'atomic' ? config : mergedList(live, config, { ...merge, list });
}

/** The order of `config`; items that only the live list has stay before those that they preceded, and before new ones. */
function mergedList(
  live: readonly Json[],
  config: readonly Json[],
  merge: Merge & { readonly list: ListShape },
): readonly Json[] {
  const element = (item: Json) => itemElement(merge.list, item);
  const wanted = new Set(config.map(element));
  const rest = new Map(live.map((item) => [element(item), item]));
  const result: Json[] = [];
  /** What only the live list has, as far as the stop; past those that come later only when the stop is one of them. */
  const take = (stop: string | undefined, passes: boolean) => {
    for (const [key, item] of rest) {
      if (key === stop || (wanted.has(key) && !passes)) return;
      if (wanted.has(key)) continue;
      result.push(item);
      rest.delete(key);
    }
  };
  for (const item of config) {
    const key = element(item);
    const old = rest.get(key);
    take(key, old !== undefined);
    rest.delete(key);
    result.push(old === undefined ? item : merged(old, item, merge));
  }
  take(undefined, true);
  return result;
}

export interface Removal {
  readonly shape: Shape;
  /** Whether somebody owns an object or list that would be left empty. */
  readonly keeps: (path: FieldPath) => boolean;
}

/** The object without the field, and without what this empties and nobody keeps. */
export function withoutField(object: JsonObject, path: FieldPath, removal: Removal): JsonObject {
  return (removed(object, elementsOf(path), { ...removal, names: '', path: '' }) ?? {}) as JsonObject;
}

interface Step extends Removal {
  readonly names: string;
  readonly path: FieldPath;
}

function removed(value: Json | undefined, elements: readonly string[], step: Step): Json | undefined {
  const [element, ...rest] = elements;
  if (element === undefined || value === undefined) return undefined;
  if (isList(value)) return removedFromList(value, elements, step);
  const name = element.slice(2);
  if (!isObject(value) || value[name] === undefined) return value;
  const names = step.names === '' ? name : `${step.names}.${name}`;
  const { [name]: child, ...others } = value;
  const left = removed(child, rest, { ...step, names, path: childOf(step.path, element) });
  if (left !== undefined) return { ...value, [name]: left };
  return Object.keys(others).length === 0 && !step.keeps(step.path) ? undefined : others;
}

function removedFromList(list: readonly Json[], elements: readonly string[], step: Step): Json | undefined {
  const [element = '', ...rest] = elements;
  const shape = step.shape.list(step.names);
  // A key goes with its item only.
  if (shape.kind === 'map' && rest.length === 1 && shape.keys.includes(rest[0]?.slice(2) ?? '')) return list;
  const left = list.flatMap((item): readonly Json[] => {
    if (itemElement(shape, item) !== element) return [item];
    const kept = removed(item, rest, { ...step, path: childOf(step.path, element) });
    return kept === undefined ? [] : [kept];
  });
  return left.length === 0 ? undefined : left;
}
