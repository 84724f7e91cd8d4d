import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { fileName, tarGz } from './bundle.ts';

const long = 'n'.repeat(253);

test('tar unpacks what was packed, also under long names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ev-bundle-'));
  try {
    const paths = ['a.txt', `objects/${'s'.repeat(63)}/ratelimitpolicy/${fileName(long)}.yaml`];
    const files = new Map(paths.map((path, index) => [path, `${'x'.repeat(index * 600)}end\n`]));
    writeFileSync(join(folder, 'a.tar.gz'), tarGz(files, 'evengate-support-20260101-000000', 1_800_000_000));
    expect(spawnSync('tar', ['xzf', 'a.tar.gz'], { cwd: folder }).status).toBe(0);
    for (const [path, text] of files) {
      expect(readFileSync(join(folder, 'evengate-support-20260101-000000', path), 'utf8')).toBe(text);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('names of files stay apart', () => {
  const names = ['a.b', 'a/b', 'a_b', long, `${long.slice(1)}m`];
  expect(fileName('shop.v1')).toBe('shop.v1');
  expect(new Set(names.map(fileName)).size).toBe(names.length);
});
