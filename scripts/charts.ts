/**
 * Writes charts/install.yaml, which follows from the charts: run it after `npm run gen`. It needs Go, to build Helm.
 * Usage: node scripts/charts.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { helmAt, root } from '../e2e/charts/helm.ts';
import { installYaml } from '../e2e/charts/install-yaml.ts';
import { goProgram, tools } from '../e2e/tools/go-program.ts';

const helm = await goProgram(tools.helm);
if ('skip' in helm) {
  process.stderr.write(`There is no Helm: ${helm.skip}\n`);
  process.exitCode = 1;
} else {
  writeFileSync(join(root, 'charts/install.yaml'), installYaml(helmAt(helm.binary)));
}
