/** What is rendered, before the API server with Istio's definitions and istiod's own validation: nothing refused, unknown or warned of. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { meshObjects } from '../../src/render/mesh.ts';
import { readWorkload } from '../../src/testing/mesh-workload.ts';
import { kubectl } from '../cluster/use.ts';
import type { World } from '../operator/lib/world.ts';
import { openMesh } from './lib/meshed.ts';
import { meshSuite } from './lib/suite.ts';

const suite = await meshSuite();
const goldens = join(import.meta.dirname, '../../src/render/mesh/golden');

suite('the objects of', () => {
  let world: World;
  beforeAll(async () => {
    world = await openMesh('e2e-accepted');
  });
  afterAll(() => world?.end());

  test.each(readdirSync(goldens))('%s', async (name) => {
    const workload = readWorkload(readFileSync(join(goldens, name, 'workload.yaml'), 'utf8'));
    const items = meshObjects({ ...workload, namespace: world.namespace }, 'evengate');
    const list = { apiVersion: 'v1', kind: 'List', items };
    const flags = ['--server-side', '--dry-run=server', '--validate=strict', '--warnings-as-errors', '--output=name'];
    const names = await kubectl(['apply', ...flags, '--filename', '-'], list);
    expect(names.trim().split('\n')).toHaveLength(items.length);
  });
});
