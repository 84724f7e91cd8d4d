/** Content that Envoys refused, by file and hash: it is not told again, or not believed when they acknowledge it. */
import { z } from 'zod';
import type { EdgeFile } from '../../render/edge.ts';
import type { Refusal, RefusedOf } from './content.ts';

/** What is remembered. */
export type Remembers = (refused: RefusedOf) => boolean;

interface RefusedFile {
  readonly file: string;
  readonly hash: string;
  readonly detail: string;
}

const dumpShape = z.array(z.object({ file: z.string(), hash: z.string(), detail: z.string() }).strict());

/** The oldest give way. */
const kept = 16;

export class RefusedContent {
  readonly #remembers: Remembers;
  readonly #files = new Map<string, RefusedFile>();

  constructor(remembers: Remembers = () => true) {
    this.#remembers = remembers;
  }

  add({ file, detail }: Refusal): void {
    const { kind } = file.subscription;
    if (this.#remembers({ kind, detail })) this.#keep({ file: file.name, hash: file.hash, detail });
  }

  /** For another process; '' where there is nothing to tell. */
  dump(): string {
    return this.#files.size === 0 ? '' : JSON.stringify([...this.#files.values()]);
  }

  /** What `dump` said. Anything else is passed over: then it is refused once more. */
  restore(dumped: string): void {
    const { data = [] } = dumpShape.safeParse(parsed(dumped));
    for (const { file, hash, detail } of data) {
      const kind = kindOf(file);
      if (kind === undefined || this.#remembers({ kind, detail })) this.#keep({ file, hash, detail });
    }
  }

  clear(): void {
    this.#files.clear();
  }

  /** One a file name. */
  among(files: readonly EdgeFile[]): readonly Refusal[] {
    const found = new Map<string, Refusal>();
    for (const file of files) {
      const known = this.#files.get(keyOf(file.name, file.hash));
      if (known !== undefined && !found.has(file.name)) found.set(file.name, { file, detail: known.detail });
    }
    return [...found.values()];
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

function kindOf(file: string): EdgeFile['subscription']['kind'] | undefined {
  return (['lds', 'cds', 'rds', 'ecds', 'sds'] as const).find((kind) => file.startsWith(kind));
}

function keyOf(file: string, hash: string): string {
  return `${file} ${hash}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
