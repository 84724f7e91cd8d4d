import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkLayers } from './layers.ts';

const root = resolve(import.meta.dirname, '../..');

function projectFiles(): ReadonlyMap<string, string> {
  const paths = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** `src/ir/guard.ts:3 ir imports resolve: wrong way`, one a violation. */
function check(files: ReadonlyMap<string, string>): readonly string[] {
  return checkLayers(files).map(({ at, rule }) => `${at} ${rule}`);
}

function checkOne(path: string, text: string): readonly string[] {
  return check(new Map([[path, text]]));
}

test('every file of src keeps the dependency rule', () => {
  const files = projectFiles();
  expect(files.has('src/status/finding.ts')).toBe(true);
  expect(files.size).toBeGreaterThan(10);
  expect(check(files)).toEqual([]);
});

describe('an import that goes the right way is fine', () => {
  test.each([
    ['src/cli/run.ts', '../delivery/local.ts'],
    ['src/cli/version.ts', '../version.ts'],
    ['src/resolve/attach.ts', '../ir/gateway.ts'],
    ['src/ir/guard.ts', '../policy/decision.ts'],
    ['src/ir/guard.ts', '../schema/fields.ts'],
    ['src/features/http/edge.ts', '../../ir/route.ts'],
    ['src/features/http/edge.ts', '../shared.ts'],
    ['src/features/http/edge.ts', './names.ts'],
    ['src/features/index.ts', './http/index.ts'],
    ['src/runtime/client.ts', '../kube/client.ts'],
    ['src/runtime/client.ts', '@kubernetes/client-node'],
    ['src/controllers/gateway.ts', '../runtime/queue.ts'],
    ['src/operator.ts', '@dot-i/k8s-operator'],
    ['src/main.ts', './operator.ts'],
    ['src/policy/hash.ts', 'node:crypto'],
    ['src/ir/guard.test.ts', '../testing/builders.ts'],
    ['src/testing/builders.ts', '../resolve/index.ts'],
  ])('%s imports %s', (path, specifier) => {
    expect(checkOne(path, `import { a } from '${specifier}';`)).toEqual([]);
  });
});

describe('an import that goes the wrong way is named', () => {
  test.each([
    ['src/ir/guard.ts', '../resolve/attach.ts', 'ir imports resolve: wrong way'],
    ['src/delivery/local.ts', '../cli/run.ts', 'delivery imports cli: wrong way'],
    ['src/policy/decision.ts', '../schema/fields.ts', 'policy imports schema: they are peers'],
    ['src/resolve/attach.ts', '../render/edge.ts', 'resolve imports render: they are peers'],
    ['src/envoy/route.ts', '../istio/security.ts', 'envoy imports istio: they are peers'],
    ['src/kube/object.ts', '../envoy/listener.ts', 'kube imports envoy: wrong way'],
    ['src/runtime/queue.ts', '../ir/route.ts', 'runtime imports ir: it may import only kube'],
    [
      'src/delivery/configmap.ts',
      '../runtime/client.ts',
      'delivery imports runtime: only cli, controllers, observability may',
    ],
    ['src/controllers/gateway.ts', '../observability/files.ts', 'controllers imports observability: nobody may'],
    ['src/cli/run.ts', '../main.ts', 'cli imports main.ts: nobody may'],
    ['src/cli/run.ts', '../operator.ts', 'cli imports operator.ts: only main.ts may'],
    ['src/ir/guard.ts', '../version.ts', 'ir imports version.ts: only main.ts, operator.ts, cli may'],
    ['src/ir/guard.ts', '../testing/builders.ts', 'ir imports testing: only tests may'],
    ['src/main.ts', './testing/builders.ts', 'main.ts imports testing: only tests may'],
    ['src/cli/run.ts', '../../scripts/gen.ts', 'imports scripts/gen.ts: only files directly in src reach outside src'],
    [
      'src/features/http/edge.ts',
      '../jwt/schema.ts',
      'feature http imports feature jwt: share it through a file directly in features',
    ],
    ['src/main.ts', '@dot-i/k8s-operator', 'imports @dot-i/k8s-operator: only src/operator.ts may'],
    ['src/cli/run.ts', '@kubernetes/client-node/x.js', 'imports @kubernetes/client-node/x.js: only src/runtime/ may'],
    ['src/delivery/xds.ts', 'undici', 'imports undici: only src/runtime/ may'],
    ['src/runtime/client.ts', '@opentelemetry/api', 'imports @opentelemetry/api: only src/runtime/tracing-otlp.ts may'],
    ['src/resolve/attach.ts', 'node:fs/promises', 'imports node:fs/promises: resolve is pure, so no I/O'],
  ])('%s imports %s', (path, specifier, rule) => {
    expect(checkOne(path, `import { a } from '${specifier}';`)).toEqual([`${path}:1 ${rule}`]);
  });

  test.each([
    "import '../resolve/a.ts';",
    "import type { A } from '../resolve/a.ts';",
    "export { a } from '../resolve/a.ts';",
    "export type { A } from '../resolve/a.ts';",
    "export * from '../resolve/a.ts';",
    "export * as a from '../resolve/a.ts';",
    "const a = await import('../resolve/a.ts');",
    "type A = import('../resolve/a.ts').A;",
    "const a: typeof import('../resolve/a.ts') = b;",
  ])('however it is written: %s', (statement) => {
    const text = `/* é */ // import '../cli/run/run.ts'\nconst text = "import '../cli/run/run.ts'";\n${statement}\n`;
    expect(checkOne('src/ir/guard.ts', text)).toEqual(['src/ir/guard.ts:3 ir imports resolve: wrong way']);
  });

  test('a computed import cannot hide one', () => {
    expect(checkOne('src/ir/guard.ts', 'await import(name);')).toEqual([
      'src/ir/guard.ts:1 import() takes a literal, or its target cannot be checked',
    ]);
  });

  test('a new folder needs a place', () => {
    const rule = 'extras has no place in the order; give it one in testing/layers.ts';
    expect(checkOne('src/extras/a.ts', '')).toEqual([`src/extras/a.ts:1 ${rule}`]);
  });
});

describe('import cycles', () => {
  test('inside a folder, also of types and of oneself', () => {
    const files = new Map([
      ['src/ir/a.ts', "\nimport type { B } from './b.ts';"],
      ['src/ir/b.ts', "export * from './c.ts';"],
      ['src/ir/c.ts', "import { a } from './a.ts';\nimport './d.ts'; import './leaf.ts'"],
      ['src/ir/d.ts', "import './d.ts';"],
      ['src/ir/leaf.ts', ''],
    ]);
    expect(check(files)).toEqual([
      'src/ir/a.ts:2 import cycle: src/ir/a.ts -> src/ir/b.ts -> src/ir/c.ts -> src/ir/a.ts',
      'src/ir/d.ts:1 import cycle: src/ir/d.ts -> src/ir/d.ts',
    ]);
  });

  test('two ways to one file are none', () => {
    const files = new Map([
      ['src/ir/a.ts', "import './b.ts'; import './c.ts';"],
      ['src/ir/b.ts', "import './c.ts';"],
      ['src/ir/c.ts', ''],
    ]);
    expect(check(files)).toEqual([]);
  });
});

describe('the environment, clocks and dice', () => {
  test.each([
    ['src/delivery/local.ts', 'a(process.env.HOME);', 'process.env: only'],
    ['src/delivery/local.ts', "const { HOME } = process['env'];", 'process.env: only'],
    ['src/kube/a.ts', 'a(globalThis.process?.env);', 'process.env: only'],
    ['src/resolve/a.ts', 'Date.now();', 'Date.now asks the clock: resolve is pure'],
    ['src/reconcilers/a.ts', 'const now = Date.now;', 'Date.now asks the clock: reconcilers is pure'],
    ['src/features/http/a.ts', 'const f = () => new Date(0);', 'new Date reads or asks a clock: features is pure'],
    ['src/render/a.ts', 'class A { b = Math.random() }', 'Math.random rolls dice: render is pure'],
  ])('%s: %s', (path, text, rule) => {
    expect(checkOne(path, `\n${text}`)).toEqual([expect.stringContaining(`${path}:2 ${rule}`)]);
  });

  test('are fine where they belong', () => {
    expect(checkOne('src/cli/run.ts', 'a(process.env.HOME);')).toEqual([]);
    expect(checkOne('src/main.ts', 'a(process.env);')).toEqual([]);
    expect(checkOne('src/delivery/local.ts', 'Date.now(); new Date();')).toEqual([]);
    expect(checkOne('src/ir/a.test.ts', 'Date.now(); process.env;')).toEqual([]);
    expect(checkOne('src/ir/a.ts', '// Date.now()\nconst a = "process.env"; a.env; process.exit();')).toEqual([]);
  });
});

test('a file has at most 300 lines', () => {
  expect(checkOne('src/ir/a.ts', 'a();\n'.repeat(300))).toEqual([]);
  expect(checkOne('src/ir/a.ts', 'a();\n'.repeat(301))).toEqual(['src/ir/a.ts:301 a file has at most 300 lines']);
  expect(checkOne('src/ir/a.test.ts', 'a();\n'.repeat(301))).toEqual([]);
});
