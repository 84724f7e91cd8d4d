import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ManifestSet } from './assemble.ts';
import { ManifestReader, readManifests } from './read.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'manifests-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

function route(name: string, spec = ''): string {
  return `apiVersion: evengate.dev/v1alpha1\nkind: Route\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
}

async function write(path: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

function names(set: ManifestSet): string[] {
  return [...set.snapshot.Route.values()].map((object) => object.metadata.name);
}

function problems(set: ManifestSet): string[] {
  return set.problems.map(({ position, message }) => `${position.file.replace(root, '')}:${position.line} ${message}`);
}

describe('readManifests', () => {
  test('takes folders by their manifests, sorted, without what is hidden or not ours', async () => {
    const skipped = ['.hidden.yaml', '.git/x.yaml', 'kustomization.yaml', 'Chart.yaml', 'notes.txt', 'sub/README.md'];
    for (const path of skipped) await write(path, route('no'));
    for (const name of ['b.yaml', 'a.yml', 'sub/c.yaml']) await write(name, route(name.replace(/\W/g, '-')));
    await write(
      'd.json',
      JSON.stringify({ apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata: { name: 'd-json' } }),
    );
    const set = await readManifests([root]);
    expect(names(set)).toEqual(['a-yml', 'b-yaml', 'd-json', 'sub-c-yaml']);
    expect(problems(set)).toEqual([]);
    expect(set.locate({ kind: 'Route', namespace: 'default', name: 'sub-c-yaml' }, 'spec')?.file).toBe(
      join(root, 'sub/c.yaml'),
    );
  });

  test('takes a named file as it is, and each file once', async () => {
    await write('x.txt', route('x'));
    await write('a/y.yaml', route('y'));
    await symlink(join(root, 'a/y.yaml'), join(root, 'a/z.yaml'));
    await symlink(root, join(root, 'a/loop'));
    await symlink(join(root, 'a'), join(root, 'b'));
    await symlink('self.yaml', join(root, 'self.yaml'));
    await symlink('gone', join(root, 'dangling'));
    const set = await readManifests([join(root, 'x.txt'), root, join(root, 'a/y.yaml')]);
    expect(names(set)).toEqual(['y', 'x']);
    expect(problems(set)).toEqual(['/self.yaml:1 The link leads back to itself']);
    expect(set.findings).toEqual([]);
  });

  test('takes - as stdin', async () => {
    async function* stdin(): AsyncGenerator<string> {
      yield route('a').slice(0, 30);
      yield `${route('a').slice(30)}---\n{`;
    }
    const set = await readManifests(['-'], stdin());
    expect(names(set)).toEqual(['a']);
    expect(set.problems[0]?.position).toMatchObject({ file: '<stdin>', line: 6 });
  });

  test('says what cannot be read', async () => {
    await write('latin.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe9));
    await write('huge.yaml', '');
    await truncate(join(root, 'huge.yaml'), 64 * 1024 * 1024 + 1);
    expect(problems(await readManifests([root, join(root, 'absent')]))).toEqual([
      '/absent:1 There is no such file or folder',
      '/huge.yaml:1 The file is larger than 64 MB',
      '/latin.yaml:1 The file is not UTF-8 text',
    ]);
  });
});

describe('ManifestReader', () => {
  test('reads again only what changed, and keeps everything else as it is', async () => {
    await write('a.yaml', `${route('a')}---\n${route('b')}`);
    await write('c.yaml', route('c'));
    const reader = new ManifestReader([root], { settleMs: 0 });
    const first = await reader.read();
    expect(await reader.read()).toMatchObject({ changed: [], unsettled: false });
    expect((await reader.read()).set).toBe(first.set);
    // The same size within the same grain of the file system's clock.
    await write('a.yaml', `${route('a')}---\n${route('d')}`);
    expect(await reader.read()).toMatchObject({ changed: [], unsettled: true });
    const second = await reader.read();
    expect(second.changed).toEqual([join(root, 'a.yaml')]);
    expect(names(second.set)).toEqual(['a', 'd', 'c']);
    for (const key of ['default/a', 'default/c']) {
      expect(second.set.snapshot.Route.get(key)).toBe(first.set.snapshot.Route.get(key));
    }
    expect(second.set.snapshot.Service).toBe(first.set.snapshot.Service);
  });

  test('a folder that cannot be looked into has not lost its files', async () => {
    await write('sub/a.yaml', route('a'));
    const reader = new ManifestReader([join(root, 'sub')], { settleMs: 0 });
    const first = await reader.read();
    await rm(join(root, 'sub'), { recursive: true });
    const second = await reader.read();
    expect(problems(second.set)).toEqual(['/sub:1 There is no such file or folder']);
    expect(second.set.snapshot).toBe(first.set.snapshot);
    await write('sub/a.yaml', route('a', 'x: 1'));
    const third = await reader.read();
    expect(third.set.snapshot.Route.get('default/a')?.spec).toEqual({ x: 1 });
    expect(third.set.problems).toEqual([]);
  });
});
