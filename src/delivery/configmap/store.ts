/**
 * The ConfigMaps of one gateway: what the pods mount, and beside each a copy of the last good content, which no pod
 * mounts. Written only where they differ, and only while they are as they were seen last.
 */
import type { Client } from '../../kube/client.ts';
import type { ConfigMap } from '../../kube/core.ts';
import type { ObjectMeta } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { hashOf } from '../../render/fragment.ts';
import { ldsFile } from '../../render/names.ts';
import { type Body, type Content, isSameBody } from '../publication/content.ts';
import { type Assignment, assign, bytesOf, shardBytes } from './shards.ts';

/** By file name. */
export type Bodies = ReadonlyMap<string, Body>;

export interface StoreOptions {
  readonly namespace: string;
  /** The first is always there, the others when they are needed. */
  readonly names: readonly string[];
  readonly metadata: Pick<ObjectMeta, 'labels' | 'ownerReferences'>;
  readonly client: Client;
}

export interface Stored {
  readonly bodies: Bodies;
  /** Undefined where there is none, or not all of it. */
  readonly good: Bodies | undefined;
  /** JSON; '' where there is none. */
  readonly refused: string;
}

/** Of what Envoys refused: JSON of RefusedFile[]. */
export const refusedAnnotation = 'evengate.dev/refused';
/** Of the first copy, which is written last: hash over the versions of all. */
const wholeAnnotation = 'evengate.dev/whole';
const ownAnnotations: readonly string[] = [refusedAnnotation, wholeAnnotation];

/** A ConfigMap of one of our names is not the gateway's. */
export class NameTakenError extends Error {
  override readonly name = 'NameTakenError';
  readonly configMap: string;
  /** It is of an ApiGateway that had this one's name before, and is being collected. */
  readonly isLeft: boolean;

  constructor(configMap: string, isLeft: boolean) {
    super(`ConfigMap ${configMap} does not belong to the ApiGateway`);
    this.configMap = configMap;
    this.isLeft = isLeft;
  }
}

