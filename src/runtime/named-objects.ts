/**
 * Single objects of one type that others refer to, each watched by its name, so that RBAC can be limited by resourceNames and
 * no other Secret is ever read. Each holds a socket while it is watched: meant for hundreds, not thousands.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ApiError } from '../kube/client.ts';
import type { KubeObject, ObjectKey } from '../kube/object.ts';
import { joined } from './cache.ts';
import { Latch, Listeners } from './listeners.ts';
import { byName } from './paths.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import type { ChangeListener } from './source.ts';

export type NamedObjectsOptions<T extends KubeObject> = Omit<
  ReflectorOptions<T>,
  'namespace' | 'labelSelector' | 'fieldSelector'
>;

/** What is known of one wanted object. Where it is `forbidden` or `failing`, it may be held as it was seen last. */
export type NamedState =
  /** The server has not answered yet. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'present' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'forbidden'; readonly error: ApiError }
  | { readonly kind: 'failing'; readonly error: ApiError };

export interface NamedStateChange {
  readonly key: ObjectKey;
  readonly state: NamedState;
}

interface Watched<T extends KubeObject> {
  readonly reflector: Reflector<T>;
  readonly stop: AbortController;
  told: NamedState['kind'];
}

export class NamedObjects<T extends KubeObject> {
  readonly #options: NamedObjectsOptions<T>;
  readonly #watched = new Map<ObjectKey, Watched<T>>();
  readonly #snapshot: () => ReadonlyMap<ObjectKey, T>;
  readonly #changes: Listeners<Parameters<ChangeListener<T>>[0]>;
  readonly #states: Listeners<NamedStateChange>;
  readonly #waiting = new Set<Latch>();
  readonly #runs = new Set<Promise<void>>();
  /** A watch lasts longer than the change that asked for it, and is no part of its trace. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #running = false;

  constructor(options: NamedObjectsOptions<T>) {
    this.#options = options;
    this.#snapshot = joined(() => [...this.#watched.values()].map(({ reflector }) => reflector.snapshot()));
    const { log, count, type } = options;
    const failed = (error: unknown) => {
      count?.('listener_failure', type);
      log?.error('a listener failed; the objects are stored all the same', { resource: type.plural, error });
    };
    this.#changes = new Listeners(failed);
    this.#states = new Listeners(failed);
  }

  /** From now on these, and no others: those that are wanted no more are forgotten without a change being told. */
  want(keys: ReadonlySet<ObjectKey>): void {
    for (const [key, { stop }] of this.#watched) {
      if (keys.has(key)) continue;
      this.#watched.delete(key);
      stop.abort();
    }
    for (const key of keys) {
      if (!this.#watched.has(key)) this.#add(key);
    }
    this.#wake();
  }

  snapshot(): ReadonlyMap<ObjectKey, T> {
    return this.#snapshot();
  }

  get(key: ObjectKey): T | undefined {
    return this.#watched.get(key)?.reflector.get(key);
  }

  resourceVersionOf(key: ObjectKey): string | undefined {
    return this.#watched.get(key)?.reflector.resourceVersionOf(key);
  }

  /** Undefined where it is not wanted. */
  stateOf(key: ObjectKey): NamedState | undefined {
    const reflector = this.#watched.get(key)?.reflector;
    return reflector && namedState(key, reflector);
  }

  /** Something is known of each that is wanted, be it that it cannot be read. */
  get synced(): boolean {
    return [...this.#watched].every(([key, { reflector }]) => namedState(key, reflector).kind !== 'starting');
  }

  /** Rejects with the signal's reason. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    while (!this.synced) {
      const latch = new Latch();
      this.#waiting.add(latch);
      await latch.wait(signal).finally(() => this.#waiting.delete(latch));
    }
  }

  onChange(listener: ChangeListener<T>): () => void {
    return this.#changes.add(listener);
  }

  /** Also when an object comes and goes; its change is told before. */
  onState(listener: (change: NamedStateChange) => void): () => void {
    return this.#states.add(listener);
  }

  /** Until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    for (const watched of this.#watched.values()) this.#start(watched);
    const stopped = new Latch();
    signal.addEventListener('abort', () => stopped.open(), { once: true });
    if (!signal.aborted) await stopped.wait();
    this.#running = false;
    for (const { stop } of this.#watched.values()) stop.abort();
    await Promise.all(this.#runs);
  }

  #add(key: ObjectKey): void {
    const slash = key.indexOf('/');
    const within = slash < 0 ? {} : { namespace: key.slice(0, slash) };
    const reflector = new Reflector<T>({ ...this.#options, ...within, fieldSelector: byName(key.slice(slash + 1)) });
    const watched: Watched<T> = { reflector, stop: new AbortController(), told: 'starting' };
    this.#watched.set(key, watched);
    const heeded = () => this.#watched.get(key) === watched;
    reflector.onChange((changes) => {
      if (!heeded()) return;
      this.#changes.tell(changes);
      this.#tellState(key, watched);
    });
    // A first answer that brings an object is told with its change.
    reflector.onState(({ kind }) => {
      if (heeded() && !(kind === 'synced' && reflector.size > 0 && watched.told === 'starting'))
        this.#tellState(key, watched);
    });
    if (this.#running) this.#start(watched);
  }

  #start({ reflector, stop }: Watched<T>): void {
    const run = this.#outside(() => reflector.run(stop.signal)).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  #tellState(key: ObjectKey, watched: Watched<T>): void {
    const state = namedState(key, watched.reflector);
    if (state.kind === watched.told) return;
    watched.told = state.kind;
    this.#states.tell({ key, state });
    this.#wake();
  }

  #wake(): void {
    for (const latch of this.#waiting) latch.open();
  }
}

function namedState<T extends KubeObject>(key: ObjectKey, reflector: Reflector<T>): NamedState {
  const { state } = reflector;
  if (state.kind === 'starting') return { kind: 'starting' };
  if (state.kind === 'synced') return { kind: reflector.get(key) === undefined ? 'absent' : 'present' };
  return { kind: state.cause === 'forbidden' ? 'forbidden' : 'failing', error: state.error };
}
