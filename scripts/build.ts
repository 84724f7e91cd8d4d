/**
 * Bundles src/main.ts and what it imports into dist/evengate.js, the file a published package runs.
 * Usage: node scripts/build.ts [ENTRY [OUT]]
 */
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const entry = resolve(process.argv[2] ?? resolve(root, 'src/main.ts'));
const out = resolve(process.argv[3] ?? resolve(root, 'dist/evengate.js'));
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as { version: string };

// CommonJS dependencies (winston) call require() for Node's own modules, which an ES module does not have.
const requireForDependencies =
  "import { createRequire as evengateCreateRequire } from 'node:module';" +
  'const require = evengateCreateRequire(import.meta.url);';

const result = await build({
  entryPoints: [entry],
  outfile: out,
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  minify: true,
  keepNames: true, // class names reach logs and error messages
  sourcemap: 'external',
  legalComments: 'eof',
  banner: { js: requireForDependencies },
  define: { EVENGATE_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
  metafile: true,
}).catch(() => process.exit(1)); // esbuild has printed each error with its place

const bytes = Object.entries(result.metafile.outputs).find(([path]) => !path.endsWith('.map'))?.[1].bytes ?? 0;
process.stdout.write(`${relative(root, out)}: ${(bytes / 1024).toFixed(0)} KiB, version ${version}\n`);
