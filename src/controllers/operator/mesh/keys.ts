/**
 * JWKS by URI, fetched by the operator for gateways in a mesh, so that both sides verify by the same keys: again every few
 * minutes, and what was had last stays until there is something better.
 */

import { readJwks } from '../../../features/jwt/jwks.ts';
import { hostProblem } from '../../../features/jwt/uri.ts';
import { type Collection, type FetchedKeys, watchedKinds } from '../../../kube/snapshot.ts';
import { BackOff } from '../../../runtime/back-off.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { FetchProblem, fetchText, type Resolve } from '../../../runtime/fetch-text.ts';
import type { Log } from '../../../runtime/logger.ts';

export interface KeysOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly version: string;
  /** Keys that were had before this process began. */
  readonly kept: (uri: string) => string | undefined;
  /** The system's resolver when absent. */
  readonly resolve?: Resolve | undefined;
  /** Why nobody may connect to an address; `hostProblem` when absent. */
  readonly refuse?: ((address: string) => string | undefined) | undefined;
  readonly counted?: ((result: 'fetched' | 'failed') => void) | undefined;
}

const refreshMs = 300_000;
const backOff = { firstMs: 1000, longestMs: 60_000 };
const timeoutMs = 5000;
const maxBytes = 1024 * 1024;

interface Watched {
  readonly stop: AbortController;
  /** Undefined until something is known. */
  keys: FetchedKeys | undefined;
}

export class Keys {
  readonly #options: KeysOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<() => void>();
  readonly #runs = new Set<Promise<void>>();
  #all: Collection<FetchedKeys> | undefined = new Map();
  #running = false;

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  /** From now on these, and no others. */
  want(uris: ReadonlySet<string>): void {
    for (const [uri, { stop }] of this.#watched) {
      if (uris.has(uri)) continue;
      this.#watched.delete(uri);
      this.#all = undefined;
      stop.abort();
    }
    for (const uri of uris) if (!this.#watched.has(uri)) this.#add(uri);
  }

  /** All that are wanted, also before they are known; the same object while nothing changed. */
  get all(): Collection<FetchedKeys> {
    this.#all ??= new Map([...this.#watched].map(([uri, { keys }]) => [uri, keys ?? found(uri)]));
    return this.#all;
  }

  /** Something is known of each, be it that it cannot be fetched. */
  get answered(): boolean {
    return [...this.#watched.values()].every(({ keys }) => keys !== undefined);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    for (const [uri, watched] of this.#watched) this.#start(uri, watched);
    const ended = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => ended.resolve(), { once: true });
    if (!signal.aborted) await ended.promise;
    this.#running = false;
    for (const { stop } of this.#watched.values()) stop.abort();
    await Promise.all(this.#runs);
  }

  #add(uri: string): void {
    const kept = this.#options.kept(uri);
    const watched: Watched = { stop: new AbortController(), keys: kept === undefined ? undefined : found(uri, kept) };
    this.#watched.set(uri, watched);
    this.#all = undefined;
    if (this.#running) this.#start(uri, watched);
  }

  #start(uri: string, watched: Watched): void {
    const run = this.#follow(uri, watched).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  async #follow(uri: string, watched: Watched): Promise<void> {
    const { clock } = this.#options;
    const { signal } = watched.stop;
    const pauses = new BackOff(clock, backOff);
    while (!signal.aborted) {
      const isGood = await this.#fetch(uri, watched);
      if (isGood) pauses.reset();
      const pause = isGood ? refreshMs * (0.9 + clock.random() / 5) : pauses.next();
      // Rejects only when aborted.
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #fetch(uri: string, watched: Watched): Promise<boolean> {
    const { signal } = watched.stop;
    const problem = await this.#try(uri, watched);
    if (signal.aborted) return false;
    this.#options.counted?.(problem === undefined ? 'fetched' : 'failed');
    return problem === undefined;
  }

  /** Why there are no newer keys. */
  async #try(uri: string, watched: Watched): Promise<string | undefined> {
    const { clock, resolve, refuse = hostProblem, version } = this.#options;
    const { signal } = watched.stop;
    try {
      const userAgent = `evengate/${version}`;
      const text = await fetchText(uri, { clock, refuse, resolve, timeoutMs, maxBytes, userAgent, signal });
      const read = readJwks(text);
      if (!read.ok) throw new FetchProblem(read.problem);
      // As they are published: what a server only writes in another way is no change.
      this.#take(watched, found(uri, read.jwks));
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      const problem = error instanceof Error ? error.message : String(error);
      this.#take(watched, { ...(watched.keys ?? found(uri)), problem });
      return problem;
    }
  }

  #take(watched: Watched, keys: FetchedKeys): void {
    const before = watched.keys;
    if (before !== undefined && before.jwks === keys.jwks && before.problem === keys.problem) return;
    watched.keys = keys;
    this.#all = undefined;
    this.#tell(keys, before);
    for (const listener of this.#listeners) listener();
  }

  #tell({ metadata, jwks, problem }: FetchedKeys, before: FetchedKeys | undefined): void {
    const { log } = this.#options;
    const about = { uri: metadata.name };
    if (problem === undefined) log.info(before?.jwks === undefined ? 'fetched keys' : 'keys changed', about);
    else if (problem !== before?.problem)
      log.warn('cannot fetch keys', { ...about, problem, kept: jwks !== undefined });
  }
}

function found(uri: string, jwks?: string): FetchedKeys {
  const apiVersion = watchedKinds.FetchedKeys;
  return { apiVersion, kind: 'FetchedKeys', metadata: { name: uri }, ...(jwks !== undefined && { jwks }) };
}
