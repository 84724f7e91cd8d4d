/** What is wrong with all objects, kept up to date change by change. */
import { describeRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import type { Results } from './memo.ts';

type Found = Pick<Results<{ readonly findings: readonly Finding[] }>, 'changes'>;

/** The findings of several collections, in the order of these and of the objects' names; the same list while it is. */
export function findingsOf(): (...collections: readonly Found[]) => readonly Finding[] {
  const known: Map<string, readonly Finding[]>[] = [];
  let all: readonly Finding[] = [];
  return (...collections) => {
    const moved = collections.map(({ changes }, index) => {
      const own = known[index] ?? new Map<string, readonly Finding[]>();
      known[index] = own;
      return take(changes, own);
    });
    if (moved.includes(true)) all = distinct(known.flatMap(inOrder));
    return all;
  };
}

/** Whether there is anything to tell. */
function take(changes: Found['changes'], known: Map<string, readonly Finding[]>): boolean {
  let moved = false;
  for (const { key, after } of changes) {
    moved = known.delete(key) || moved;
    if (after === undefined || after.findings.length === 0) continue;
    known.set(key, after.findings);
    moved = true;
  }
  return moved;
}

function inOrder(known: ReadonlyMap<string, readonly Finding[]>): readonly Finding[] {
  return [...known].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, findings]) => findings);
}

/** A mistake in a policy is found once on every route that it guards. */
export function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [identity(finding), finding])).values()];
}

function identity({ about, at, reason, message }: Finding): string {
  return `${describeRef(about)} ${at} ${reason} ${message}`;
}
