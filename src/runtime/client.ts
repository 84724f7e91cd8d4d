/** The Client of `kube`, and what a reflector needs besides: single pages, and watches. */
import {
  ApiError,
  type ApplyOptions,
  type CallOptions,
  type Client,
  type DeleteOptions,
  type ListOptions,
  type ObjectName,
  type PatchOptions,
  type ResourceType,
  type TextRequest,
} from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import { type Call, Caller, type CallerOptions, type Verb } from './calls.ts';
import type { Connection } from './connection.ts';
import { malformed } from './lines.ts';
import { collectionPath, objectPath, type Query, selectors, withQuery } from './paths.ts';
import { type WatchEvent, watchEvents } from './watch-stream.ts';

export interface ClientOptions extends CallerOptions {
  /** Owner of the fields that we apply. */
  readonly fieldManager: string;
}

export interface PageOptions extends ListOptions, CallOptions {
  /** Objects a page; the whole list when absent. */
  readonly limit?: number;
  /** Token of the page before. */
  readonly continue?: string | undefined;
}

export interface Page<T extends KubeObject> {
  readonly items: readonly T[];
  /** Of the list, the same on each of its pages. */
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continue?: string;
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  /** After this the server ends it. */
  readonly timeoutSeconds: number;
  /** Ends it; is aborted as well where the server does not begin in time. */
  readonly ending: AbortController;
}

export interface KubeClient extends Client {
  /** One attempt. Items have apiVersion and kind, which lists of built-in types leave out. */
  listPage<T extends KubeObject>(type: ResourceType, options?: PageOptions): Promise<Page<T>>;
  /** One attempt: resolves when the server begins. With bookmarks; see `watchEvents`. */
  watch(type: ResourceType, options: WatchOptions): Promise<AsyncGenerator<readonly WatchEvent[]>>;
}

export const pageSize = 500;

export function kubeClient(connection: Connection, options: ClientOptions): KubeClient {
  return new HttpClient(new Caller(connection, options), options.fieldManager);
}

class HttpClient implements KubeClient {
  readonly #caller: Caller;
  readonly #fieldManager: string;

  constructor(caller: Caller, fieldManager: string) {
    this.#caller = caller;
    this.#fieldManager = fieldManager;
  }