/** A ConfigMap as it was seen last. */
interface Seen extends Wanted {
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Wanted {
  readonly bodies: Bodies;
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

  /** Throws NameTakenError, and ApiError. */
  async read(signal: AbortSignal): Promise<Stored> {
    const { names } = this.#options;
    this.#seen.clear();
    await Promise.all([...names, ...names.map(copyOf)].map((name) => this.#read(name, signal)));
    const bodies = this.#bodiesOf(names);
    const good = this.#bodiesOf(names.map(copyOf));
    this.#assignment = new Map(
      names.flatMap((name) => [...(this.#seen.get(name)?.bodies.keys() ?? [])].map((file) => [file, name])),
    );
    const [first = ''] = names;
    const whole = this.#seen.get(copyOf(first))?.annotations[wholeAnnotation];
    return {
      bodies,
      good: good.size > 0 && whole === hashOfVersions(good) ? good : undefined,
      refused: this.#seen.get(first)?.annotations[refusedAnnotation] ?? '',
    };
  }

  /** Writes those anew, as they are, whose labels are not ours: another operator's, of a gateway that was given to us. */
  async label(signal: AbortSignal): Promise<void> {
    const { labels = {} } = this.#options.metadata;
    for (const [name, seen] of this.#seen) {
      if (Object.entries(labels).every(([label, value]) => seen.labels[label] === value)) continue;
      signal.throwIfAborted();
      const own = Object.entries(seen.annotations).filter(([key]) => ownAnnotations.includes(key));
      await this.#write(name, { ...seen, annotations: Object.fromEntries(own) });
    }
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
    const bodies = new Map([...content].map(([name, { body }]) => [name, body]));
    const [first, ...others] = wanted;
    if (first === undefined) return false;
    const marked = { ...first[1], annotations: { [wholeAnnotation]: hashOfVersions(bodies) } };
    return this.#writeAll([...others, [first[0], marked]], signal);
  }

  async #read(name: string, signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.#options;
    const found = await client.get<ConfigMap>(resources.ConfigMap, { namespace, name }, { signal });
    if (found === undefined) return;
    if (!this.#isOurs(found)) throw new NameTakenError(`${namespace}/${name}`, this.#isLeft(found));
    this.#note(name, found, bodiesIn(found));
  }

  #isOurs({ metadata: { ownerReferences: found = [] } }: ConfigMap): boolean {
    const { ownerReferences: wanted = [] } = this.#options.metadata;
    return wanted.every(({ uid }) => found.some((owner) => owner.uid === uid));
  }

  #isLeft({ metadata: { ownerReferences: found = [] } }: ConfigMap): boolean {
    const { ownerReferences: wanted = [] } = this.#options.metadata;
    return wanted.some(({ kind, name }) => found.some((owner) => owner.kind === kind && owner.name === name));
  }

  #bodiesOf(names: readonly string[]): Bodies {
    return new Map(names.flatMap((name) => [...(this.#seen.get(name)?.bodies ?? [])]));
  }

  #assign(sizes: ReadonlyMap<string, number>): Assignment | undefined {
    const shards = this.#options.names.map((name) => ({ name, room: shardBytes }));
    return assign(this.#assignment, sizes, shards);
  }

  #wanted(content: Content, assignment: Assignment): Map<string, Wanted> {
    const shards = new Map<string, Map<string, Body>>(this.#options.names.map((name) => [name, new Map()]));
    for (const [file, { body }] of content) shards.get(assignment.get(file) ?? '')?.set(file, body);
    return new Map([...shards].map(([name, bodies]) => [name, { bodies, annotations: {} }]));
  }

  /** Files must be there before a listener names them, and stay until none does. */
  #inOrder(wanted: ReadonlyMap<string, Wanted>): readonly (readonly [string, Wanted])[] {
    const loses = ([name, { bodies }]: readonly [string, Wanted]) =>
      [...(this.#seen.get(name)?.bodies.keys() ?? [])].some((file) => !bodies.has(file));
    const hasListeners = ([, { bodies }]: readonly [string, Wanted]) => bodies.has(ldsFile);
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

  #isThere(name: string, { bodies, annotations }: Wanted): boolean {
    const seen = this.#seen.get(name);
    const [first] = this.#options.names;
    if (seen === undefined) return bodies.size === 0 && name !== first;
    const noted = ownAnnotations.every((key) => seen.annotations[key] === annotations[key]);
    return noted && isSame(seen.bodies, bodies);
  }

  /** No signal: a write that was begun is waited for, since nobody could tell what became of it. */
  async #write(name: string, { bodies, annotations }: Wanted): Promise<void> {
    const { client, namespace, metadata } = this.#options;
    const resourceVersion = this.#seen.get(name)?.resourceVersion;
    const object: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace,
        ...metadata,
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      ...fieldsOf(bodies),
    };
    const written = await client.apply<ConfigMap>(resources.ConfigMap, object, { force: true, metadataOnly: true });
    // What was sent, not what came back: it is held anyway.
    this.#note(name, written, bodies);
  }

  #note(name: string, { metadata }: ConfigMap, bodies: Bodies): void {
    const { resourceVersion = '', annotations = {}, labels = {} } = metadata;
    const own = this.#own.get(name) ?? new Set();
    this.#own.set(name, own.add(resourceVersion));
    for (const oldest of own) if (own.size > remembered) own.delete(oldest);
    this.#seen.set(name, { resourceVersion, bodies, annotations, labels });
  }
}

function fieldsOf(bodies: Bodies): Pick<ConfigMap, 'data' | 'binaryData'> {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [file, body] of bodies) {
    if (typeof body === 'string') data[file] = body;
    else binaryData[file] = Buffer.from(body).toString('base64');
  }
  return { data, ...(Object.keys(binaryData).length === 0 ? {} : { binaryData }) };
}

/** Files of one ConfigMap. */
export function bodiesIn({ data = {}, binaryData = {} }: ConfigMap): Bodies {
  const bytes = Object.entries(binaryData).map(([file, text]) => [file, Buffer.from(text, 'base64')] as const);
  return new Map<string, Body>([...Object.entries(data), ...bytes]);
}

/** Events lag behind writes by no more than this many. */
const remembered = 64;

export function copyOf(name: string): string {
  return `${name}-good`;
}

export function sizesOf(content: Content): ReadonlyMap<string, number> {
  return new Map([...content].map(([name, { file }]) => [name, bytesOf(file)]));
}

/** Versions hold the hashes of the contents, and stand at their beginning. */
function hashOfVersions(bodies: Bodies): string {
  const heads = [...bodies].map(([name, body]) => {
    const head = typeof body === 'string' ? body.slice(0, 80) : Buffer.from(body.subarray(0, 80)).toString('base64');
    return `${name} ${head} ${body.length}`;
  });
  return hashOf(heads.toSorted());
}

function isSame(left: Bodies, right: Bodies): boolean {
  return left.size === right.size && [...left].every(([name, body]) => isSameBody(body, right.get(name)));
}
