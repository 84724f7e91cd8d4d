/** Which entry answers a request before and after: every pair of entries that some request may see change into each other. */
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Match, PathMatch } from '../../ir/match.ts';
import { literalStart, meetMatches, type Region, regionImplies, regionKey } from './region.ts';

export interface Pair {
  readonly region: Region;
  /** Undefined answers 404. */
  readonly before: RouteEntry | undefined;
  readonly after: RouteEntry | undefined;
}

const everything: Match = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] };

/**
 * Both lists in order of precedence. A pair is left out when, on one side, an earlier entry takes all that both match: so a
 * request's own two entries are always among the pairs. What they say may be the same.
 */
export function pairsOf(before: readonly RouteEntry[], after: readonly RouteEntry[]): readonly Pair[] {
  const old = new Side(before);
  const now = new Side(after);
  const met = new Set<number>();
  const pairs: Pair[] = [];
  const meet = (left: number, right: number) => {
    const key = left * (after.length + 1) + right;
    if (met.has(key)) return;
    met.add(key);
    const region = meetMatches(old.match(left), now.match(right));
    if (region === undefined || old.taker(region) !== left || now.taker(region) !== right) return;
    pairs.push({ region, before: before[left], after: after[right] });
  };
  for (let right = 0; right <= after.length; right += 1) {
    for (const left of old.around(now.match(right).path)) meet(left, right);
  }
  for (let left = 0; left <= before.length; left += 1) {
    for (const right of now.around(old.match(left).path)) meet(left, right);
  }
  return pairs.toSorted((a, b) => (regionKey(a.region) < regionKey(b.region) ? -1 : 1));
}

/** The entries of one side by path; one more at the end answers what no other does. */
class Side {
  readonly #entries: readonly RouteEntry[];
  readonly #byPath = new Map<string, number[]>();
  readonly #expressions: number[] = [];

  constructor(entries: readonly RouteEntry[]) {
    this.#entries = entries;
    for (let index = 0; index <= entries.length; index += 1) {
      const { type, value } = this.match(index).path;
      const at = type === 'RegularExpression' ? this.#expressions : (this.#byPath.get(value) ?? []);
      if (type !== 'RegularExpression') this.#byPath.set(value, at);
      at.push(index);
    }
  }

  match(index: number): Match {
    return this.#entries[index]?.match ?? everything;
  }

  /** Entries whose path may hold where this one does, without those below a prefix: they ask from the other side. */
  *around({ type, value }: PathMatch): Iterable<number> {
    if (type === 'RegularExpression') {
      for (let index = 0; index <= this.#entries.length; index += 1) yield index;
      return;
    }
    yield* this.#expressions;
    for (const path of ancestors(value)) yield* this.#byPath.get(path) ?? [];
  }

  /** The first entry that takes every request of the region. */
  taker(region: Region): number {
    let first = this.#entries.length;
    for (const path of region.paths) {
      for (const index of this.#covering(path)) {
        if (index < first && regionImplies(region, this.match(index))) first = index;
      }
    }
    return first;
  }

  *#covering({ type, value }: PathMatch): Iterable<number> {
    yield* this.#expressions;
    const under = type === 'RegularExpression' ? literalStart(value) : value;
    for (const path of ancestors(under)) yield* this.#byPath.get(path) ?? [];
  }
}

/** `/a/b`, `/a`, `/`: itself, and every prefix that may hold it. */
function ancestors(path: string): readonly string[] {
  const all = [path];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) all.push(path.slice(0, at));
  if (path !== '/') all.push('/');
  return all;
}
