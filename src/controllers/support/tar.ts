/** Tar files (POSIX ustar): owned by root, dated 1970 unless they say otherwise. */

export interface TarEntry {
  /** A folder's ends in a slash. At most 100 bytes, or 256 where a slash parts it into at most 155 and 100. */
  readonly path: string;
  readonly mode: number;
  /** Bytes of what follows the header. */
  readonly size: number;
  /** Seconds since the epoch; 0 when absent. */
  readonly modified?: number;
}

const block = 512;

/** Throws where the path has no room. */
export function tarHeader({ path, mode, size, modified = 0 }: TarEntry): Buffer {
  const { prefix, name } = parted(path);
  const header = Buffer.alloc(block);
  const octal = (value: number, width: number) => value.toString(8).padStart(width, '0');
  header.write(name, 0);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(modified, 11), 136);
  header.write(path.endsWith('/') ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  header.write(prefix, 345);
  // The sum counts its own eight bytes as blanks.
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

/** Readers put the slash between the two back. */
function parted(path: string): { readonly prefix: string; readonly name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path };
  const fits = (at: number) =>
    Buffer.byteLength(path.slice(0, at)) <= 155 && Buffer.byteLength(path.slice(at + 1)) <= 100;
  const slashes = [...path.matchAll(/\/(?=.)/g)].map(({ index }) => index);
  const at = slashes.find(fits);
  if (at === undefined) throw new Error(`${path} is longer than the bytes that a tar header has for it`);
  return { prefix: path.slice(0, at), name: path.slice(at + 1) };
}

/** Fills the last block of content of this size. */
export function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

export const tarEnd = Buffer.alloc(2 * block);
