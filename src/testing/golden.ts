/**
 * Golden cases: `golden/<case>/in.yaml` beside a test, and what becomes of it in `edge.yaml` and `status.yaml`.
 * UPDATE_GOLDEN=1 rewrites them and removes files and folders that belong to no case; its diff is what a review reads.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { compiler } from './compile.ts';
import { loadEnvoyApi } from './envoy-api.ts';
import { readCase } from './manifests.ts';
import { type Shown, shownEdge, toYaml } from './show.ts';
import { shownStatus } from './show-status.ts';

export interface GoldenOptions {
  readonly shows: readonly Shown[];
  /** A golden that nobody can read is approved unread. Default 60. */
  readonly longest?: number;
}

/** One test a case. `url` is the `import.meta.url` of the test. */
export function goldenSuite(url: string, options: GoldenOptions): void {
  const root = fileURLToPath(new URL('./golden/', url));
  const updating = process.env['UPDATE_GOLDEN'] === '1';
  if (updating) removeOrphans(root);
  const cases = readdirSync(root).toSorted();
  describe('golden', () => {
    const api = loadEnvoyApi();
    test.each(cases)('%s', (name) => {
      const folder = join(root, name);
      const { snapshot, findings } = readCase(join(folder, 'in.yaml'));
      const compiled = compiler()(snapshot);
      const found = {
        'edge.yaml': toYaml(shownEdge(compiled, options.shows)),
        'status.yaml': toYaml(shownStatus(compiled, findings)),
      };
      expect(compiled.resources.flatMap(({ json }) => api.check(json))).toEqual([]);
      if (updating) for (const [file, text] of Object.entries(found)) writeFileSync(join(folder, file), text);
      for (const [file, text] of Object.entries(found)) {
        expect(text).toBe(readFileSync(join(folder, file), 'utf8'));
        expect(text.split('\n').length - 1).toBeLessThanOrEqual(options.longest ?? 60);
      }
      expect(readdirSync(folder).toSorted()).toEqual(members);
    });
  });
}

const members = ['edge.yaml', 'in.yaml', 'status.yaml'];

function removeOrphans(root: string): void {
  for (const name of readdirSync(root)) {
    const folder = join(root, name);
    const orphans = existsSync(join(folder, 'in.yaml'))
      ? readdirSync(folder)
          .filter((file) => !members.includes(file))
          .map((file) => join(folder, file))
      : [folder];
    for (const path of orphans) rmSync(path, { recursive: true });
  }
}
