/** Content that Envoys refused, by file and hash: it is not told again, or not believed when they acknowledge it. */
import type { EdgeFile } from '../../render/edge.ts';
import type { Refusal } from './content.ts';

/** `kind` of the files that are remembered. */
export type Remembers = (kind: EdgeFile['subscription']['kind']) => boolean;

export interface RefusedFile {
  readonly file: string;
  readonly hash: string;
  readonly detail: string;
}

/** The oldest give way. */
const kept = 16;

export class RefusedContent {
  readonly #remembers: Remembers;
  readonly #files = new Map<string, RefusedFile>();

  constructor(remembers: Remembers = () => true) {
    this.#remembers = remembers;
  }

  add({ file, detail }: Refusal): void {
    if (this.#remembers(file.subscription.kind)) this.#keep({ file: file.name, hash: file.hash, detail });
  }

  /** In the order in which they were refused. */
  list(): readonly RefusedFile[] {
    return [...this.#files.values()];
  }

  restore(files: readonly RefusedFile[]): void {
    for (const file of files) this.#keep(file);
  }

  clear(): void {
    this.#files.clear();
  }

  among(files: readonly EdgeFile[]): readonly Refusal[] {
    return files.flatMap((file) => {
      const known = this.#files.get(keyOf(file.name, file.hash));
      return known === undefined ? [] : [{ file, detail: known.detail }];
    });
  }

  #keep(file: RefusedFile): void {
    const key = keyOf(file.file, file.hash);
    this.#files.delete(key);
    this.#files.set(key, file);
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= kept) return;
      this.#files.delete(oldest);
    }
  }
}

function keyOf(file: string, hash: string): string {
  return `${file} ${hash}`;
}
