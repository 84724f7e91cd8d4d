/** What each `workload.yaml` becomes. UPDATE_GOLDEN=1 rewrites `objects.yaml`; src/testing/mesh-workload.ts says how to write one. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { SecurityObject } from '../../istio/security.ts';
import { readWorkload } from '../../testing/mesh-workload.ts';
import { meshObjects } from '../mesh.ts';

const root = fileURLToPath(new URL('./golden/', import.meta.url));

test.each(readdirSync(root))('%s', (name) => {
  const folder = join(root, name);
  const objects = meshObjects(readWorkload(readFileSync(join(folder, 'workload.yaml'), 'utf8')), 'evengate');
  const text = objects
    .map((object) => stringify(shown(object), { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
  const file = join(folder, 'objects.yaml');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});

/** Without labels, which are the same on all. */
function shown({ kind, metadata, spec }: SecurityObject): object {
  const { name, namespace, annotations } = metadata;
  return { kind, metadata: { name, namespace, annotations }, spec };
}
