/**
 * The last good keys of each URI in a ConfigMap beside the operator's Lease, so that its successor has them while their server is
 * away. Read once, before anything is written; from then on what was fetched counts, and what others write there is undone.
 */
import { ApiError, type Client } from '../../../kube/client.ts';
import type { ConfigMap } from '../../../kube/core.ts';
import { describeRef, type KubeObject, keyOf, type ObjectKey, refOf } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import { isApplied, marked } from '../../../reconcilers/drift.ts';
import type { Result } from '../../../runtime/controller.ts';
import type { Log } from '../../../runtime/logger.ts';
import { keysName } from '../../preflight/installed.ts';
import { entriesOf, readEntries } from './key-entries.ts';

export interface KeyStoreOptions {
  /** Writes only while the operator leads. */
  readonly client: Client;
  readonly clock: { monotonic(): number };
  readonly log: Pick<Log, 'warn'>;
  /** The operator's own. */
  readonly namespace: string;
  readonly className: string;
  readonly enqueue: (configMap: ObjectKey) => void;
}

/** Not the class, which would make it one of the children that are watched. */
const labels: Readonly<Record<string, string>> = {
  'app.kubernetes.io/name': 'evengate',
  'app.kubernetes.io/component': 'keys',
  'app.kubernetes.io/managed-by': 'evengate',
};

/** What nobody wants is kept so long: policies that are only read wrongly, or applied again, come back sooner. */
const forgetMs = 3_600_000;
/** Nobody tells of what others do to it, or that a right was granted. */
const lookMs = 300_000;
const deniedMs = 60_000;

export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #name: { readonly namespace: string; readonly name: string };
  readonly #sets = new Map<string, string>();
  /** Sets that nobody wants -> since when, in monotonic milliseconds. */
  readonly #unwanted = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #wanted: ReadonlySet<string> = new Set();
  #begun = false;
  #isRead = false;
  #isDenied = false;
  readonly #told = new Set<string>();

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#name = { namespace: options.namespace, name: keysName(options.className) };
  }

  /** Of these, and for a while of those of before. The first of them begins the reading: who fetches nothing needs no ConfigMap. */
  want(uris: ReadonlySet<string>): void {
    this.#wanted = uris;
    const isNews = this.#mark();
    if (!this.#begun && uris.size === 0) return;
    if (isNews || !this.#begun) this.#changed();
    this.#begun = true;
  }

  get(uri: string): string | undefined {
    return this.#sets.get(uri);
  }

  keep(uri: string, jwks: string): void {
    if (this.#sets.get(uri) === jwks) return;
    this.#sets.set(uri, jwks);
    this.#changed();
  }

  /** It was read, or may not be: nobody need wait for it. */
  get isAnswered(): boolean {
    return this.#isRead || this.#isDenied;
  }

  /** It has answered; more than once where it may be read late. */
  onAnswer(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Throws ApiError, but where a right is missing. */
  async reconcile(signal: AbortSignal): Promise<Result> {
    try {
      const live = await this.#options.client.get<ConfigMap>(resources.ConfigMap, this.#name, { signal });
      if (live !== undefined && !isOurs(live)) {
        return this.#without(`${describeRef(refOf(live))} exists and is not Evengate's, so it is left alone`);
      }
      if (!this.#isRead) this.#read(live?.data ?? {});
      await this.#write(live, signal);
      return this.#next();
    } catch (error) {
      if (error instanceof ApiError && error.code === 403) return this.#without(error.message);
      throw error;
    }
  }

  #read(data: Readonly<Record<string, string>>): void {
    const { sets, problems } = readEntries(data);
    for (const problem of problems) this.#warn('keys that were kept are ignored', { problem });
    // What was fetched meanwhile is newer.
    for (const [uri, jwks] of sets) if (!this.#sets.has(uri)) this.#sets.set(uri, jwks);
    this.#mark();
    this.#isRead = true;
    for (const listener of this.#listeners) listener();
  }

  async #write(live: ConfigMap | undefined, signal: AbortSignal): Promise<void> {
    this.#forget();
    const { data, left } = entriesOf(this.#sets);
    for (const uri of left)
      this.#warn('keys are not kept over a restart', { uri, problem: 'there is no room for them' });
    const isEmpty = Object.keys(data).length === 0;
    const desired = marked({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...this.#name, labels },
      ...(!isEmpty && { data }),
    } as KubeObject);
    if (live === undefined ? isEmpty : isApplied(desired, live)) return;
    const { uid, resourceVersion } = live?.metadata ?? {};
    // Changed by nobody since it was read: a leader of before may be about to write.
    const metadata = { ...desired.metadata, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
    await this.#options.client.apply(resources.ConfigMap, { ...desired, metadata }, { force: true, signal });
  }

  /** Whether anything is wanted, or unwanted, that was not. */
  #mark(): boolean {
    const now = this.#options.clock.monotonic();
    const back = [...this.#unwanted.keys()].filter((uri) => this.#wanted.has(uri));
    const gone = [...this.#sets.keys()].filter((uri) => !this.#wanted.has(uri) && !this.#unwanted.has(uri));
    for (const uri of back) this.#unwanted.delete(uri);
    for (const uri of gone) this.#unwanted.set(uri, now);
    return back.length + gone.length > 0;
  }

  #forget(): void {
    const now = this.#options.clock.monotonic();
    for (const [uri, since] of this.#unwanted) {
      if (now < since + forgetMs) continue;
      this.#unwanted.delete(uri);
      this.#sets.delete(uri);
    }
  }

  #next(): Result {
    if (this.#sets.size === 0) return {};
    const now = this.#options.clock.monotonic();
    const ends = [...this.#unwanted.values()].map((since) => since + forgetMs - now);
    return { requeueAfterMs: Math.max(1, Math.min(lookMs, ...ends)) };
  }

  #without(problem: string): Result {
    this.#warn('fetched keys are not kept over a restart', { problem });
    const isNews = !this.isAnswered;
    this.#isDenied = true;
    if (isNews) for (const listener of this.#listeners) listener();
    return { requeueAfterMs: deniedMs };
  }

  /** Each once. */
  #warn(message: string, fields: Readonly<Record<string, string>>): void {
    const all = JSON.stringify([message, fields]);
    if (!this.#told.has(all)) this.#options.log.warn(message, { configMap: this.#name.name, ...fields });
    this.#told.add(all);
  }

  #changed(): void {
    this.#options.enqueue(keyOf(this.#name.namespace, this.#name.name));
  }
}

function isOurs({ metadata }: KubeObject): boolean {
  return Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value);
}
