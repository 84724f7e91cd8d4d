import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { requiredParts, requirePart } from './parts.ts';

test('a part that is missing is written to the skip log, one line each', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-parts-'));
  try {
    const log = join(folder, 'skips');
    requirePart('envoy', 'no python3 here\n  install it', { EVENGATE_SKIP_LOG: log, EVENGATE_REQUIRE: 'root' });
    requirePart('cluster', 'no etcd', { EVENGATE_SKIP_LOG: log });
    expect(readFileSync(log, 'utf8')).toBe('envoy: no python3 here install it\ncluster: no etcd\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a part that EVENGATE_REQUIRE names fails instead of skipping', () => {
  expect(() => requirePart('envoy', 'no python3', { EVENGATE_REQUIRE: 'root, envoy' })).toThrow(
    'envoy is required, but no python3',
  );
});

test('a typo in EVENGATE_REQUIRE is refused', () => {
  expect(() => requiredParts({ EVENGATE_REQUIRE: 'envoi' })).toThrow('names "envoi"');
  expect(requiredParts({ EVENGATE_REQUIRE: '' })).toEqual([]);
  expect(requiredParts({ EVENGATE_REQUIRE: 'envoy,root' })).toEqual(['envoy', 'root']);
});