  async get<T extends KubeObject>(
    type: ResourceType,
    name: ObjectName,
    { signal }: CallOptions = {},
  ): Promise<T | undefined> {
    const call: Call = {
      method: 'GET',
      path: objectPath(type, name),
      meta: { verb: 'get', type, ...name },
      ...given(signal),
    };
    const text = await orMissing(this.#caller.retrying(call));
    return text === undefined ? undefined : parse<T>(text);
  }

  async list<T extends KubeObject>(
    type: ResourceType,
    { signal, ...options }: ListOptions & CallOptions = {},
  ): Promise<readonly T[]> {
    const items: T[] = [];
    const pages = listPages<T>(async (page) => {
      return toPage<T>(type, await this.#caller.retrying(listCall(type, { ...options, ...page, ...given(signal) })));
    });
    for await (const page of pages) {
      if (page.restarted) items.length = 0;
      items.push(...page.items);
    }
    return items;
  }

  async listPage<T extends KubeObject>(type: ResourceType, options: PageOptions = {}): Promise<Page<T>> {
    return toPage<T>(type, await this.#caller.once(listCall(type, options)));
  }

  async watch(type: ResourceType, options: WatchOptions): Promise<AsyncGenerator<readonly WatchEvent[]>> {
    const { namespace, resourceVersion, timeoutSeconds, ending } = options;
    const query = { watch: 1, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, ...selectors(options) };
    const path = withQuery(collectionPath(type, namespace), query);
    const headers = accepting(options.metadataOnly === true ? 'PartialObjectMetadata' : undefined);
    const call: Call = { method: 'GET', path, headers, meta: { verb: 'watch', type, ...inNamespace(namespace) } };
    const response = await this.#caller.open(call, ending);
    return watchEvents(response.chunks());
  }

  async apply<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject,
    { force, dryRun, fieldManager = this.#fieldManager, metadataOnly = false, signal }: ApplyOptions = {},
  ): Promise<T> {
    const name = nameOf(object);
    const query = { fieldManager, force, dryRun: dryRun === true ? 'All' : undefined };
    // JSON is YAML.
    const contentType = 'application/apply-patch+yaml';
    return await this.#write<T>('patch', type, {
      path: withQuery(objectPath(type, name), query),
      name,
      body: object,
      contentType,
      metadataOnly,
      signal,
    });
  }

  async create<T extends KubeObject>(type: ResourceType, object: KubeObject, { signal }: CallOptions = {}): Promise<T> {
    const name = nameOf(object);
    const path = withQuery(collectionPath(type, name.namespace), { fieldManager: this.#fieldManager });
    return await this.#write<T>('create', type, { path, name, body: object, signal });
  }

  async replace<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject,
    { signal }: CallOptions = {},
  ): Promise<T> {
    const name = nameOf(object);
    const path = withQuery(objectPath(type, name), { fieldManager: this.#fieldManager });
    return await this.#write<T>('update', type, { path, name, body: object, signal });
  }

  async patch<T extends KubeObject>(
    type: ResourceType,
    name: ObjectName,
    body: unknown,
    { subresource, as = 'merge', signal }: PatchOptions = {},
  ): Promise<T> {
    const contentType = as === 'merge' ? 'application/merge-patch+json' : 'application/json-patch+json';
    const path = withQuery(objectPath(type, name, subresource), { fieldManager: this.#fieldManager });
    return await this.#write<T>('patch', type, { path, name, body, contentType, subresource, signal });
  }

  async delete(type: ResourceType, name: ObjectName, options: DeleteOptions): Promise<boolean> {
    const { uid, resourceVersion, propagation = 'Background', signal } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      propagationPolicy: propagation,
    };
    const text = await orMissing(
      this.#send({ method: 'DELETE', verb: 'delete', type }, { path: objectPath(type, name), name, body, signal }),
    );
    return text !== undefined;
  }

  async text({ path, timeoutMs, signal }: TextRequest): Promise<string> {
    const call: Call = { method: 'GET', path, meta: { verb: 'get' }, ...given(signal) };
    return await this.#caller.retrying(timeoutMs === undefined ? call : { ...call, timeoutMs });
  }

  async #write<T extends KubeObject>(
    verb: 'patch' | 'create' | 'update',
    type: ResourceType,
    write: Write,
  ): Promise<T> {
    return parse<T>(await this.#send({ method: methods[verb], verb, type }, write));
  }

  async #send(
    { method, verb, type }: { readonly method: Call['method']; readonly verb: Verb; readonly type: ResourceType },
    { path, name, body, contentType = 'application/json', subresource, metadataOnly = false, signal }: Write,
  ): Promise<string> {
    return await this.#caller.retrying({
      method,
      path,
      headers: { 'content-type': contentType, ...accepting(metadataOnly ? 'PartialObjectMetadata' : undefined) },
      body: JSON.stringify(body),
      meta: { verb, type, ...name, ...(subresource === undefined ? {} : { subresource }) },
      ...given(signal),
    });
  }
}

interface Write {
  readonly path: string;
  readonly name: ObjectName;
  readonly body: unknown;
  /** `application/json` when absent. */
  readonly contentType?: string;
  readonly subresource?: string | undefined;
  readonly metadataOnly?: boolean;
  readonly signal: AbortSignal | undefined;
}

const methods = { patch: 'PATCH', create: 'POST', update: 'PUT' } as const;

/**
 * All pages of one list. Where its token expires (410) the list starts again, unpaged so that it cannot expire: going on with
 * the token that the API server offers instead would join pages of different moments, and a watch from there miss what lies
 * between them.
 */
export async function* listPages<T extends KubeObject>(
  fetchPage: (page: { readonly limit?: number; readonly continue?: string | undefined }) => Promise<Page<T>>,
): AsyncGenerator<Page<T> & { readonly restarted: boolean }> {
  let token: string | undefined;
  do {
    let page: Page<T>;
    try {
      page = await fetchPage({ limit: pageSize, continue: token });
    } catch (error) {
      if (token === undefined || !(error instanceof ApiError) || error.code !== 410) throw error;
      yield { ...(await fetchPage({})), restarted: true };
      return;
    }
    yield { ...page, restarted: false };
    token = page.continue;
  } while (token !== undefined);
}

/** An API server that does not know the representation answers with whole objects. */
function accepting(as: 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined): { readonly accept: string } {
  const json = 'application/json';
  return { accept: as === undefined ? json : `${json};as=${as};g=meta.k8s.io;v=v1,${json}` };
}

function listCall(type: ResourceType, options: PageOptions): Call {
  const { namespace, limit, continue: token, signal } = options;
  const query: Query = { limit, continue: token, ...selectors(options) };
  const path = withQuery(collectionPath(type, namespace), query);
  const headers = accepting(options.metadataOnly === true ? 'PartialObjectMetadataList' : undefined);
  return { method: 'GET', path, headers, meta: { verb: 'list', type, ...inNamespace(namespace) }, ...given(signal) };
}

function toPage<T extends KubeObject>(type: ResourceType, text: string): Page<T> {
  const { items, metadata } = parse<{
    readonly items?: readonly T[] | null;
    readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  }>(text);
  const resourceVersion = metadata?.resourceVersion;
  if (resourceVersion === undefined) throw malformed('a list has no resourceVersion');
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  const token = metadata?.continue ?? '';
  return {
    items: (items ?? []).map((item) => Object.assign({ apiVersion, kind: type.kind }, item)),
    resourceVersion,
    ...(token === '' ? {} : { continue: token }),
  };
}

/** Never quotes the text: it may be a Secret. */
function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw malformed('it is no JSON');
  }
}

async function orMissing(text: Promise<string>): Promise<string | undefined> {
  return await text.catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  });
}

function nameOf({ metadata }: KubeObject): ObjectName {
  return { name: metadata.name, ...inNamespace(metadata.namespace) };
}

function inNamespace(namespace: string | undefined): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function given(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
