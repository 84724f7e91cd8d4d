/** What a folder of manifests becomes: objects that know where they were written, and what could not be read. */
import type { KubeObject } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ManifestObject {
  readonly object: KubeObject;
  readonly file: string;
  /**
   * Where a field such as `spec.rules[0].matches[1].path.value` is written: the key of a map's entry, the start of a
   * list's item. A path that is not in the text gives its closest ancestor's place, '' the object's first character.
   */
  readonly locate: (fieldPath: string) => Position;
}

/** Text from which no object can be read at all. */
export interface InputProblem {
  readonly position: Position;
  /** What is wrong, one sentence without a full stop at its end; never quotes values (they may be a Secret's). */
  readonly message: string;
  /** What to do about it, one imperative sentence without a full stop at its end. */
  readonly remedy: string;
}

export interface LocatedFinding extends Finding {
  readonly position: Position;
}

export interface ParsedFile {
  readonly path: string;
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly InputProblem[];
  readonly findings: readonly LocatedFinding[];
  /** False if anything that is ours to serve was left out; a watcher then keeps the file's last complete objects. */
  readonly complete: boolean;
  /** Kept so that the next parse of this file only reads the documents whose text changed. */
  readonly documents: readonly ParsedDocument[];
}

/** One YAML document, with places relative to its own first line. */
export interface ParsedDocument {
  readonly text: string;
  readonly objects: readonly { readonly object: KubeObject; readonly prefix: string }[];
  readonly problems: readonly InputProblem[];
  readonly findings: readonly LocatedFinding[];
  readonly complete: boolean;
}

export function comparePaths(left: { readonly path: string }, right: { readonly path: string }): number {
  if (left.path === right.path) return 0;
  return left.path < right.path ? -1 : 1;
}
