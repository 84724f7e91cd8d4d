/** How messages repeat what a user wrote: short, printable, with the name that was probably meant. */

/** In double quotes, at most 64 characters of it, control characters escaped. */
export function quoteShort(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 63)}…` : text);
}

/** The one of `names` that `written` most likely stands for, if any is near. */
export function closest(written: string, names: readonly string[]): string | undefined {
  if (written.length > 64) return undefined;
  const word = written.toLowerCase();
  const ranked = names
    .map((name) => ({ name, distance: editDistance(word, name.toLowerCase()) }))
    .toSorted((left, right) => left.distance - right.distance);
  const best = ranked[0];
  if (best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 4))) return best.name;
  return names.find(
    (name) => word.length > 3 && (word.includes(name.toLowerCase()) || name.toLowerCase().includes(word)),
  );
}

/** Levenshtein's. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let index = 0; index < left.length; index += 1) {
    const next = [index + 1];
    for (let at = 0; at < right.length; at += 1) {
      const swap = (row[at] ?? 0) + (right[at] === left[index] ? 0 : 1);
      next.push(Math.min(swap, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
