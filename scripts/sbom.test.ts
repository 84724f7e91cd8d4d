import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundledPackages, licensesText } from './lib/packages.ts';
import { bundleSbom, creationTime, imageSbom, type SpdxDocument, type SpdxPackage } from './sbom.ts';

const root = resolve(import.meta.dirname, '..');
let folder = '';
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const purlOf = (one: SpdxPackage) => one.externalRefs?.[0]?.referenceLocator ?? '';

describe('of the bundle', () => {
  let document: SpdxDocument;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'evengate-sbom-'));
    document = build('one');
  });

  function build(name: string): SpdxDocument {
    const out = join(folder, name, 'evengate.js');
    const env = { ...process.env, SOURCE_DATE_EPOCH: '1800000000' };
    execFileSync(process.execPath, ['scripts/build.ts', 'src/main.ts', out], { cwd: root, env });
    return JSON.parse(readFileSync(join(folder, name, 'evengate.spdx.json'), 'utf8')) as SpdxDocument;
  }

  /** As the source maps of the bundle's parts have it, which esbuild makes on another way. */
  function packagesOfSourceMaps(): ReadonlySet<string> {
    const maps = globSync('one/**/*.js.map', { cwd: folder }).map((path) => readFileSync(join(folder, path), 'utf8'));
    const sources = maps.flatMap((text) => (JSON.parse(text) as { readonly sources: readonly string[] }).sources);
    const folders = sources.flatMap(
      (path) => /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
    );
    return new Set(
      folders.map((path) => {
        const text = readFileSync(join(root, path, 'package.json'), 'utf8');
        const { name, version } = JSON.parse(text) as { readonly name: string; readonly version: string };
        return `pkg:npm/${name.replace('@', '%40')}@${version}`;
      }),
    );
  }

  test('every package that is bundled is in it once, and no other', () => {
    const [evengate, ...others] = document.packages;
    expect(evengate?.name).toBe('evengate');
    expect(others.map(purlOf).toSorted()).toEqual([...packagesOfSourceMaps()].toSorted());
    expect(others.map(({ name }) => name)).toEqual(expect.arrayContaining(['commander', 'yaml', 'zod']));
  });

  test('each says its licence and its hash, is described or contained, and has an id of its own', () => {
    const ids = document.packages.map(({ SPDXID }) => SPDXID);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^SPDXRef-[a-zA-Z0-9.-]+$/.test(id))).toEqual([]);
    expect(document.relationships.map(({ relatedSpdxElement }) => relatedSpdxElement)).toEqual(ids);
    for (const one of document.packages.slice(1)) {
      expect(one.licenseDeclared).toMatch(/^[A-Za-z0-9.() -]+$/);
      expect(one.checksums?.[0]?.checksumValue).toMatch(/^[0-9a-f]{128}$/);
    }
  });

  test('the texts of the licences lie beside it', () => {
    const text = readFileSync(join(folder, 'one/evengate.licenses.txt'), 'utf8');
    for (const { name, versionInfo, licenseDeclared } of document.packages.slice(1)) {
      expect(text).toContain(`\n${name} ${versionInfo} (${licenseDeclared})\n`);
    }
    expect(text).toContain('Permission is hereby granted');
  });

  test('equal sources give equal bytes; it is dated by SOURCE_DATE_EPOCH', () => {
    expect(build('two')).toEqual(document);
    expect(document.creationInfo.created).toBe('2027-01-15T08:00:00Z');
  });
});

test('what has bytes in no output, and what is ours, is no package of others', () => {
  const inputs = {
    'src/main.ts': { bytesInOutput: 10 },
    'node_modules/yaml/dist/index.js': { bytesInOutput: 1 },
    'node_modules/zod/index.js': { bytesInOutput: 0 },
  };
  const output = { inputs, bytes: 11, imports: [], exports: [] };
  const [yaml, ...others] = bundledPackages({ outputs: { 'a.js': output, 'b.js': output } }, root);
  expect(others).toEqual([]);
  expect(yaml).toMatchObject({ name: 'yaml', license: 'ISC' });
  expect(licensesText(yaml === undefined ? [] : [yaml])).toContain('yaml 2.9.1 (ISC)');
});

test('an image contains Evengate, with its packages, and what else is in it', () => {
  const created = '2027-01-15T08:00:00Z';
  const bundle = bundleSbom('1.2.3', [], created);
  const image = imageSbom(bundle, [
    { name: 'node', version: '24.0.0', purl: 'pkg:generic/node@24.0.0', license: 'MIT' },
  ]);
  expect(image.packages.map(({ name }) => name)).toEqual(['evengate-image', 'evengate', 'node']);
  expect(
    image.relationships.map((one) => `${one.spdxElementId} ${one.relationshipType} ${one.relatedSpdxElement}`),
  ).toEqual([
    'SPDXRef-DOCUMENT DESCRIBES SPDXRef-Package-evengate-image-1.2.3',
    'SPDXRef-Package-evengate-image-1.2.3 CONTAINS SPDXRef-Package-evengate-1.2.3',
    'SPDXRef-Package-evengate-image-1.2.3 CONTAINS SPDXRef-Package-node-24.0.0',
  ]);
  expect(image.documentNamespace).not.toBe(bundle.documentNamespace);
});

test('a date that is none is refused', () => {
  const before = process.env['SOURCE_DATE_EPOCH'];
  process.env['SOURCE_DATE_EPOCH'] = 'today';
  try {
    expect(() => creationTime(root)).toThrow('SOURCE_DATE_EPOCH is "today"; give seconds since 1970');
  } finally {
    if (before === undefined) delete process.env['SOURCE_DATE_EPOCH'];
    else process.env['SOURCE_DATE_EPOCH'] = before;
  }
});
