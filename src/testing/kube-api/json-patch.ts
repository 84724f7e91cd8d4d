/** RFC 6902 without `move` and `copy`. */
import { equal, isList, isObject, type Json, type JsonObject, textAt } from './json.ts';

/** Throws an Error that says which operation does not apply. */
export function jsonPatch(target: Json, operations: readonly Json[]): Json {
  return operations.reduce<Json>((document, operation) => {
    if (!isObject(operation)) throw new Error('a JSON patch is a list of operations');
    const path = textAt(operation, 'path').split('/').slice(1).map(tokenOf);
    return edit(document, path, operation);
  }, target);
}

function tokenOf(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

function edit(at: Json | undefined, path: readonly string[], operation: JsonObject): Json {
  const [token, ...rest] = path;
  if (token === undefined) return operated(at, operation) ?? null;
  if (isList(at)) return editList(at, [token, ...rest], operation);
  if (!isObject(at)) throw new Error(`path ${textAt(operation, 'path')}: there is nothing at "${token}"`);
  if (rest.length > 0) return { ...at, [token]: edit(at[token], rest, operation) };
  const value = operated(at[token], operation);
  const { [token]: _, ...others } = at;
  return value === undefined ? others : { ...at, [token]: value };
}

function editList(list: readonly Json[], path: readonly string[], operation: JsonObject): Json {
  const [token = '', ...rest] = path;
  const adds = rest.length === 0 && operation['op'] === 'add';
  const index = token === '-' ? list.length : Number(token);
  if (!Number.isInteger(index) || index < 0 || index >= list.length + (adds ? 1 : 0)) {
    throw new Error(`path ${textAt(operation, 'path')}: the list has no index ${token}`);
  }
  if (adds) return list.toSpliced(index, 0, operation['value'] ?? null);
  if (rest.length > 0) return list.with(index, edit(list[index], rest, operation));
  const value = operated(list[index], operation);
  return value === undefined ? list.toSpliced(index, 1) : list.with(index, value);
}

/** Undefined: the value goes. */
function operated(value: Json | undefined, operation: JsonObject): Json | undefined {
  const path = textAt(operation, 'path');
  switch (textAt(operation, 'op')) {
    case 'add':
      return operation['value'] ?? null;
    case 'replace':
      if (value === undefined) throw new Error(`replace ${path}: there is no such field`);
      return operation['value'] ?? null;
    case 'remove':
      if (value === undefined) throw new Error(`remove ${path}: there is no such field`);
      return undefined;
    case 'test':
      if (!equal(value ?? null, operation['value'] ?? null)) throw new Error(`test ${path}: the value differs`);
      return value;
    default:
      throw new Error(`${path}: operation ${textAt(operation, 'op')} is not supported`);
  }
}
