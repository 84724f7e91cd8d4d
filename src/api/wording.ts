/** How values, places and choices of a user's manifest are written in messages: short, on one line, nothing hidden. */

const maxShown = 60;

/** `spec.rules[0].matches[1]`; keys that are no plain words come as `["app.kubernetes.io/name"]`. */
export function formatPath(base: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((at, key) => {
    if (typeof key === 'number') return `${at}[${key}]`;
    const name = String(key);
    if (!/^[A-Za-z_][\w-]{0,59}$/.test(name)) return `${at}["${visible(name)}"]`;
    return at === '' ? name : `${at}.${name}`;
  }, base);
}

/** A value as a reader may see it: strings quoted, escaped and cut; containers only by their type. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `"${visible(value)}"`;
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** At most 60 characters; control, bidirectional and other invisible characters become escapes. */
export function visible(text: string): string {
  // Cut before splitting: the text may have 10 MB.
  const characters = Array.from(text.slice(0, 2 * maxShown + 2));
  const cut = characters.length > maxShown;
  const shown = (cut ? characters.slice(0, maxShown) : characters).map(escapeCharacter).join('');
  return cut ? `${shown}…` : shown;
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (character === '"' || character === '\\') return `\\${character}`;
  if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(character)) return character;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** `"A", "B" or "C"`; long lists end in a count. */
export function choices(values: readonly unknown[], limit = 20): string {
  const shown = values.slice(0, limit).map(show);
  if (values.length > limit) return `${shown.join(', ')} and ${values.length - limit} more`;
  const last = shown.pop() ?? 'nothing';
  return shown.length === 0 ? last : `${shown.join(', ')} or ${last}`;
}

/** The candidate that was probably meant: same but for case, or at most two typing errors (one in short words), or the one that ends in the word. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.slice(0, 100).toLowerCase();
  const ranked = candidates
    .filter((candidate) => Math.abs(candidate.length - word.length) <= 2)
    .map((candidate) => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= (candidate.length < 5 ? 1 : 2))
    .toSorted((left, right) => left.distance - right.distance);
  const extended = candidates.filter((candidate) => word.length > 3 && candidate.toLowerCase().endsWith(lower));
  return ranked[0]?.candidate ?? (extended.length === 1 ? extended[0] : undefined);
}

/** Levenshtein, where two swapped neighbours count once. */
export function editDistance(left: string, right: string): number {
  let older: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (older[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    older = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
