/**
 * Writes every file that follows from the definitions of kinds, reasons and metrics: CRDs, reference pages, editor schemas.
 * Usage: node scripts/gen.ts [--check]   (--check writes nothing, prints stale files, and fails if there are any)
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { generatedFiles } from '../src/api/generated.ts';
import { kinds } from '../src/api/kinds.ts';
import { observabilityFiles } from '../src/observability/files.ts';
import { generatedCharts } from './lib/charts.ts';

const root = resolve(import.meta.dirname, '..');
const wanted = new Map([...generatedFiles(kinds), ...generatedCharts(root), ...observabilityFiles()]);
const check = process.argv.includes('--check');

/** Generated for a kind that is gone. Only our own names: a hand-written file beside them stays. */
const leftovers = ['crds', 'docs/schemas', 'charts/evengate-crds/templates'].flatMap((folder) =>
  list(folder)
    .map((name) => `${folder}/${name}`)
    .filter((path) => /\/(evengate\.dev_\w+\.yaml|\w+_v\d\w*\.json)$/.test(path) && !wanted.has(path)),
);
const stale = [...wanted].filter(([path, text]) => read(path) !== text).map(([path]) => path);

for (const path of [...stale, ...leftovers]) process.stdout.write(`${label(path)} ${path}\n`);
if (check) {
  if (stale.length + leftovers.length > 0) {
    process.stderr.write('Run: npm run gen\n');
    process.exitCode = 1;
  }
} else {
  for (const path of stale) {
    mkdirSync(dirname(resolve(root, path)), { recursive: true });
    writeFileSync(resolve(root, path), wanted.get(path) ?? '');
  }
  for (const path of leftovers) rmSync(resolve(root, path));
}

function label(path: string): string {
  if (check) return 'stale';
  return wanted.has(path) ? 'wrote' : 'removed';
}

function read(path: string): string | undefined {
  try {
    return readFileSync(resolve(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(resolve(root, folder));
  } catch {
    return [];
  }
}
