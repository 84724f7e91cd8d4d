/** GET of a collection: consistent pages, and which revision a resourceVersion may be answered from. */
import { type JsonObject, without } from './json.ts';
import { badRequest, expired, forbiddenOption, Refusal } from './refusal.ts';
import type { ApiRequest } from './request.ts';
import { selects } from './select.ts';
import type { Store } from './store.ts';
import { type Stored, storageKeyOf } from './stored.ts';
import { apiVersionOf, type ServedType } from './types.ts';

/** What a continue token holds; revision -1 goes on with the newest state, inconsistent with the pages before. */
interface Token {
  readonly v: 'meta.k8s.io/v1';
  readonly rv: number;
  readonly start: string;
}

const tokenTooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

/** Throws 400 and 410 as the API server does; `asOf` answers from an older state. */
export function list(store: Store, request: ApiRequest, asOf?: number): JsonObject {
  const { type, query } = request;
  const limit = Number(query.get('limit') ?? 0);
  const token = query.get('continue') ?? '';
  const from = token === '' ? undefined : readToken(store, token);
  const revision = asOf ?? (from === undefined ? revisionOf(store, query) : from.rv === -1 ? store.revision : from.rv);
  const chosen = store.at(type, revision).filter(selects(request));
  const rest = from === undefined ? chosen : chosen.filter((object) => storageKeyOf(object) > from.start);
  // From the watch cache, which knows no pages.
  const paged = limit > 0 && !(query.get('resourceVersion') === '0' && token === '');
  const items = paged ? rest.slice(0, limit) : rest;
  const last = items.at(-1);
  const left = rest.length - items.length;
  const selective = query.has('labelSelector') || query.has('fieldSelector');
  return collection(type, items, {
    resourceVersion: `${revision}`,
    ...(left > 0 && last !== undefined && { continue: writeToken(revision, storageKeyOf(last)) }),
    ...(left > 0 && !selective && { remainingItemCount: left }),
  });
}

export function collection(type: ServedType, items: readonly Stored[], metadata: JsonObject): JsonObject {
  return {
    kind: `${type.kind}List`,
    apiVersion: apiVersionOf(type),
    metadata,
    items: type.custom ? items : items.map((item) => without(item, 'apiVersion', 'kind')),
  };
}

function revisionOf(store: Store, query: URLSearchParams): number {
  const [asked, match] = [query.get('resourceVersion') ?? '', query.get('resourceVersionMatch')];
  if (match !== null && asked === '') {
    const why = 'resourceVersionMatch is forbidden unless resourceVersion is provided';
    throw forbiddenOption('ListOptions', 'resourceVersionMatch', why);
  }
  if (asked === '' || asked === '0') return store.revision;
  const revision = Number(asked);
  if (!Number.isInteger(revision))
    throw badRequest(`invalid resource version: resourceVersion: Invalid value: "${asked}"`);
  if (revision > store.revision) throw tooLarge(revision, store.revision);
  const exact = match === 'Exact' || (match === null && query.has('limit'));
  if (!exact) return store.revision;
  if (revision < store.compacted) throw expired('The resourceVersion for the provided list is too old.');
  return revision;
}

export function tooLarge(asked: number, current: number): Refusal {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return new Refusal(504, 'Timeout', message, { details: { retryAfterSeconds: 1 }, causes });
}

function writeToken(rv: number, start: string): string {
  const token: Token = { v: 'meta.k8s.io/v1', rv, start };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function readToken(store: Store, text: string): Token {
  let token: Token;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Token;
  } catch {
    throw badRequest('invalid continue token: continue key is not valid: the token is no base64url of JSON');
  }
  if (token.rv !== -1 && token.rv < store.compacted) throw expired(tokenTooOld, writeToken(-1, token.start));
  return token;
}
