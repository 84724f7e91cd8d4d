/**
 * The ConfigMaps of one gateway: what the pods mount, and beside each a copy of the last good content, which no pod
 * mounts. Written only where they differ, and only while they are as they were seen last.
 */
import type { Client } from '../../kube/client.ts';
import type { ConfigMap } from '../../kube/core.ts';
import type { ObjectMeta } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { hashOf } from '../../render/fragment.ts';
import type { Content } from '../publication/content.ts';
import { type Assignment, assign, bytesOf, shardBytes } from './shards.ts';

export type Texts = ReadonlyMap<string, string>;

export interface StoreOptions {
  readonly namespace: string;
  /** The first is always there, the others when they are needed. */
  readonly names: readonly string[];
  readonly metadata: Pick<ObjectMeta, 'labels' | 'ownerReferences'>;
  readonly client: Client;
}

export interface Stored {
  readonly texts: Texts;
  /** Undefined where there is none, or not all of it. */
  readonly good: Texts | undefined;
  /** JSON; '' where there is none. */
  readonly refused: string;
}

/** Of what Envoys refused: JSON of RefusedFile[]. */
export const refusedAnnotation = 'evengate.dev/refused';
/** Of the first copy, which is written last: hash over the versions of all. */
const wholeAnnotation = 'evengate.dev/whole';

