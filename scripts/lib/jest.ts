/** Counts out of jest's --json file. */
import { existsSync, readFileSync } from 'node:fs';
import type { Counts } from './report.ts';

interface JestFile {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export interface JestResult {
  readonly counts: Counts;
  /** Files with skipped tests, with how many. */
  readonly skippedIn: readonly { readonly file: string; readonly count: number }[];
}

/** A suite that fails to load counts as one failed test; so does jest when it ends badly without naming a test. */
export function readJestResult(path: string, exitCode: number): JestResult {
  if (!existsSync(path)) return { counts: { passed: 0, failed: 1, skipped: 0 }, skippedIn: [] };
  const file = JSON.parse(readFileSync(path, 'utf8')) as JestFile;
  const named = file.numFailedTests + file.numRuntimeErrorTestSuites;
  return {
    counts: {
      passed: file.numPassedTests,
      failed: named === 0 && exitCode !== 0 ? 1 : named,
      skipped: file.numPendingTests + file.numTodoTests,
    },
    skippedIn: file.testResults.flatMap((suite) => {
      const count = suite.assertionResults.filter(({ status }) => status === 'pending' || status === 'todo').length;
      return count > 0 ? [{ file: suite.name, count }] : [];
    }),
  };
}
