/** One Envoy process here, told by a folder. */
import { type Before, nothingBefore, stateBefore, waitForVersions } from '../envoy/acknowledge.ts';
import { writeAtomically } from '../envoy/files.ts';
import type { EnvoyProcess } from '../envoy/process.ts';
import { rejectionsFrom } from '../envoy/rejection.ts';
import { untilWarm } from '../envoy/warm.ts';
import { type Content, expectedOf, notLoaded, rootOf } from '../publication/content.ts';
import type { Answer, Target } from '../publication/publisher.ts';
import { refusalsOf } from '../publication/refusals.ts';

export class LocalTarget implements Target {
  /** The one that runs, and has found in the folder what was placed last before it started. */
  envoy: EnvoyProcess | undefined;
  readonly #directory: string;
  /**
   * Everything in the directory. What is not published any more stays until Envoy ends: listeners that drain go on
   * reading their files, for minutes, and complain about each that is gone.
   */
  #bodies: ReadonlyMap<string, string | Buffer> = new Map();
  #before: Before = nothingBefore;
  #taken: { readonly content: Content; readonly by: EnvoyProcess } | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  serving(): boolean {
    return this.envoy !== undefined;
  }

  isServed(content: Content): boolean {
    return this.envoy !== undefined && this.#taken?.content === content && this.#taken.by === this.envoy;
  }

  async begin(): Promise<void> {
    // A folder has room for everything.
  }

  async place(content: Content, signal: AbortSignal): Promise<void> {
    const { envoy } = this;
    this.#before = envoy === undefined ? nothingBefore : await stateBefore(envoy.admin, envoy.log);
    signal.throwIfAborted();
    const bodies = [...content].map(
      ([name, { body }]) => [name, typeof body === 'string' ? body : Buffer.from(body)] as const,
    );
    this.#bodies = new Map(envoy === undefined ? bodies : [...this.#bodies, ...bodies]);
    await writeAtomically(this.#directory, this.#bodies);
  }

  /** Throws the signal's reason when Envoy ends meanwhile. */
  async settle(content: Content, signal: AbortSignal): Promise<Answer> {
    const { envoy } = this;
    if (envoy === undefined || this.isServed(content)) return { taken: true };
    const { admin, log } = envoy;
    const answer = await waitForVersions({ admin, log, before: this.#before, expected: expectedOf(content), signal });
    if (!answer.acknowledged) return { taken: false, refusals: refusalsOf(content, answer) };
    const missing = notLoaded(content, expectedOf(content), await untilWarm({ admin, signal }));
    if (missing.length > 0) {
      const rejected = rejectionsFrom(missing.map(rootOf), log.since(0));
      return { taken: false, refusals: refusalsOf(content, { acknowledged: false, rejected, pending: [] }) };
    }
    this.#taken = { content, by: envoy };
    return { taken: true };
  }
}