/** A ConfigMap as it was seen last. */
interface Seen {
  readonly resourceVersion: string;
  readonly data: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Wanted {
  readonly data: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export class ConfigMapStore {
  readonly #options: StoreOptions;
  readonly #seen = new Map<string, Seen>();
  #assignment: Assignment = new Map();
  /** resourceVersions that are no news, by ConfigMap. */
  readonly #own = new Map<string, Set<string>>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  async read(signal: AbortSignal): Promise<Stored> {
    const { names } = this.#options;
    this.#seen.clear();
    await Promise.all([...names, ...names.map(copyOf)].map((name) => this.#read(name, signal)));
    const texts = this.#textsOf(names);
    const good = this.#textsOf(names.map(copyOf));
    this.#assignment = new Map(
      names.flatMap((name) => Object.keys(this.#seen.get(name)?.data ?? {}).map((file) => [file, name])),
    );
    const [first = ''] = names;
    const whole = this.#seen.get(copyOf(first))?.annotations[wholeAnnotation];
    return {
      texts,
      good: good.size > 0 && whole === hashOfTexts(good) ? good : undefined,
      refused: this.#seen.get(first)?.annotations[refusedAnnotation] ?? '',
    };
  }

  /** Whether an event tells of a write that was not ours. Undefined: the ConfigMap is gone. */
  isForeign(name: string, resourceVersion: string | undefined): boolean {
    if (resourceVersion === undefined) return this.#seen.has(name);
    return this.#own.get(name)?.has(resourceVersion) !== true;
  }

  /** Whether files of these sizes find room. */
  hasRoom(sizes: ReadonlyMap<string, number>): boolean {
    return this.#assign(sizes) !== undefined;
  }

  /** Returns whether anything was written. `refused` is '' for none. Throws ApiError, 409 when somebody else wrote. */
  async write(content: Content, refused: string, signal: AbortSignal): Promise<boolean> {
    const assignment = this.#assign(sizesOf(content));
    if (assignment === undefined) throw new Error('files were placed that have no room');
    const wanted = this.#wanted(content, assignment);
    const [first = ''] = this.#options.names;
    const own = wanted.get(first);
    if (own !== undefined)
      wanted.set(first, { ...own, annotations: refused === '' ? {} : { [refusedAnnotation]: refused } });
    this.#assignment = assignment;
    return this.#writeAll(this.#inOrder(wanted), signal);
  }

  /** As `write`, for the copy. */
  async keep(content: Content, signal: AbortSignal): Promise<boolean> {
    const wanted = [...this.#wanted(content, this.#assignment)].map(([name, one]) => [copyOf(name), one] as const);
    const texts = new Map([...content].map(([name, { text }]) => [name, text]));
    const [first, ...others] = wanted;
    if (first === undefined) return false;
    const marked = { ...first[1], annotations: { [wholeAnnotation]: hashOfTexts(texts) } };
    return this.#writeAll([...others, [first[0], marked]], signal);
  }

  async #read(name: string, signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.#options;
    const found = await client.get<ConfigMap>(resources.ConfigMap, { namespace, name }, { signal });
    if (found !== undefined) this.#note(name, found);
  }

  #textsOf(names: readonly string[]): Texts {
    return new Map(names.flatMap((name) => Object.entries(this.#seen.get(name)?.data ?? {})));
  }

  #assign(sizes: ReadonlyMap<string, number>): Assignment | undefined {
    const shards = this.#options.names.map((name) => ({ name, room: shardBytes }));
    return assign(this.#assignment, sizes, shards);
  }

  #wanted(content: Content, assignment: Assignment): Map<string, Wanted> {
    const data = new Map<string, Record<string, string>>(this.#options.names.map((name) => [name, {}]));
    for (const [file, { text }] of content) {
      const shard = data.get(assignment.get(file) ?? '');
      if (shard !== undefined) shard[file] = text;
    }
    return new Map([...data].map(([name, texts]) => [name, { data: texts, annotations: {} }]));
  }

  /** Files must be there before a listener names them, and stay until none does. */
  #inOrder(wanted: ReadonlyMap<string, Wanted>): readonly (readonly [string, Wanted])[] {
    const loses = ([name, { data }]: readonly [string, Wanted]) =>
      Object.keys(this.#seen.get(name)?.data ?? {}).some((file) => !Object.hasOwn(data, file));
    const hasListeners = ([, { data }]: readonly [string, Wanted]) => Object.hasOwn(data, 'lds.json');
    const place = (one: readonly [string, Wanted]) => {
      if (loses(one)) return hasListeners(one) ? 2 : 3;
      return hasListeners(one) ? 1 : 0;
    };
    return [...wanted].toSorted((a, b) => place(a) - place(b));
  }

  async #writeAll(all: readonly (readonly [string, Wanted])[], signal: AbortSignal): Promise<boolean> {
    let any = false;
    for (const [name, wanted] of all) {
      if (this.#isThere(name, wanted)) continue;
      signal.throwIfAborted();
      await this.#write(name, wanted);
      any = true;
    }
    return any;
  }

  #isThere(name: string, { data, annotations }: Wanted): boolean {
    const seen = this.#seen.get(name);
    const [first] = this.#options.names;
    if (seen === undefined) return Object.keys(data).length === 0 && name !== first;
    const noted = [refusedAnnotation, wholeAnnotation].every((key) => seen.annotations[key] === annotations[key]);
    return noted && isSame(seen.data, data);
  }

  /** No signal: a write that was begun is waited for, since nobody could tell what became of it. */
  async #write(name: string, { data, annotations }: Wanted): Promise<void> {
    const { client, namespace, metadata } = this.#options;
    const resourceVersion = this.#seen.get(name)?.resourceVersion;
    const written = await client.apply<ConfigMap>(
      resources.ConfigMap,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name,
          namespace,
          ...metadata,
          ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        },
        data,
      } as ConfigMap,
      { force: true },
    );
    // What was sent, not what came back: the texts are held anyway.
    this.#note(name, { ...written, data });
  }

  #note(name: string, { metadata, data = {} }: ConfigMap): void {
    const { resourceVersion = '', annotations = {} } = metadata;
    const own = this.#own.get(name) ?? new Set();
    this.#own.set(name, own.add(resourceVersion));
    for (const oldest of own) if (own.size > remembered) own.delete(oldest);
    this.#seen.set(name, { resourceVersion, data, annotations });
  }
}

/** Events lag behind writes by no more than this many. */
const remembered = 64;

export function copyOf(name: string): string {
  return `${name}-good`;
}

export function sizesOf(content: Content): ReadonlyMap<string, number> {
  return new Map([...content].map(([name, { file }]) => [name, bytesOf(file)]));
}

/** Versions hold the hashes of the contents. */
function hashOfTexts(texts: Texts): string {
  const heads = [...texts].map(([name, text]) => `${name} ${text.slice(0, 80)} ${text.length}`);
  return hashOf(heads.toSorted());
}

function isSame(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}
