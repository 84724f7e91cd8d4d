/** Looking things up in a zod schema by the path of an issue: known fields and examples, for remedies. */
import { z } from 'zod';

type Def = z.core.$ZodTypes['_zod']['def'];
type AnySchema = z.core.$ZodType;

/** Possible schemas of the value at the path: several where a union has not been decided by the value. */
export function schemasAt(root: AnySchema, value: unknown, path: readonly PropertyKey[]): readonly AnySchema[] {
  let schemas: readonly AnySchema[] = [root];
  let here = value;
  for (const key of path) {
    const container = here;
    schemas = schemas.flatMap((schema) => variants(schema, container)).flatMap((schema) => child(schema, key));
    here = childValue(here, key);
  }
  return schemas;
}

/** Names that an object at the path may have, in the order of the schema. */
export function knownFields(root: AnySchema, value: unknown, path: readonly PropertyKey[]): readonly string[] {
  const here = valueAt(value, path);
  const objects = schemasAt(root, value, path).flatMap((schema) => variants(schema, here));
  const names = objects.flatMap((schema) => {
    const def = defOf(schema);
    return def.type === 'object' ? Object.keys(def.shape) : [];
  });
  return [...new Set(names)];
}

/** The first example that the schema at the path gives, if any. */
export function exampleAt(root: AnySchema, value: unknown, path: readonly PropertyKey[]): unknown {
  for (const schema of schemasAt(root, value, path)) {
    const examples: unknown = z.globalRegistry.get(schema as z.ZodType)?.examples;
    if (Array.isArray(examples) && examples[0] !== undefined) return examples[0];
  }
  return undefined;
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce(childValue, value);
}

/** What the patterns and refinements of a text ask for, in the words of its schema; without those in which variants differ. */
export function demandsAt(root: AnySchema, path: readonly PropertyKey[]): readonly string[] {
  const [first = [], ...others] = schemasAt(root, undefined, path)
    .flatMap((schema) => variants(schema, undefined))
    .map(demandsOf);
  return first.filter((demand) => others.every((list) => list.includes(demand)));
}

function demandsOf(schema: AnySchema): readonly string[] {
  const { type, checks = [] } = defOf(schema);
  if (type !== 'string') return [];
  return checks.flatMap((check) => {
    // zod calls it with the issue, which a fixed message ignores.
    const error = check._zod.def.error as unknown as (() => unknown) | undefined;
    const said = error?.();
    return typeof said === 'string' ? [said] : [];
  });
}

function childValue(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<PropertyKey, unknown>>)[key];
}

function defOf(schema: AnySchema): Def {
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** The schema without wrappers such as optional; a union is narrowed by its discriminator. */
function variants(schema: AnySchema, value: unknown): readonly AnySchema[] {
  const def = defOf(schema);
  if ('innerType' in def) return variants(def.innerType, value);
  if (def.type === 'pipe') return variants(defOf(def.in).type === 'transform' ? def.out : def.in, value);
  if (def.type === 'lazy') return variants(def.getter(), value);
  if (def.type !== 'union') return [schema];
  const options = def.options.flatMap((option) => variants(option, value));
  const discriminator = (def as { readonly discriminator?: string }).discriminator;
  if (discriminator === undefined) return options;
  const chosen = options.filter((option) =>
    child(option, discriminator).some((tag) => z.safeParse(tag, childValue(value, discriminator)).success),
  );
  return chosen.length > 0 ? chosen : options;
}

function child(schema: AnySchema, key: PropertyKey): readonly AnySchema[] {
  const def = defOf(schema);
  if (def.type === 'array') return [def.element];
  if (def.type === 'record') return [def.valueType];
  if (def.type !== 'object' || typeof key !== 'string' || !Object.hasOwn(def.shape, key)) return [];
  const field = def.shape[key];
  return field === undefined ? [] : [field];
}
