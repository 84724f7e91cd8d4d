/** For tests that hold a CRD's schema against values with ajv. */
import type { JsonSchema } from '../schema/json-schema.ts';

/** The CRD's schema as the API server applies it under fieldValidation=Strict: unknown fields are refused. */
export function strict(node: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties: values } = node;
  const open = node['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...node,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, strict(child)])),
    }),
    ...(items && { items: strict(items) }),
    ...(typeof values === 'object' && { additionalProperties: strict(values) }),
    ...(properties && !open && { additionalProperties: false }),
  };
}
