/** Those who want to know, none of whom can disturb the teller. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => unknown>();
  readonly #failed: (error: unknown) => void;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  add(listener: (event: Event) => unknown): () => void {
    // A listener given twice is two.
    const own = (event: Event) => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Errors, also of promises that listeners return, are reported, not thrown. */
  tell(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch(this.#failed);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}

/** Something that happens once, and may be waited for. */
export class Latch {
  readonly #opened = Promise.withResolvers<void>();
  #isOpen = false;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    this.#isOpen = true;
    this.#opened.resolve();
  }

  /** Rejects with the signal's reason. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (this.#isOpen || signal === undefined) return await this.#opened.promise;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#opened.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
