/** The generated files of charts/, with what is read for them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kinds } from '../../src/api/kinds.ts';
import { chartFiles } from '../../src/controllers/operator/chart/files.ts';
import { evengateVersion } from '../../src/version.ts';

/** Path from `root` -> text. */
export function generatedCharts(root: string): ReadonlyMap<string, string> {
  const read = (path: string) => readFileSync(join(root, 'charts', path), 'utf8');
  return chartFiles({
    kinds,
    version: evengateVersion(),
    readme: read('evengate/README.md'),
    install: read('install.yaml'),
    example: read('evengate/files/example.yaml'),
  });
}
