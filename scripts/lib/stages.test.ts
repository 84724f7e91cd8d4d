import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import ByPath from './by-path.ts';
import { readJestResult } from './jest.ts';
import { resultLine } from './report.ts';
import { choose, stageGroups } from './stages.ts';

const groups = stageGroups(resolve(import.meta.dirname, '../..'));

function chosen(...words: readonly string[]) {
  const choice = choose(groups, words);
  return { stages: choice.groups.flat().map(({ name }) => name), paths: choice.paths };
}

test('words choose stages or test files', () => {
  expect(chosen().stages).toEqual(
    expect.arrayContaining(['types', 'lint', 'format', 'unit', 'envoy', 'bundle', 'cluster']),
  );
  expect(chosen('lint', 'types')).toEqual({ stages: ['types', 'lint'], paths: [] });
  expect(chosen('features/jwt')).toEqual({
    stages: ['unit', 'simulation', 'envoy', 'cluster'],
    paths: ['features/jwt'],
  });
  expect(chosen('unit', 'policy')).toEqual({ stages: ['unit'], paths: ['policy'] });
});

test.each([
  ['all good', { numPassedTests: 3 }, 0, { passed: 3, failed: 0, skipped: 0 }],
  ['skips and todos', { numPendingTests: 2, numTodoTests: 1 }, 0, { passed: 0, failed: 0, skipped: 3 }],
  ['a suite that does not load', { numRuntimeErrorTestSuites: 1 }, 1, { passed: 0, failed: 1, skipped: 0 }],
  ['a bad end without a failed test', { numPassedTests: 3 }, 1, { passed: 3, failed: 1, skipped: 0 }],
  ['no file at all', undefined, 0, { passed: 0, failed: 1, skipped: 0 }],
])('counts of a jest run: %s', (_name, given, exitCode, counts) => {
  const folder = mkdtempSync(join(tmpdir(), 'evengate-jest-'));
  const none = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  const file = { ...none, numRuntimeErrorTestSuites: 0, testResults: [], ...given };
  try {
    if (given !== undefined) writeFileSync(join(folder, 'out.json'), JSON.stringify(file));
    expect(readJestResult(join(folder, 'out.json'), exitCode).counts).toEqual(counts);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what shares one cluster runs in one order everywhere', () => {
  const order = new ByPath();
  const files = ['e2e/helm/b.test.ts', 'e2e/docs/z.test.ts', 'e2e/helm/a.test.ts'].map((path) => ({ path }));
  expect(order.sort(files).map(({ path }) => path)).toEqual(files.map(({ path }) => path).toSorted());
  const [cluster] = groups.flat().filter(({ name }) => name === 'cluster');
  expect(cluster).toMatchObject({
    options: expect.arrayContaining([expect.stringMatching(/--testSequencer=.*by-path/)]),
  });
});

test('result lines are aligned', () => {
  const counts = { passed: 1234, failed: 0, skipped: 12 };
  expect(resultLine('unit', counts, 3.21)).toBe('unit       1234 passed     0 failed    12 skipped     3.2 s');
});
