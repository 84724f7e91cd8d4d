/** Whether a file's new text may be half of one that is still being written. */
import { objectKey } from '../../kube/object.ts';
import type { ParsedFile } from './source.ts';

export const emptyText = '';

/**
 * Editors and copies truncate, then write, then rename. What loses or breaks an object, or stops in mid-line, waits for a
 * second look, so that no guard is gone for the moment between; what only adds or changes is taken at once.
 */
export function isDoubtful(
  before: ParsedFile | undefined,
  after: ParsedFile,
  textBefore = emptyText,
  textAfter = emptyText,
): boolean {
  if (!after.complete || textAfter === emptyText) return true;
  if (textBefore.endsWith('\n') && !textAfter.endsWith('\n')) return true;
  if (textBefore.length > textAfter.length && textBefore.startsWith(textAfter)) return true;
  const kept = new Set(after.objects.map(({ object }) => `${object.kind} ${objectKey(object)}`));
  return before?.objects.some(({ object }) => !kept.has(`${object.kind} ${objectKey(object)}`)) ?? false;
}
