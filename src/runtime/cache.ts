/** One resource type in all namespaces, or in some, as one collection. */
import type { KubeObject, ObjectKey } from '../kube/object.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import type { ChangeListener, Source, SourceState } from './source.ts';

export interface CacheOptions<T extends KubeObject> extends Omit<ReflectorOptions<T>, 'namespace'> {
  /** All when absent or empty; a list needs rights in each of them only. Of no meaning to cluster-scoped types. */
  readonly namespaces?: readonly string[] | undefined;
}

export function cache<T extends KubeObject>({ namespaces, ...options }: CacheOptions<T>): Source<T> {
  if (namespaces === undefined || namespaces.length === 0 || !options.type.namespaced) return new Reflector(options);
  const reflectors = [...new Set(namespaces)].map((namespace) => new Reflector({ ...options, namespace }));
  return reflectors.length === 1 && reflectors[0] !== undefined ? reflectors[0] : new Union(reflectors);
}

/** Sources whose keys differ, as one. */
class Union<T extends KubeObject> implements Source<T> {
  readonly #sources: readonly Source<T>[];
  readonly #snapshot: () => ReadonlyMap<ObjectKey, T>;

  constructor(sources: readonly Source<T>[]) {
    this.#sources = sources;
    this.#snapshot = joined(() => sources.map((source) => source.snapshot()));
  }

  snapshot(): ReadonlyMap<ObjectKey, T> {
    return this.#snapshot();
  }

  get(key: ObjectKey): T | undefined {
    return first(this.#sources, (source) => source.get(key));
  }

  resourceVersionOf(key: ObjectKey): string | undefined {
    return first(this.#sources, (source) => source.resourceVersionOf(key));
  }

  get synced(): boolean {
    return this.#sources.every(({ synced }) => synced);
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.whenSynced(signal)));
  }

  /** Of the worst: one that is behind, else one that is starting. */
  get state(): SourceState {
    const states = this.#sources.map(({ state }) => state);
    const worst = states.find(({ kind }) => kind === 'behind') ?? states.find(({ kind }) => kind === 'starting');
    return worst ?? latest(states);
  }

  onChange(listener: ChangeListener<T>): () => void {
    return all(this.#sources.map((source) => source.onChange(listener)));
  }

  onState(listener: (state: SourceState) => void): () => void {
    let told: SourceState | undefined;
    const tell = () => {
      const { state } = this;
      if (state === told) return;
      told = state;
      listener(state);
    };
    return all(this.#sources.map((source) => source.onState(tell)));
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.run(signal)));
  }
}

/** One Map of several, the same one as long as each of them is the same. */
export function joined<T>(parts: () => readonly ReadonlyMap<ObjectKey, T>[]): () => ReadonlyMap<ObjectKey, T> {
  let known: readonly ReadonlyMap<ObjectKey, T>[] | undefined;
  let whole: ReadonlyMap<ObjectKey, T> = new Map();
  return () => {
    const now = parts();
    const same =
      known !== undefined && known.length === now.length && known.every((part, index) => part === now[index]);
    if (same) return whole;
    known = now;
    whole = new Map(now.flatMap((part) => [...part]));
    return whole;
  };
}

function first<S, R>(sources: readonly S[], read: (source: S) => R | undefined): R | undefined {
  for (const source of sources) {
    const found = read(source);
    if (found !== undefined) return found;
  }
  return undefined;
}

function latest(states: readonly SourceState[]): SourceState {
  return states.reduce((a, b) => (b.since > a.since ? b : a), { kind: 'synced', since: 0 });
}

function all(steps: readonly (() => void)[]): () => void {
  return () => {
    for (const step of steps) step();
  };
}
