/** values.schema.json and the defaults, of a zod schema. */
import { z } from 'zod';
import { type JsonSchema, without } from '../../../schema/json-schema.ts';

/**
 * JSON Schema draft 7. It asks for no value: editors hold files of users against it, too, and what it says of one that is
 * missing has no room for a remedy. templates/_validate.tpl says that.
 */
export function valuesSchema(values: z.ZodType): JsonSchema {
  const schema = z.toJSONSchema(values, { target: 'draft-7', io: 'output', override: dropNoise });
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...without(schema as JsonSchema, ['$schema']) };
}

function dropNoise({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }): void {
  // The keys of a JSON object are texts.
  if (JSON.stringify(jsonSchema['propertyNames']) === '{"type":"string"}') delete jsonSchema['propertyNames'];
  delete jsonSchema['required'];
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
}

/** A section holds values, and has no default of its own. */
export function isSection({ properties, default: standard }: JsonSchema): boolean {
  return properties !== undefined && standard === undefined;
}

/** Where each value is: `image.tag`. */
export function valuePaths(schema: JsonSchema, at = ''): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    isSection(field) ? valuePaths(field, `${at}${name}.`) : [`${at}${name}`],
  );
}

export function defaults(schema: JsonSchema): unknown {
  if (!isSection(schema)) return schema.default;
  const entries = Object.entries(schema.properties ?? {});
  return Object.fromEntries(entries.map(([name, field]) => [name, defaults(field)]));
}
