/** Which ConfigMap holds which file. Pure. */
import type { EdgeFile } from '../../render/edge.ts';
import { bodyOf } from '../publication/content.ts';

/** File name -> ConfigMap. */
export type Assignment = ReadonlyMap<string, string>;

export interface Shard {
  readonly name: string;
  /** Bytes, names included. */
  readonly room: number;
}

/** The API server takes 1 MiB of values; what is left is for names and annotations. */
export const shardBytes = 1_020_000;
/** `<hash>.<number>` in its quotes. */
const versionBytes = 40;

const known = new WeakMap<EdgeFile, number>();

/** Upper bound of what the file takes in a ConfigMap. */
export function bytesOf(file: EdgeFile): number {
  const before = known.get(file);
  if (before !== undefined) return before;
  const bytes = Buffer.byteLength(file.name) + Buffer.byteLength(bodyOf(file, '')) + versionBytes;
  known.set(file, bytes);
  return bytes;
}

/** A file stays where it is while it fits there. Undefined where they do not fit at all. */
export function assign(
  before: Assignment,
  sizes: ReadonlyMap<string, number>,
  shards: readonly Shard[],
): Assignment | undefined {
  const bySize = [...sizes].toSorted(([a, small], [b, large]) => small - large || (a < b ? -1 : 1));
  const room = new Map(shards.map(({ name, room: bytes }) => [name, bytes]));
  const found = new Map<string, string>();
  const take = (file: string, bytes: number, shard: string | undefined): boolean => {
    const left = (shard === undefined ? undefined : room.get(shard)) ?? -1;
    if (shard === undefined || left < bytes) return false;
    room.set(shard, left - bytes);
    found.set(file, shard);
    return true;
  };
  // The largest moves where one has to: then the others stay.
  for (const [file, bytes] of bySize) take(file, bytes, before.get(file));
  const homeless = bySize.filter(([file]) => !found.has(file)).toReversed();
  const housed = homeless.every(([file, bytes]) => shards.some(({ name }) => take(file, bytes, name)));
  if (housed) return found;
  return before.size === 0 ? undefined : assign(new Map(), sizes, shards);
}
