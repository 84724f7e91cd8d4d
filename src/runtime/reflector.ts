/** One resource type, or a selection of it, mirrored: list, then watch, for ever. client-go's Reflector and Store. */
import { ApiError, type ListOptions, type ResourceType } from '../kube/client.ts';
import { type KubeObject, type ObjectKey, objectKey } from '../kube/object.ts';
import { BackOff } from './back-off.ts';
import { type KubeClient, listPages } from './client.ts';
import type { Clock } from './clock.ts';
import { Latch, Listeners } from './listeners.ts';
import type { Log } from './logger.ts';
import { briefMs, OpenWatch } from './open-watch.ts';
import { deepFreeze, withoutBookkeeping } from './project.ts';
import type { BehindCause, ChangeListener, Source, SourceState } from './source.ts';
import { type Arrival, Store } from './store.ts';
import type { WatchEvent } from './watch-stream.ts';

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly client: Pick<KubeClient, 'listPage' | 'watch'>;
  readonly clock: Clock;
  readonly type: ResourceType;
  /** What is kept of an object; it must keep name and namespace, and not fail. `withoutBookkeeping` when absent. The result is frozen. */
  readonly project?: ((raw: KubeObject) => T) | undefined;
  readonly log?: Pick<Log, 'info' | 'warn' | 'error'> | undefined;
  /** That the resource type is missing, or out of reach, is no trouble. */
  readonly optional?: boolean | undefined;
  /** For metrics. */
  readonly count?: ((what: ReflectorCount, type: ResourceType) => void) | undefined;
}

/** `expired`: the resourceVersion was compacted, and everything is listed again. */
export type ReflectorCount = 'list' | 'watch' | 'expired' | 'failure' | 'listener_failure';

/** The server ends a watch after this, so that watches spread over servers, and nothing hangs for ever. */
const watchSeconds = { least: 240, most: 300 };
/** Nothing for this long after the server should have ended the watch: the connection is dead. */
const graceMs = 15_000;
const backOff = { firstMs: 200, longestMs: 30_000 };
/** Between attempts when the server just ends watches: it works, but not for long. */
const longestPauseMs = 2000;
/** RBAC and CRDs change when a person changes them. */
const calmMs = { least: 1000, most: 10_000 };
const longestRetryAfterMs = 60_000;
/** After so many refusals in a row the place in the stream is given up, and everything listed again. */
const refusalsBeforeList = 3;

/** API servers have answered with empty lists and 200: all, or so many at once and more than half, are not gone for one list. */
const fewestOfMass = 10;
const secondThoughtMs = 1000;

