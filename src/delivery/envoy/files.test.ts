import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { writeAtomically } from './files.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'evengate-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const files = (entries: Record<string, string>) => new Map(Object.entries(entries));
const read = (name: string) => readFileSync(join(directory, name), 'utf8');
const visible = () => readdirSync(directory).filter((name) => !name.startsWith('..'));

test('the files of a publication are there, and those that it no longer has are gone', async () => {
  await writeAtomically(directory, files({ 'lds.json': '1', 'rds-web.json': '1' }));
  await writeAtomically(directory, files({ 'lds.json': '2', 'sds-shop.json': '2' }));
  expect(visible().toSorted()).toEqual(['lds.json', 'sds-shop.json']);
  expect([read('lds.json'), read('sds-shop.json')]).toEqual(['2', '2']);
});

test('a directory that is missing is made, for its owner alone', async () => {
  const made = join(directory, 'a/b');
  await writeAtomically(made, files({ 'lds.json': 'x' }));
  expect(readFileSync(join(made, 'lds.json'), 'utf8')).toBe('x');
  expect(statSync(made).mode & 0o777).toBe(0o700);
  expect(statSync(join(made, 'lds.json')).mode & 0o777).toBe(0o600);
});

test('a reader that resolves ..data sees the files of one publication only, whenever it looks', async () => {
  const names = ['cds.json', 'lds.json', 'rds-web.json'];
  const publish = (version: number) =>
    writeAtomically(directory, new Map(names.map((name) => [name, String(version).repeat(1000)])));
  await publish(0);
  let writing = true;
  let looks = 0;
  const reader = async () => {
    while (writing) {
      const generation = realpathSync(join(directory, '..data'));
      const seen: string[] = [];
      for (const name of names) {
        seen.push(readFileSync(join(generation, name), 'utf8'));
        await new Promise(setImmediate); // the writer gets on between two files
      }
      expect(new Set(seen).size).toBe(1);
      looks += 1;
    }
  };
  const reading = reader();
  for (let version = 1; version <= 60; version += 1) await publish(version % 10);
  writing = false;
  await reading;
  expect(looks).toBeGreaterThan(20);
});

test('a new name is already linked when ..data swaps', async () => {
  await writeAtomically(directory, files({ 'lds.json': '1' }));
  const atSwap = new Promise<readonly string[]>((resolve) => {
    const watcher = watch(directory, (_, name) => {
      if (name !== '..data') return;
      watcher.close();
      resolve(visible());
    });
  });
  await writeAtomically(directory, files({ 'lds.json': '2', 'rds-new.json': '2' }));
  expect(await atSwap).toContain('rds-new.json');
});

test('old generations do not pile up', async () => {
  for (let version = 0; version < 5; version += 1)
    await writeAtomically(directory, files({ 'lds.json': `${version}` }));
  const generations = readdirSync(directory).filter((name) => /^\.\.\d/.test(name));
  expect(generations).toHaveLength(2);
});

test('a swap that was interrupted does not stand in the way', async () => {
  await writeAtomically(directory, files({ 'lds.json': '1' }));
  await import('node:fs/promises').then(({ symlink }) => symlink('..gone', join(directory, '..data_tmp')));
  await writeAtomically(directory, files({ 'lds.json': '2' }));
  expect(read('lds.json')).toBe('2');
});

test.each(['', '..data', '../x', 'a/b', '.'])('%j is refused as a name', async (name) => {
  await expect(writeAtomically(directory, files({ [name]: '' }))).rejects.toThrow('cannot be the name');
});
