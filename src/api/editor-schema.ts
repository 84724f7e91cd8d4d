/** KindDefinition -> JSON Schema draft 7 of a whole manifest, for editors and kubeconform: strict, with unions kept. */
import { z } from 'zod';
import { type JsonSchema, without } from '../schema/json-schema.ts';
import { group, type KindDefinition, version } from './kind.ts';

export function editorSchema(definition: KindDefinition): object {
  const labels = { type: 'object', additionalProperties: { type: 'string' } };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: definition.kind,
    description: definition.description,
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { const: `${group}/${version}`, description: 'API group and version.' },
      kind: { const: definition.kind, description: 'Kind of the object.' },
      metadata: {
        type: 'object',
        description: 'Name, namespace, labels and annotations.',
        required: ['name'],
        properties: {
          name: { type: 'string', maxLength: 253 },
          namespace: { type: 'string' },
          labels,
          annotations: labels,
        },
      },
      spec: closed(draft7(definition.spec)),
      // Present in what `kubectl get -o yaml` prints; nobody writes it by hand.
      status: { type: 'object' },
    },
    additionalProperties: false,
  };
}

function draft7(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', override: dropNoise });
  return without(json as JsonSchema, ['$schema']);
}

/** CEL means nothing to an editor, and z.int() says the range of a double. */
function dropNoise({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }): void {
  for (const keyword of Object.keys(jsonSchema)) {
    if (keyword.startsWith('x-kubernetes-')) delete jsonSchema[keyword];
  }
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
}

/** An object that names its fields admits no others, whatever zod was told. */
function closed(node: JsonSchema): JsonSchema {
  const list = (schemas: readonly JsonSchema[]) => schemas.map(closed);
  const { properties, items, additionalProperties: values, anyOf, oneOf, allOf } = node;
  return {
    ...node,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, closed(child)])),
    }),
    ...(properties && values === undefined && allOf === undefined && { additionalProperties: false }),
    ...(typeof values === 'object' && { additionalProperties: closed(values) }),
    ...(items && { items: closed(items) }),
    ...(anyOf && { anyOf: list(anyOf) }),
    ...(oneOf && { oneOf: list(oneOf) }),
  };
}
