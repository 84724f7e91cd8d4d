/** Components that start and end together. */
import { aborted, onAbort } from './signals.ts';

export interface Component {
  readonly name: string;
  /**
   * Works until `stop`, then finishes what it had begun and resolves; `cut` says that nobody waits for that any longer.
   * Rejects, or resolves unasked, when it is broken, and everything ends.
   */
  run(stop: AbortSignal, cut: AbortSignal): Promise<void>;
  /** Makes it a cache: started before everything else, which waits until this is undefined; else why it is not synced. */
  unsynced?(): string | undefined;
  readonly needsLeadership?: boolean;
}

export class ComponentGroup {
  readonly #components: Component[] = [];
  readonly #running = new Map<Component, Promise<void>>();
  readonly #dead: string[] = [];
  readonly #stop = new AbortController();
  readonly #fail: (error: unknown, component: string) => void;

  /** `fail` is told of components that end by themselves. */
  constructor(fail: (error: unknown, component: string) => void) {
    this.#fail = fail;
  }

  add(component: Component): void {
    this.#components.push(component);
  }

  start(cut: AbortSignal): void {
    // Then every group ends at once, for the little time that is left is the same for all.
    onAbort(cut, () => this.#stop.abort(cut.reason));
    for (const component of this.#components) this.#running.set(component, this.#run(component, cut));
  }

  /** Those that are not synced, and why. */
  unsynced(): readonly (readonly [name: string, why: string])[] {
    return this.#components.flatMap((component) => {
      const why = component.unsynced?.();
      return why === undefined ? [] : [[component.name, why] as const];
    });
  }

  /** Names of those that ended by themselves. */
  dead(): readonly string[] {
    return this.#dead;
  }

  /** Resolves when all have ended; rejects with the names of the others once `overdue` is aborted. */
  async stop(overdue: AbortSignal): Promise<void> {
    this.#stop.abort(new Error('the process is ending'));
    await Promise.race([Promise.all(this.#running.values()), aborted(overdue)]);
    const names = [...this.#running.keys()].map(({ name }) => name);
    if (names.length > 0) throw new Error(`did not end in time: ${names.join(', ')}`);
  }

  async #run(component: Component, cut: AbortSignal): Promise<void> {
    const stop = this.#stop.signal;
    try {
      await component.run(stop, cut);
      if (!stop.aborted) throw new Error(`${component.name} ended, though nobody stopped it`);
    } catch (error) {
      if (!stop.aborted || !isAbort(error, [stop, cut])) {
        this.#dead.push(component.name);
        this.#fail(error, component.name);
      }
    } finally {
      this.#running.delete(component);
    }
  }
}

/** The component passed on what it was stopped with. */
function isAbort(error: unknown, signals: readonly AbortSignal[]): boolean {
  const passedOn = signals.some((signal) => signal.aborted && signal.reason === error);
  return passedOn || (error instanceof Error && error.name === 'AbortError');
}
