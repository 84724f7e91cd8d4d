import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import type { JsonSchema } from '../schema/json-schema.ts';
import { structuralTree } from '../schema/structural.ts';
import { structuralProblems } from '../schema/structural-rules.ts';
import { sampleKind } from '../testing/sample-kind.ts';
import { strict } from '../testing/strict-schema.ts';
import { objectSchema } from './crd.ts';
import { generatedFiles } from './generated.ts';
import { kinds } from './kinds.ts';

const root = resolve(import.meta.dirname, '../..');

test('a kind becomes a CRD, a page and an editor schema; reasons become a page', () => {
  const files = generatedFiles([sampleKind]);
  expect([...files.keys()]).toEqual([
    'crds/evengate.dev_samples.yaml',
    'docs/reference/findings.md',
    'docs/reference/sample.md',
    'docs/schemas/sample_v1alpha1.json',
    'src/api/known-fields.ts',
  ]);
  expect([...files.values()].every((text) => text.endsWith('\n') && !text.endsWith('\n\n'))).toBe(true);
});

/** Fields whose example the schema of the same field refuses. */
function* badExamples(node: JsonSchema, at: string): Generator<string> {
  for (const example of node.examples ?? []) {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    if (!ajv.validate(strict(node), example)) yield `${at}: ${ajv.errorsText()}: ${JSON.stringify(example)}`;
  }
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* badExamples(child, `${at}.${name}`);
  if (node.items) yield* badExamples(node.items, `${at}[]`);
}

describe('an API server takes the CRD of', () => {
  test.each(kinds.map((definition) => [definition.kind, definition] as const))('%s', (_, definition) => {
    expect(structuralProblems(objectSchema(definition))).toEqual([]);
  });
});

describe('every example is a value that its own field takes', () => {
  test.each(kinds.map((definition) => [definition.kind, definition] as const))('%s', (_, { spec, status }) => {
    expect([...badExamples(structuralTree(spec), 'spec'), ...badExamples(structuralTree(status), 'status')]).toEqual(
      [],
    );
  });
});

describe('files of the repository are as generated (npm run gen)', () => {
  test.each([...generatedFiles(kinds)])('%s', (path, text) => {
    expect(existsSync(resolve(root, path)) ? readFileSync(resolve(root, path), 'utf8') : 'missing').toBe(text);
  });
});
