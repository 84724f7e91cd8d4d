/** The access log of an Envoy, for tests that wait for a line. */
import { EventEmitter, once } from 'node:events';

export type AccessLine = Readonly<Record<string, unknown>>;

export class AccessLines {
  readonly #lines: string[] = [];
  readonly #arrivals = new EventEmitter().setMaxListeners(0);

  add(line: string): void {
    this.#lines.push(line);
    this.#arrivals.emit('line');
  }

  /** As Envoy wrote them. */
  get text(): readonly string[] {
    return this.#lines;
  }

  /** The first line that fits, also of those that are there. Throws after `timeoutMs`, or at a line that is no JSON. */
  async line(fits: (line: AccessLine) => boolean, timeoutMs = 5000): Promise<AccessLine> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = this.#lines.map((text) => JSON.parse(text) as AccessLine).find(fits);
      if (found !== undefined) return found;
      await once(this.#arrivals, 'line', { signal }).catch(() => {
        throw new Error(`no such line within ${timeoutMs} ms; there are:\n${this.#lines.join('\n')}`);
      });
    }
  }
}
