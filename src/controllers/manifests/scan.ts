/** Which manifests the given paths hold right now. */
import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FoundFile {
  readonly path: string;
  readonly real: string;
  /** Changes with every write that a file system tells apart. */
  readonly stamp: string;
  readonly size: number;
  readonly modified: number;
}

export interface Scan {
  /** Sorted by path, each file once, whatever links lead to it. */
  readonly files: readonly FoundFile[];
  /** Paths that cannot be looked into, with the system's error code. */
  readonly failures: ReadonlyMap<string, string>;
  /** Real path by `path@inode`: what to watch to notice every change of `files`. */
  readonly directories: ReadonlyMap<string, string>;
}

const skipped = new Set(['kustomization.yaml', 'kustomization.yml', 'Chart.yaml']);

/** Of a file in a folder; one that is named itself is always read. */
export function isManifestName(name: string): boolean {
  return /\.(?:yaml|yml|json)$/.test(name) && !skipped.has(name);
}

/** Files are taken as given; directories give their *.yaml, *.yml and *.json, hidden ones left out, links followed. */
export async function scanPaths(paths: readonly string[]): Promise<Scan> {
  const scanner = new Scanner();
  for (const path of paths) await scanner.root(path);
  const files = new Map<string, FoundFile>();
  for (const file of scanner.files.toSorted((left, right) => (left.path < right.path ? -1 : 1))) {
    if (!files.has(file.real)) files.set(file.real, file);
  }
  return { files: [...files.values()], failures: scanner.failures, directories: scanner.directories };
}

class Scanner {
  readonly files: FoundFile[] = [];
  readonly failures = new Map<string, string>();
  readonly directories = new Map<string, string>();

  async root(path: string): Promise<void> {
    await this.#watchDirectory(dirname(path));
    await this.#attempt(path, async () => {
      const stats = await stat(path, { bigint: true });
      if (stats.isDirectory()) return this.#directory(path, stats);
      const real = await realpath(path);
      if (dirname(real) !== dirname(path)) await this.#watchDirectory(dirname(real));
      this.#file(path, real, stats);
    });
  }

  async #directory(path: string, stats: BigIntStats): Promise<void> {
    const real = await realpath(path);
    const key = `${real}@${stats.ino}`;
    // The set of visited directories also ends cycles of links.
    if (this.#visited.has(key)) return;
    this.#visited.add(key);
    this.directories.set(key, real);
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const isManifest = isManifestName(entry.name);
      if (!isManifest && !entry.isDirectory() && !entry.isSymbolicLink()) continue;
      const child = join(path, entry.name);
      await this.#attempt(child, () => this.#child(child, entry.isSymbolicLink(), isManifest, join(real, entry.name)));
      // Removed since it was listed, or a link to nowhere that is no manifest by its name.
      if (this.failures.get(child) === 'ENOENT' && !(isManifest && entry.isSymbolicLink())) this.failures.delete(child);
    }
  }

  readonly #visited = new Set<string>();

  async #child(path: string, isLink: boolean, isManifest: boolean, plainReal: string): Promise<void> {
    const stats = await stat(path, { bigint: true });
    if (stats.isDirectory()) return this.#directory(path, stats);
    if (!isManifest || !stats.isFile()) return;
    const real = isLink ? await realpath(path) : plainReal;
    if (isLink) await this.#watchDirectory(dirname(real));
    this.#file(path, real, stats);
  }

  #file(path: string, real: string, stats: BigIntStats): void {
    // A pipe such as <(command) can be read once only, so it never counts as changed.
    const stamp = stats.isFile() ? `${real} ${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs}` : 'once';
    this.files.push({ path, real, stamp, size: Number(stats.size), modified: Number(stats.mtimeMs) });
  }

  async #watchDirectory(path: string): Promise<void> {
    try {
      const real = await realpath(path);
      this.directories.set(`${real}@${(await stat(real, { bigint: true })).ino}`, real);
    } catch {
      // Not there to be watched; whoever reads the path itself says so.
    }
  }

  async #attempt(path: string, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      this.failures.set(path, codeOf(error));
    }
  }
}

/** `ENOENT` and its like; rethrows what is no system error. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  throw error;
}
