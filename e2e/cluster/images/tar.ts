/** Tar files (POSIX ustar): owned by root, dated 1970. */

export interface TarEntry {
  /** A folder's ends in a slash. At most 100 bytes. */
  readonly path: string;
  readonly mode: number;
  /** Bytes of what follows the header. */
  readonly size: number;
}

const block = 512;

export function tarHeader({ path, mode, size }: TarEntry): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Error(`${path} is longer than the 100 bytes that a tar header has`);
  const header = Buffer.alloc(block);
  const octal = (value: number, width: number) => value.toString(8).padStart(width, '0');
  header.write(path, 0);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136);
  header.write(path.endsWith('/') ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  // The sum counts its own eight bytes as blanks.
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

/** Fills the last block of content of this size. */
export function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

export const tarEnd = Buffer.alloc(2 * block);
