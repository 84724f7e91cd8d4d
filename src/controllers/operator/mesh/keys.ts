/**
 * JWKS by URI, fetched by the operator for gateways in a mesh, so that both sides verify by the same keys: again every few
 * minutes, and what was had last stays until there is something better, also over a restart.
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
  /** Of before this process began, and for the next one; none when absent. */
  readonly kept?: KeptKeys | undefined;
  /** The system's resolver when absent. */
  readonly resolve?: Resolve | undefined;
  /** Why nobody may connect to an address; `hostProblem` when absent. */
  readonly refuse?: ((address: string) => string | undefined) | undefined;
  readonly counted?: ((result: 'fetched' | 'failed') => void) | undefined;
  /** The text of a URI; over the network when absent. */
  readonly fetch?: typeof fetchText | undefined;
}

/** The last good keys of each URI, as a `KeyStore` has them. */
export interface KeptKeys {
  want(uris: ReadonlySet<string>): void;
  get(uri: string): string | undefined;
  keep(uri: string, jwks: string): void;
  /** Whether those of before are known, or will not be soon. */
  readonly isAnswered: boolean;
  onAnswer(listener: () => void): void;
}

const refreshMs = 300_000;
const backOff = { firstMs: 1000, longestMs: 60_000 };
const timeoutMs = 5000;
const maxBytes = 1024 * 1024;

interface Watched {
  readonly stop: AbortController;
  keys: FetchedKeys;
  /** Its server has answered, or failed to. */
  isAsked: boolean;
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
    options.kept?.onAnswer(() => this.#recall());
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
    this.#options.kept?.want(uris);
  }

  /** All that are wanted, also before they are known; the same object while nothing changed. */
  get all(): Collection<FetchedKeys> {
    this.#all ??= new Map([...this.#watched].map(([uri, { keys }]) => [uri, keys]));
    return this.#all;
  }

  /**
   * Each has been asked for, and where that failed, those of before are known. Those do not come first: keys may have been
   * rotated because they were stolen.
   */
  get answered(): boolean {
    const isKnown = this.#options.kept?.isAnswered ?? true;
    return [...this.#watched.values()].every(({ keys, isAsked }) => isAsked && (isKnown || keys.jwks !== undefined));
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
    const keys = found(uri, { jwks: this.#options.kept?.get(uri) });
    const watched: Watched = { stop: new AbortController(), keys, isAsked: false };
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
    const { clock, resolve, refuse = hostProblem, version, fetch = fetchText } = this.#options;
    const { signal } = watched.stop;
    try {
      const userAgent = `evengate/${version}`;
      const text = await fetch(uri, { clock, refuse, resolve, timeoutMs, maxBytes, userAgent, signal });
      const read = readJwks(text);
      if (!read.ok) throw new FetchProblem(read.problem);
      // As they are published: what a server only writes in another way is no change.
      this.#take(watched, found(uri, { jwks: read.jwks }));
      this.#options.kept?.keep(uri, read.jwks);
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      const problem = error instanceof Error ? error.message : String(error);
      this.#take(watched, found(uri, { jwks: watched.keys.jwks, problem }));
      return problem;
    }
  }

  /** Those of before are known now, or will not be. */
  #recall(): void {
    for (const [uri, watched] of this.#watched) {
      const { jwks = this.#options.kept?.get(uri), problem } = watched.keys;
      if (jwks === watched.keys.jwks) continue;
      watched.keys = found(uri, { jwks, problem });
      this.#all = undefined;
      if (watched.isAsked) this.#options.log.info('keys of before a restart are used', { uri });
    }
    this.#changed();
  }

  #take(watched: Watched, keys: FetchedKeys): void {
    const { keys: before, isAsked } = watched;
    const isSame = before.jwks === keys.jwks && before.problem === keys.problem;
    if (isSame && isAsked) return;
    watched.isAsked = true;
    this.#tell(keys, isAsked ? before : found(before.metadata.name));
    if (!isSame) {
      watched.keys = keys;
      this.#all = undefined;
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #tell({ metadata, jwks, problem }: FetchedKeys, before: FetchedKeys): void {
    const { log } = this.#options;
    const about = { uri: metadata.name };
    if (problem !== undefined) {
      if (problem !== before.problem) log.warn('cannot fetch keys', { ...about, problem, kept: jwks !== undefined });
    } else if (before.jwks === undefined) log.info('fetched keys', about);
    else log.info(before.jwks === jwks ? 'keys are the same' : 'keys changed', about);
  }
}

interface Known {
  readonly jwks?: string | undefined;
  readonly problem?: string | undefined;
}

function found(uri: string, { jwks, problem }: Known = {}): FetchedKeys {
  const apiVersion = watchedKinds.FetchedKeys;
  return {
    apiVersion,
    kind: 'FetchedKeys',
    metadata: { name: uri },
    ...(jwks !== undefined && { jwks }),
    ...(problem !== undefined && { problem }),
  };
}
