/**
 * Bundles src/main.ts and what it imports into dist/evengate.js, the file a published package runs, and the parts that it
 * loads when a command needs them, in evengate.chunks/ beside it; evengate.spdx.json says what of others is in them, and
 * evengate.licenses.txt under which licences.
 * Usage: node scripts/build.ts [ENTRY [OUT]]
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import process from 'node:process';
import { build, type Plugin } from 'esbuild';
import { bundledPackages, licensesText } from './lib/packages.ts';
import { bundleSbom, creationTime } from './sbom.ts';

const root = resolve(import.meta.dirname, '..');
const entry = resolve(process.argv[2] ?? resolve(root, 'src/main.ts'));
const out = resolve(process.argv[3] ?? resolve(root, 'dist/evengate.js'));
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as { version: string };

// CommonJS dependencies (winston) call require() for Node's own modules, which an ES module does not have.
const requireForDependencies =
  "import { createRequire as evengateCreateRequire } from 'node:module';" +
  'const require = evengateCreateRequire(import.meta.url);';

// src/operator.ts refuses every method of @dot-i/k8s-operator that would use these; without them an idle operator is a quarter
// smaller, and Node does not warn of punycode.
const withoutNetworkOfShell: Plugin = {
  name: 'without-network-of-shell',
  setup(builder) {
    builder.onResolve({ filter: /^(@kubernetes\/client-node|gaxios|async)$/ }, ({ path, importer }) =>
      /[\\/]@dot-i[\\/]k8s-operator[\\/]/.test(importer) ? { path, namespace: 'nothing' } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {};' }));
  },
};

const name = basename(out, '.js');
const chunks = `${name}.chunks`;
rmSync(resolve(dirname(out), chunks), { recursive: true, force: true }); // of the build before
const result = await build({
  entryPoints: [{ in: entry, out: name }],
  outdir: dirname(out),
  splitting: true, // what a command does not import costs its start nothing
  chunkNames: `${chunks}/[name]-[hash]`,
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
  plugins: [withoutNetworkOfShell],
}).catch(() => process.exit(1)); // esbuild has printed each error with its place

const packages = bundledPackages(result.metafile, root);
const beside = (suffix: string) => resolve(dirname(out), `${name}.${suffix}`);
writeFileSync(beside('spdx.json'), `${JSON.stringify(bundleSbom(version, packages, creationTime(root)), null, 2)}\n`);
writeFileSync(beside('licenses.txt'), licensesText(packages));

const outputs = Object.entries(result.metafile.outputs).filter(([path]) => path.endsWith('.js'));
const bytes = outputs.reduce((sum, [, output]) => sum + output.bytes, 0);
process.stdout.write(`${relative(root, out)}: ${(bytes / 1024).toFixed(0)} KiB, version ${version}\n`);
