/** Files to one Snapshot. Collections that did not change keep their identity, as later stages memoise on it. */
import { type KubeObject, keyOf, type ObjectKey, type ObjectRef, objectKey, refOf } from '../../kube/object.ts';
import { emptySnapshot, isWatchedKind, type Snapshot, type WatchedKind } from '../../kube/snapshot.ts';
import {
  comparePaths,
  type InputProblem,
  type LocatedFinding,
  type ManifestObject,
  type ParsedFile,
  type Position,
} from './source.ts';

export type { ParsedFile } from './source.ts';

export interface ManifestSet {
  readonly snapshot: Snapshot;
  readonly findings: readonly LocatedFinding[];
  readonly problems: readonly InputProblem[];
  /** Where an object's field is written; undefined if no file holds the object. */
  locate(about: ObjectRef, fieldPath: string): Position | undefined;
}

type Written = ReadonlyMap<ObjectKey, ManifestObject>;

/** Of objects with the same kind and name the first wins: files by path, then by place. */
export function assemble(files: readonly ParsedFile[], previous?: ManifestSet): ManifestSet {
  const sorted = files.toSorted(comparePaths);
  const { written, duplicates } = collect(sorted);
  const findings = [...sorted.flatMap((file) => file.findings), ...duplicates];
  return {
    snapshot: snapshotOf(written, previous?.snapshot ?? emptySnapshot),
    findings: findings.toSorted(comparePositions),
    problems: sorted.flatMap((file) => file.problems),
    locate: (about, fieldPath) => {
      return written.get(about.kind)?.get(keyOf(about.namespace, about.name))?.locate(fieldPath);
    },
  };
}

interface Collected {
  readonly written: ReadonlyMap<string, Written>;
  readonly duplicates: readonly LocatedFinding[];
}

function collect(files: readonly ParsedFile[]): Collected {
  const written = new Map<string, Map<ObjectKey, ManifestObject>>();
  const duplicates: LocatedFinding[] = [];
  for (const file of files) {
    for (const entry of file.objects) {
      const ofKind = written.get(entry.object.kind) ?? new Map<ObjectKey, ManifestObject>();
      written.set(entry.object.kind, ofKind);
      const key = objectKey(entry.object);
      const first = ofKind.get(key);
      if (first === undefined) ofKind.set(key, entry);
      else duplicates.push(duplicateOf(entry, first));
    }
  }
  return { written, duplicates };
}

function duplicateOf(entry: ManifestObject, first: ManifestObject): LocatedFinding {
  const { file, line } = first.locate('');
  return {
    about: refOf(entry.object),
    severity: 'error',
    reason: 'Conflicted',
    at: 'metadata.name',
    message: `The same object is already written at ${file}:${line}, which counts`,
    remedy: 'Remove one of the two, or rename it',
    position: entry.locate('metadata.name'),
  };
}

function snapshotOf(written: ReadonlyMap<string, Written>, previous: Snapshot): Snapshot {
  const changed: Partial<Record<WatchedKind, ReadonlyMap<ObjectKey, KubeObject>>> = {};
  for (const kind of Object.keys(emptySnapshot).filter(isWatchedKind)) {
    const now = written.get(kind) ?? new Map<ObjectKey, ManifestObject>();
    if (sameObjects(now, previous[kind])) continue;
    changed[kind] = new Map([...now].map(([key, entry]) => [key, entry.object]));
  }
  if (Object.keys(changed).length === 0) return previous;
  // Of core kinds, `typeCoreObject` has checked the fields that their types name.
  return { ...previous, ...changed } as Snapshot;
}

/** Also in the same order: a Map's order is seen by those who walk it. */
function sameObjects(now: Written, before: ReadonlyMap<ObjectKey, KubeObject>): boolean {
  if (now.size !== before.size) return false;
  const others = before.values();
  for (const entry of now.values()) if (entry.object !== others.next().value) return false;
  return true;
}

function comparePositions({ position: left }: LocatedFinding, { position: right }: LocatedFinding): number {
  return (
    comparePaths({ path: left.file }, { path: right.file }) || left.line - right.line || left.column - right.column
  );
}
