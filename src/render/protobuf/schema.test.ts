import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { expect, test } from '@jest/globals';
import { wireSchema } from '../../testing/wire-schema.ts';

/** UPDATE_GOLDEN=1 writes it anew. */
test('is what the descriptors of Envoy say', () => {
  const file = new URL('./schema.ts', import.meta.url);
  const wanted = [
    "/** Made from Envoy's descriptors (schema.test.ts): the messages of a route table, their fields' numbers and types. */",
    'export const schemaText = `',
    `${wireSchema()}\`;`,
    '',
  ].join('\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, wanted);
  expect(readFileSync(file, 'utf8')).toBe(wanted);
});