export class Reflector<T extends KubeObject> implements Source<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #store = new Store<T>();
  readonly #backOff: BackOff;
  readonly #listed = new Latch();
  readonly #changes: Listeners<Parameters<ChangeListener<T>>[0]>;
  readonly #states: Listeners<SourceState>;
  #state: SourceState;
  /** resourceVersion to watch from; only ever one that the server named. Undefined: list first. */
  #position: string | undefined;
  #refusals = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backOff = new BackOff(options.clock, backOff);
    const failed = (error: unknown) => this.#listenerFailed(error);
    this.#changes = new Listeners(failed);
    this.#states = new Listeners(failed);
    this.#state = { kind: 'starting', since: options.clock.monotonic() };
  }

  get synced(): boolean {
    return this.#listed.isOpen;
  }

  get state(): SourceState {
    return this.#state;
  }

  get size(): number {
    return this.#store.size;
  }

  snapshot(): ReadonlyMap<ObjectKey, T> {
    return this.#store.snapshot();
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  resourceVersionOf(key: ObjectKey): string | undefined {
    return this.#store.resourceVersionOf(key);
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    await this.#listed.wait(signal);
  }

  onChange(listener: ChangeListener<T>): () => void {
    return this.#changes.add(listener);
  }

  onState(listener: (state: SourceState) => void): () => void {
    return this.#states.add(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pause = await this.#listAndWatch(signal);
      // Rejects only when aborted.
      if (pause > 0) await this.#options.clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  /** Until the watch ends in whatever way; milliseconds to wait before the next. */
  async #listAndWatch(signal: AbortSignal): Promise<number> {
    const watch = new OpenWatch(this.#options.clock, signal);
    try {
      this.#position ??= await this.#list(signal);
      await this.#watch(watch, this.#position);
      return this.#ended(watch);
    } catch (error) {
      return signal.aborted ? 0 : this.#failed(asApiError(error), watch);
    } finally {
      watch.close();
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { clock, log } = this.#options;
    let listed = await this.#listOnce(signal);
    if (isMassLoss(this.#store.lossWith(listed.arrivals), this.#store.size)) {
      log?.warn('most objects are missing from a list; it is asked for again before that is believed', this.#about);
      await clock.sleep(secondThoughtMs, signal);
      listed = await this.#listOnce(signal);
    }
    const changes = this.#store.replace(listed.arrivals);
    // Who waits for it goes on after those who listen.
    this.#listed.open();
    if (this.#state.kind === 'starting') this.#become({ kind: 'synced', since: clock.monotonic() });
    if (changes.length > 0) this.#changes.tell(changes);
    return listed.resourceVersion;
  }

  /** Without a resourceVersion: from etcd, not from an API server's cache. */
  async #listOnce(signal: AbortSignal): Promise<Listed<T>> {
    const { client, type } = this.#options;
    const selection = this.#selection;
    let arrivals: Arrival<T>[] = [];
    let resourceVersion = '';
    this.#count('list');
    for await (const page of listPages((part) => client.listPage(type, { ...selection, ...part, signal }))) {
      if (page.restarted) arrivals = [];
      arrivals.push(...page.items.map((raw) => this.#arrival(raw)));
      resourceVersion = page.resourceVersion;
    }
    return { arrivals, resourceVersion };
  }

  async #watch(watch: OpenWatch, resourceVersion: string): Promise<void> {
    const { client, clock, type } = this.#options;
    const { least, most } = watchSeconds;
    const timeoutSeconds = Math.round(least + (most - least) * clock.random());
    const selection = this.#selection;
    this.#count('watch');
    const batches = await client.watch(type, { ...selection, resourceVersion, timeoutSeconds, ending: watch.ending });
    watch.opened(timeoutSeconds * 1000 + graceMs);
    if (this.#state.kind === 'behind') this.#caughtUp();
    for await (const events of batches) {
      watch.heard(events.length);
      if (events.length > 0) this.#take(events);
    }
  }

  #take(events: readonly WatchEvent[]): void {
    this.#backOff.reset();
    this.#refusals = 0;
    const changes = events.flatMap(({ type, object }) => {
      this.#position = object.metadata.resourceVersion;
      if (type === 'BOOKMARK') return [];
      if (type === 'DELETED') return this.#store.remove(objectKey(object), object.metadata.uid);
      return this.#store.put(this.#arrival(object));
    });
    if (changes.length > 0) this.#changes.tell(changes);
  }

  #arrival(raw: KubeObject): Arrival<T> {
    const { uid, resourceVersion } = raw.metadata;
    return { object: deepFreeze(this.#project(raw)), uid, resourceVersion };
  }

  #project(raw: KubeObject): T {
    const { project = withoutBookkeeping<T>, log } = this.#options;
    try {
      return project(raw);
    } catch (error) {
      // One strange object must not keep the others from being seen.
      log?.error('cannot project an object; it is kept whole', { ...this.#about, object: objectKey(raw), error });
      return withoutBookkeeping<T>(raw);
    }
  }

  /** The server ended it, as it should from time to time. */
  #ended(watch: OpenWatch): number {
    if (!watch.wasBrief) {
      this.#backOff.reset();
      this.#refusals = 0;
    }
    return watch.lasted < briefMs ? this.#backOff.next(longestPauseMs) : 0;
  }

  #failed(error: ApiError, watch: OpenWatch): number {
    this.#count(isExpired(error) ? 'expired' : 'failure');
    if (isExpired(error)) {
      this.#position = undefined;
      return this.#backOff.next();
    }
    if (!watch.wasBrief) this.#backOff.reset();
    // A stream that breaks is nothing yet; one that cannot be had is.
    if (watch.wasBrief) this.#fellBehind(error);
    const answered = error.code !== 0 || error.reason === 'Malformed';
    this.#refusals = answered ? this.#refusals + 1 : this.#refusals;
    if (this.#refusals >= refusalsBeforeList) {
      this.#refusals = 0;
      this.#position = undefined;
    }
    const calm = causeOf(error) === 'failing' ? undefined : calmMs;
    const pause = Math.max(calm?.least ?? 0, this.#backOff.next(calm?.most));
    return Math.max(pause, Math.min(error.retryAfterMs ?? 0, longestRetryAfterMs));
  }

  #fellBehind(error: ApiError): void {
    const cause = causeOf(error);
    const { clock, log, optional } = this.#options;
    const known = this.#state;
    const already = known.kind === 'behind' && known.cause === cause;
    const level = optional === true && cause !== 'failing' ? 'info' : 'warn';
    if (!already || known.error.code !== error.code)
      log?.[level]('cannot list or watch; trying on', { ...this.#about, cause, error });
    this.#become({ kind: 'behind', since: already ? known.since : clock.monotonic(), cause, error });
  }

  #caughtUp(): void {
    this.#options.log?.info('lists and watches again', this.#about);
    this.#become({ kind: 'synced', since: this.#options.clock.monotonic() });
  }

  #become(state: SourceState): void {
    this.#state = state;
    this.#states.tell(state);
  }

  #listenerFailed(error: unknown): void {
    this.#count('listener_failure');
    this.#options.log?.error('a listener failed; the objects are stored all the same', { ...this.#about, error });
  }

  #count(what: ReflectorCount): void {
    this.#options.count?.(what, this.#options.type);
  }

  get #selection(): ListOptions {
    const { namespace, labelSelector, fieldSelector, metadataOnly = false } = this.#options;
    return { ...defined({ namespace, labelSelector, fieldSelector }), ...(metadataOnly && { metadataOnly }) };
  }

  get #about(): Readonly<Record<string, string>> {
    const { type, namespace, labelSelector, fieldSelector } = this.#options;
    const resource = type.group === '' ? type.plural : `${type.plural}.${type.group}`;
    return { resource, ...defined({ namespace, labelSelector, fieldSelector }) };
  }
}

interface Listed<T extends KubeObject> {
  readonly arrivals: readonly Arrival<T>[];
  readonly resourceVersion: string;
}

function isMassLoss(lost: number, held: number): boolean {
  return lost > 0 && (lost === held || (lost >= fewestOfMass && lost > held / 2));
}

function causeOf({ code }: ApiError): BehindCause {
  if (code === 404) return 'missing';
  return code === 403 ? 'forbidden' : 'failing';
}

/** The place in the stream is no more, or not yet: an API server whose etcd was restored is behind what it once said. */
function isExpired({ code, reason, causes }: ApiError): boolean {
  const ahead = causes.some((cause) => cause.reason === 'ResourceVersionTooLarge');
  return code === 410 || reason === 'Expired' || reason === 'Gone' || ahead;
}

function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(String(error), { reason: 'Malformed' });
}

type Selection = Omit<ListOptions, 'metadataOnly'>;

function defined(selection: { readonly [K in keyof Selection]: string | undefined }): Selection {
  return Object.fromEntries(Object.entries(selection).filter(([, value]) => value !== undefined));
}
