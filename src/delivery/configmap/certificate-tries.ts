/** Certificates that Envoys could not load, told to them again and again until they can: nobody says when a Secret comes. */
import type { EdgeFile } from '../../render/edge.ts';
import type { Clock } from '../clock.ts';
import type { Content } from '../publication/content.ts';
import { respelled } from '../publication/respelled.ts';

/** Before each try, and before all that follow; in milliseconds, each up to a fifth longer. */
const pausesMs = [2000, 5000, 10_000, 20_000] as const;
const longestPauseMs = 25_000;

export interface Try {
  readonly due: boolean;
  /** Names of files. */
  readonly spared: ReadonlySet<string>;
}

export class CertificateTries {
  readonly #clock: Clock;
  /** File name -> hash that was refused last. */
  #missing: ReadonlyMap<string, string> = new Map();
  /** Those that were taken from the Envoys before they could be loaded: a listener on its way out still has read them. */
  readonly #left = new Map<string, string>();
  #tries = 0;
  #nextAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is time for a try; the next one comes later. */
  begin(): boolean {
    const due = this.#missing.size > 0 && this.#clock.monotonic() >= this.#nextAt;
    if (due) this.#plan();
    return due;
  }

  /** `files` in the words that are in place; in a try, those of missing certificates but `spared` in other words. */
  spell(files: readonly EdgeFile[], content: Content, { due, spared }: Try): readonly EdgeFile[] {
    return files.map((file) => {
      if (file.subscription.kind !== 'sds') return file;
      const inPlace = content.get(file.name);
      const last = inPlace?.file.hash ?? this.#left.get(file.name);
      const other = respelled(file);
      const turn =
        inPlace === undefined ? last !== undefined : due && this.#missing.has(file.name) && !spared.has(file.name);
      return (last === other.hash) === turn ? file : other;
    });
  }

  /** Tells which are missing of what is in place; milliseconds until the next try, if any. */
  note(unusable: ReadonlySet<string>, content: Content): number | undefined {
    const missing = new Map(
      [...unusable].flatMap((name) => {
        const hash = content.get(name)?.file.hash;
        return hash === undefined ? [] : [[name, hash] as const];
      }),
    );
    for (const [name, hash] of this.#missing) if (!content.has(name)) this.#left.set(name, hash);
    for (const name of content.keys()) this.#left.delete(name);
    const isNew = [...missing.keys()].some((name) => !this.#missing.has(name));
    this.#missing = missing;
    if (missing.size === 0) return undefined;
    if (isNew) {
      this.#tries = 0;
      this.#plan();
    }
    return Math.max(1, this.#nextAt - this.#clock.monotonic());
  }

  #plan(): void {
    const pauseMs = pausesMs[this.#tries] ?? longestPauseMs;
    this.#tries += 1;
    this.#nextAt = this.#clock.monotonic() + pauseMs * (1 + this.#clock.random() / 5);
  }
}
