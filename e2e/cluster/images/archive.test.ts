import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { tarHeader } from '../../../src/controllers/support/tar.ts';
import { pack, type Recipe } from './archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'evengate-archive-'));
const cache = process.env['XDG_CACHE_HOME'];
const program = join(folder, 'program');

beforeAll(() => {
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
});

afterAll(() => {
  if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = cache;
  rmSync(folder, { recursive: true });
});

function recipe(text: string): Recipe {
  writeFileSync(program, text);
  return {
    name: 'example.com/a/b:dev',
    layers: [
      [
        { path: 'tmp', content: { folder: true }, mode: 0o1777 },
        { path: 'usr/bin/program', content: { file: program } },
      ],
      [{ path: 'etc/settings', content: { text: 'one\n' } }],
    ],
    entrypoint: ['/usr/bin/program'],
    user: '65532:65532',
  };
}

const tar = (...words: readonly string[]) => execFileSync('tar', words, { encoding: 'utf8' });
const listed = (archive: string) => tar('--utc', '--numeric-owner', '-tvf', archive).trim().split('\n');

test('an image is an archive as docker load reads it', async () => {
  const { name, archive } = await pack(recipe('x'.repeat(513)));
  expect(name).toBe('example.com/a/b:dev');
  expect(JSON.parse(tar('-xOf', archive, 'manifest.json'))).toEqual([
    { Config: 'config.json', RepoTags: [name], Layers: ['layer-0.tar', 'layer-1.tar'] },
  ]);
  tar('-C', folder, '-xf', archive);
  expect(listed(join(folder, 'layer-0.tar'))).toEqual([
    expect.stringMatching(/^drwxrwxrwt 0\/0 +0 1970-01-01 00:00 tmp\/$/),
    expect.stringMatching(/^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 usr\/$/),
    expect.stringMatching(/^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 usr\/bin\/$/),
    expect.stringMatching(/^-rwxr-xr-x 0\/0 +513 1970-01-01 00:00 usr\/bin\/program$/),
  ]);
  const sums = ['layer-0.tar', 'layer-1.tar'].map((layer) =>
    execFileSync('sha256sum', [join(folder, layer)], { encoding: 'utf8' }).slice(0, 64),
  );
  expect(JSON.parse(tar('-xOf', archive, 'config.json'))).toMatchObject({
    config: { Entrypoint: ['/usr/bin/program'], User: '65532:65532' },
    rootfs: { type: 'layers', diff_ids: sums.map((sum) => `sha256:${sum}`) },
  });
});

test('equal content is packed once, with equal bytes; other content replaces it', async () => {
  const first = await pack(recipe('one'));
  const bytes = readFileSync(first.archive);
  expect(await pack(recipe('one'))).toEqual(first);
  const second = await pack(recipe('two'));
  expect(second.archive).not.toBe(first.archive);
  const again = await pack(recipe('one'));
  expect(again).toEqual(first);
  expect(readFileSync(again.archive).equals(bytes)).toBe(true);
});

test('a path that tar cannot hold is refused', () => {
  expect(() => tarHeader({ path: 'x'.repeat(101), mode: 0o644, size: 0 })).toThrow(
    'longer than the bytes that a tar header has',
  );
});
