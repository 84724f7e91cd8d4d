/** Key sets as entries of a ConfigMap, and what can be believed of such entries when they are read back. Pure. */
import { readJwks } from '../../../features/jwt/jwks.ts';
import { hostProblem } from '../../../features/jwt/uri.ts';
import { shortHash } from '../../../ir/child-name.ts';

/** By URI; each as `readJwks` writes it. */
export type KeySets = ReadonlyMap<string, string>;

export interface Entries {
  readonly data: Readonly<Record<string, string>>;
  /** URIs whose keys find no room. */
  readonly left: readonly string[];
}

/** A ConfigMap holds 1 MiB; what is not ours needs some of it. */
const mostBytes = 900 * 1024;

/** As many sets as find room, which the smaller ones do. The same for the same sets, in whatever order they come. */
export function entriesOf(sets: KeySets): Entries {
  const all = [...sets]
    .map(([uri, jwks]) => ({ uri, key: keyOf(uri), value: JSON.stringify({ uri, jwks: JSON.parse(jwks) as unknown }) }))
    .map((entry) => ({ ...entry, bytes: Buffer.byteLength(entry.key + entry.value) }))
    .toSorted((one, other) => one.bytes - other.bytes || (one.uri < other.uri ? -1 : 1));
  let size = 0;
  // In the order of their sizes: where one finds no room, no later one does.
  const kept = all.filter(({ bytes }) => {
    size += bytes;
    return size <= mostBytes;
  });
  return {
    data: Object.fromEntries(
      kept.map(({ key, value }) => [key, value] as const).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    ),
    left: all.slice(kept.length).map(({ uri }) => uri),
  };
}

export interface ReadEntries {
  readonly sets: KeySets;
  /** Of what is ignored: a sentence each, which quotes nothing that was read. */
  readonly problems: readonly string[];
}

/** Whoever can write the ConfigMap may have written it: an entry is held to what a server's answer is. */
export function readEntries(data: Readonly<Record<string, string>>): ReadEntries {
  const read = Object.entries(data).map(([key, value]) => ({ key, found: readEntry(key, value) }));
  return {
    sets: new Map(read.flatMap(({ found }) => (typeof found === 'string' ? [] : [[found.uri, found.jwks] as const]))),
    problems: read.flatMap(({ key, found }) => (typeof found === 'string' ? [`entry ${key}: ${found}`] : [])),
  };
}

interface Entry {
  readonly uri: string;
  readonly jwks: string;
}

function readEntry(key: string, value: string): Entry | string {
  const { uri, jwks } = parsed(value) ?? {};
  if (typeof uri !== 'string' || jwks === undefined) return 'it is not JSON of the form {"uri": …, "jwks": …}';
  if (key !== keyOf(uri)) return 'it is of another URI than its name says';
  if (!URL.canParse(uri)) return 'its URI is none';
  const refused = hostProblem(new URL(uri).hostname);
  if (refused !== undefined) return refused;
  const read = readJwks(JSON.stringify(jwks));
  return read.ok ? { uri, jwks: read.jwks } : read.problem;
}

function parsed(text: string): { readonly uri?: unknown; readonly jwks?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // The parser's own message would quote the text, which may hold anything.
    return undefined;
  }
}

/** A ConfigMap's keys cannot hold a URI. */
function keyOf(uri: string): string {
  return shortHash(uri, 16);
}
