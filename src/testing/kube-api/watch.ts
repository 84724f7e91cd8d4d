/** GET with `watch`: what happens to a collection from a revision on, one JSON object a line. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';
import type { JsonObject } from './json.ts';
import { badRequest, expired, forbiddenOption, injected, type Refusal } from './refusal.ts';
import type { ApiRequest } from './request.ts';
import { type Predicate, selects } from './select.ts';
import type { Change, Store } from './store.ts';
import { type Stored, withMetadata } from './stored.ts';
import { apiVersionOf } from './types.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: JsonObject;
}

/** True: the stream need not send the event. */
export type Interceptor = (event: WatchEvent, stream: WatchStream) => boolean;

/** One open watch; a test may hold it and do to it what networks and API servers do. */
export class WatchStream {
  readonly request: ApiRequest;
  /** Sees each event before it is sent. */
  intercept: Interceptor = () => false;
  /** Sent so far, bookmarks included. */
  sent = 0;
  readonly #response: ServerResponse;
  readonly #held: WatchEvent[] = [];
  #frozen = false;

  constructor(request: ApiRequest, response: ServerResponse) {
    this.request = request;
    this.#response = response;
  }

  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  send(event: WatchEvent): void {
    if (this.#frozen) this.#held.push(event);
    else if (this.open && !this.intercept(event, this)) this.sendRaw(`${JSON.stringify(event)}\n`);
  }

  /** Past interceptors and `freeze`; into nothing once the stream has ended, which a fault may notice late. */
  sendRaw(text: string | Uint8Array): void {
    if (!this.open) return;
    this.sent += 1;
    this.#response.write(text);
  }

  /** The Status of a refusal, as an ERROR in the stream. */
  error(refusal: Refusal | number): void {
    const { body } = typeof refusal === 'number' ? injected(refusal) : refusal;
    this.sendRaw(`${JSON.stringify({ type: 'ERROR', object: body })}\n`);
  }

  bookmark(revision: number, annotations?: JsonObject): void {
    const { type } = this.request;
    const metadata = { resourceVersion: `${revision}`, creationTimestamp: null, ...(annotations && { annotations }) };
    this.send({ type: 'BOOKMARK', object: { kind: type.kind, apiVersion: apiVersionOf(type), metadata } });
  }

  get bookmarks(): boolean {
    return this.request.query.get('allowWatchBookmarks') === 'true';
  }

  /** As a server does at the end of `timeoutSeconds`. */
  close(): void {
    this.#response.end();
  }

  /** RST. */
  reset(): void {
    this.#response.socket?.resetAndDestroy();
  }

  /** Events wait from now on: the client's cache grows stale. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Sends what has waited. */
  thaw(): void {
    this.#frozen = false;
    for (const event of this.#held.splice(0)) this.send(event);
  }

  /** Runs when either side ends it. */
  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }
}

/** What a watch asks for. */
export interface WatchPlan {
  readonly chosen: Predicate;
  /** 0: what is there comes first, as ADDED. */
  readonly since: number;
  /** The bookmark after that is wanted too. */
  readonly initial: boolean;
}

/** Throws what is refused with a status, before the stream begins. */
export function planWatch(request: ApiRequest): WatchPlan {
  const asked = request.query.get('resourceVersion') ?? '';
  const since = Number(asked === '' ? 0 : asked);
  if (!Number.isInteger(since)) throw badRequest(`resourceVersion: Invalid value: "${asked}"`);
  const initial = request.query.get('sendInitialEvents') === 'true';
  if (initial) checkInitialEvents(request.query);
  return { chosen: selects(request), since: initial ? 0 : since, initial };
}

/** Sends what was asked for until either side ends the stream. */
export function serveWatch(store: Store, stream: WatchStream, plan: WatchPlan & { readonly clock: Clock }): void {
  const { chosen, since, initial, clock } = plan;
  const { type } = stream.request;
  if (since !== 0 && since < store.compacted) {
    stream.error(expired(`too old resource version: ${since} (${store.compacted})`));
    stream.close();
    return;
  }
  if (since === 0) for (const object of store.all(type).filter(chosen)) stream.send({ type: 'ADDED', object });
  if (initial && stream.bookmarks) stream.bookmark(store.revision, { 'k8s.io/initial-events-end': 'true' });
  for (const change of since === 0 ? [] : store.changesSince(type, since)) sendChange(stream, chosen, change);
  follow(store, stream, chosen);
  endAfterTimeout(store, stream, clock);
}

function checkInitialEvents(query: URLSearchParams): void {
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    const why = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    throw forbiddenOption('ListOptions', 'resourceVersionMatch', why);
  }
}

function follow(store: Store, stream: WatchStream, chosen: Predicate): void {
  const { group, plural } = stream.request.type;
  const unsubscribe = store.subscribe((change) => {
    if (change.type.group === group && change.type.plural === plural) sendChange(stream, chosen, change);
  });
  stream.onClose(unsubscribe);
}

/** An object that leaves the selection is DELETED to this watch, in its last state within. */
function sendChange(stream: WatchStream, chosen: Predicate, { before, after, revision }: Change): void {
  const was = before !== undefined && chosen(before);
  const is = after !== undefined && chosen(after);
  if (is) stream.send({ type: was ? 'MODIFIED' : 'ADDED', object: after });
  else if (was) stream.send({ type: 'DELETED', object: atRevision(before, revision) });
}

function atRevision(object: Stored, revision: number): Stored {
  return withMetadata(object, { resourceVersion: `${revision}` });
}

function endAfterTimeout(store: Store, stream: WatchStream, clock: Clock): void {
  const seconds = Number(stream.request.query.get('timeoutSeconds') ?? 0);
  if (!(seconds > 0)) return;
  const closed = new AbortController();
  stream.onClose(() => closed.abort());
  clock.sleep(seconds * 1000, closed.signal).then(
    () => {
      if (stream.bookmarks && stream.open) stream.bookmark(store.revision);
      stream.close();
    },
    () => undefined,
  );
}
