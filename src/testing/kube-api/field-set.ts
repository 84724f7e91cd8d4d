/** Sets of fields as managedFields has them (FieldsV1), and the values at them. */
import { equal, isList, isObject, type Json, type JsonObject } from './json.ts';
import { itemElement, type Shape } from './shape.ts';

/** Elements as in FieldsV1 (`f:spec`, `k:{"name":"a"}`, `v:"x"`), joined by a character that JSON escapes. */
export type FieldPath = string;
export type FieldSet = ReadonlySet<FieldPath>;
const separator = '\u0001';

export function elementsOf(path: FieldPath): readonly string[] {
  return path.split(separator);
}

export function childOf(path: FieldPath, element: string): FieldPath {
  return path === '' ? element : `${path}${separator}${element}`;
}

/** The path itself counts. */
export function isUnder(path: FieldPath, ancestor: FieldPath): boolean {
  return path === ancestor || path.startsWith(`${ancestor}${separator}`);
}

/** Leaves, items of list maps (as `true`, for being there) and values that are one to server-side apply. */
export function fieldsOf(object: JsonObject, shape: Shape): ReadonlyMap<FieldPath, Json> {
  return new Map(walk({ path: '', names: '', value: object }, shape, () => false));
}

/** With the objects on the way too, as `true`, but those that are there in every object. */
function allFieldsOf(object: JsonObject, shape: Shape): ReadonlyMap<FieldPath, Json> {
  return new Map(walk({ path: '', names: '', value: object }, shape, (names) => !shape.always(names)));
}

interface Place {
  readonly path: FieldPath;
  readonly names: string;
  readonly value: Json;
}

function* walk(place: Place, shape: Shape, shows: (names: string) => boolean): Generator<readonly [FieldPath, Json]> {
  const { path, names, value } = place;
  if (isObject(value) && Object.keys(value).length > 0 && !(names !== '' && shape.atomicObject(names))) {
    if (path !== '' && !path.endsWith('}') && shows(names)) yield [path, true];
    for (const [name, child] of Object.entries(value)) {
      if (child === undefined) continue;
      const below = names === '' ? name : `${names}.${name}`;
      yield* walk({ path: childOf(path, `f:${name}`), names: below, value: child }, shape, shows);
    }
    return;
  }
  const list = isList(value) ? shape.list(names) : undefined;
  if (!isList(value) || list === undefined || list.kind === 'atomic') {
    if (path !== '') yield [path, value];
    return;
  }
  if (shows(names)) yield [path, true];
  for (const item of value) {
    const itemPath = childOf(path, itemElement(list, item));
    yield [itemPath, true];
    if (list.kind === 'map') yield* walk({ path: itemPath, names, value: item }, shape, shows);
  }
}

export interface Difference {
  /** New fields and those of another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

export function difference(before: JsonObject, after: JsonObject, shape: Shape): Difference {
  const [old, now] = [allFieldsOf(before, shape), allFieldsOf(after, shape)];
  const changed = [...now].filter(([path, value]) => !old.has(path) || !equal(old.get(path), value));
  return {
    changed: new Set(changed.map(([path]) => path)),
    removed: new Set([...old.keys()].filter((p) => !now.has(p))),
  };
}

interface FieldsNode {
  [element: string]: FieldsNode;
}

export function toFieldsV1(fields: FieldSet): JsonObject {
  const root: FieldsNode = {};
  const sorted = [...fields].sort();
  for (const [index, path] of sorted.entries()) {
    const node = elementsOf(path).reduce<FieldsNode>((at, element) => {
      at[element] ??= {};
      return at[element];
    }, root);
    // A field that is owned itself and has others below it.
    if (sorted[index + 1] !== undefined && isUnder(sorted[index + 1] ?? '', path)) node['.'] = {};
  }
  return root;
}

export function fromFieldsV1(fields: JsonObject): FieldSet {
  return new Set(members(fields, ''));
}

function* members(node: JsonObject, path: FieldPath): Generator<FieldPath> {
  const children = Object.entries(node);
  if (children.length === 0 && path !== '') yield path;
  for (const [element, child] of children) {
    if (element === '.') yield path;
    else if (isObject(child)) yield* members(child, childOf(path, element));
  }
}

/** `.spec.containers[name="envoy"].image`, as the causes of a conflict name a field. */
export function readable(path: FieldPath): string {
  return elementsOf(path).map(readableElement).join('');
}

function readableElement(element: string): string {
  if (element.startsWith('f:')) return `.${element.slice(2)}`;
  if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
  const key = JSON.parse(element.slice(2)) as JsonObject;
  const parts = Object.entries(key).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `[${parts.join(',')}]`;
}
