/** A source that costs nothing until somebody wants it: then it lists and watches, for ever. */
import type { KubeObject, ObjectKey } from '../kube/object.ts';
import { Latch } from './listeners.ts';
import type { ChangeListener, Source, SourceState } from './source.ts';

export class OnDemand<T extends KubeObject> implements Source<T> {
  readonly #source: Source<T>;
  readonly #wanted = new Latch();

  constructor(source: Source<T>) {
    this.#source = source;
  }

  /** At any time, before `run` or after. */
  want(): void {
    this.#wanted.open();
  }

  get wanted(): boolean {
    return this.#wanted.isOpen;
  }

  snapshot(): ReadonlyMap<ObjectKey, T> {
    return this.#source.snapshot();
  }

  get(key: ObjectKey): T | undefined {
    return this.#source.get(key);
  }

  resourceVersionOf(key: ObjectKey): string | undefined {
    return this.#source.resourceVersionOf(key);
  }

  get synced(): boolean {
    return this.#source.synced;
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    await this.#source.whenSynced(signal);
  }

  get state(): SourceState {
    return this.#source.state;
  }

  onChange(listener: ChangeListener<T>): () => void {
    return this.#source.onChange(listener);
  }

  onState(listener: (state: SourceState) => void): () => void {
    return this.#source.onState(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    // Rejects only when aborted.
    await this.#wanted.wait(signal).catch(() => undefined);
    if (!signal.aborted) await this.#source.run(signal);
  }
}
