/** Follows manifests on disk: a change is taken up within some 30 ms, and nothing half-written ever is. */
import { type FSWatcher, watch } from 'node:fs';
import type { ManifestSet } from './assemble.ts';
import { ManifestReader, type ReaderOptions } from './read.ts';

export interface WatchOptions extends ReaderOptions {
  /** From the first event of a burst to the look at the disk; default 20. */
  readonly debounceMs?: number;
  /** How often to look without any event, for file systems that send none; default 2000. */
  readonly pollMs?: number;
}

export interface ManifestWatch {
  readonly current: ManifestSet;
  close(): Promise<void>;
}

export type OnChange = (set: ManifestSet, changedFiles: readonly string[]) => void;

/** Resolves when everything is read once. What `onChange` throws ends the process, as any broken machinery does. */
export async function watchManifests(
  paths: readonly string[],
  onChange: OnChange,
  options: WatchOptions = {},
): Promise<ManifestWatch> {
  const reader = new ManifestReader(paths, options);
  const first = await reader.read();
  const watcher = new ManifestWatcher(reader, first.set, onChange, options);
  watcher.follow(first.directories);
  return watcher;
}

class ManifestWatcher implements ManifestWatch {
  current: ManifestSet;
  readonly #reader: ManifestReader;
  readonly #onChange: OnChange;
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #poll: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(reader: ManifestReader, current: ManifestSet, onChange: OnChange, options: WatchOptions) {
    this.#reader = reader;
    this.current = current;
    this.#onChange = onChange;
    this.#options = options;
    this.#poll = setInterval(() => this.#schedule(0), options.pollMs ?? 2000);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#looking;
  }

  /** One watch a directory, not a recursive one: links and swapped directories are seen on every system. */
  follow(directories: ReadonlyMap<string, string>): void {
    for (const [key, watcher] of this.#watchers) {
      if (directories.has(key)) continue;
      watcher.close();
      this.#watchers.delete(key);
    }
    for (const [key, path] of directories) {
      if (!this.#closed && !this.#watchers.has(key)) this.#watch(key, path);
    }
  }

  #watch(key: string, path: string): void {
    try {
      const watcher = watch(path, () => this.#schedule(this.#debounceMs));
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(key);
      });
      this.#watchers.set(key, watcher);
      // What happened between the look at this directory and its watch sent no event.
      this.#schedule(this.#debounceMs);
    } catch {
      // Gone already, or the system has no watches left: the poll is behind it.
    }
  }

  get #debounceMs(): number {
    return this.#options.debounceMs ?? 20;
  }

  /** The earliest look that anyone asked for, so that a stream of events cannot put it off. */
  #schedule(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (this.#closed || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      void this.#lookInTurn();
    }, delayMs);
  }

  async #lookInTurn(): Promise<void> {
    const before = this.#looking;
    const look = (async () => {
      await before;
      if (!this.#closed) await this.#look();
    })();
    this.#looking = look;
    await look;
    if (this.#looking === look) this.#looking = undefined;
  }

  async #look(): Promise<void> {
    const { set, changed, unsettled, directories } = await this.#reader.read();
    if (this.#closed) return;
    this.follow(directories);
    if (unsettled) this.#schedule(this.#options.settleMs ?? 50);
    if (changed.length === 0) return;
    this.current = set;
    this.#onChange(set, changed);
  }
}
