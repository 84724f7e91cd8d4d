import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { gateway, route, service, snapshotOf } from './build.ts';
import { envoyForTests } from './envoy.ts';
import { refusalsOf, type Unit, unitsOf } from './envoy-batch.ts';
import { allGoldens } from './goldens.ts';

const found = await envoyForTests();
const withEnvoy = 'binary' in found ? test : test.skip;
const binary = 'binary' in found ? found.binary : '';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evengate-goldens-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Each file costs Envoy an inotify instance, of which a user may have 128 in all. */
const mostFiles = 45;

function batches(units: readonly Unit[]): readonly (readonly Unit[])[] {
  const all: Unit[][] = [];
  let room = 0;
  for (const unit of units) {
    const files = unit.edge.files.length + unit.edge.certificates.length;
    if (files > room) {
      all.push([]);
      room = mostFiles;
    }
    room -= files;
    all.at(-1)?.push(unit);
  }
  return all;
}

withEnvoy(
  'Envoy takes every golden case as it is',
  async () => {
    const units = await unitsOf(
      allGoldens().map(({ snapshot }) => snapshot),
      root,
    );
    expect(units.length).toBeGreaterThan(50);
    for (const batch of batches(units)) expect(await refusalsOf(batch, root, binary)).toEqual([]);
  },
  60_000,
);

withEnvoy('a fault in one case would be seen', async () => {
  const [unit] = await unitsOf([snapshotOf([gateway(), route(), service()])], root);
  if (unit === undefined) throw new Error('no gateway');
  const files = unit.edge.files.map((file) =>
    file.subscription.kind === 'rds'
      ? {
          ...file,
          text: (version: string) => file.text(version).replace('"virtual_hosts"', '"nonsense":1,"virtual_hosts"'),
        }
      : file,
  );
  const refused = await refusalsOf([{ ...unit, edge: { ...unit.edge, files } }], root, binary);
  expect(refused.join('\n')).toContain('http.http-80.rds.http-80.update_rejected: 1');
});
