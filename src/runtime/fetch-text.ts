/**
 * A text of somebody else's server, by a URL that a tenant wrote: no redirect to another host, bounded time and size, and no
 * connection but to an address that was looked at.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { ApiError } from '../kube/client.ts';
import type { Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';

export interface FetchTextOptions {
  readonly clock: Clock;
  /** Why nobody may connect there; undefined where they may. */
  readonly refuse: (address: string) => string | undefined;
  /** All addresses of a host name; the system's resolver when absent. */
  readonly resolve?: Resolve | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly userAgent: string;
  readonly signal?: AbortSignal | undefined;
}

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** One sentence without a full stop. */
export class FetchProblem extends Error {
  override readonly name = 'FetchProblem';
}

const mostRedirects = 3;

/** Throws FetchProblem, and the signal's reason when it is aborted. */
export async function fetchText(url: string, options: FetchTextOptions): Promise<string> {
  const { clock, timeoutMs: ms, signal } = options;
  // A socket each time: what was looked at a while ago may be somewhere else by now.
  const agent = new Agent({ connect: { lookup: lookupOf(options) }, pipelining: 0, maxHeaderSize: 16_384 });
  try {
    return await withDeadline({ clock, ms, about: 'it', signal }, (until) => follow(url, { ...options, agent, until }));
  } catch (error) {
    signal?.throwIfAborted();
    throw problemOf(error);
  } finally {
    await agent.destroy();
  }
}

interface Fetching extends FetchTextOptions {
  readonly agent: Agent;
  readonly until: AbortSignal;
}

async function follow(first: string, fetching: Fetching): Promise<string> {
  let url = new URL(first);
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const answer = await ask(url, fetching);
    if ('text' in answer) return answer.text;
    const next = URL.canParse(answer.location, url.href) ? new URL(answer.location, url) : undefined;
    const isSame = next?.host === url.host && next.protocol === url.protocol;
    if (next === undefined || !isSame) throw new FetchProblem('it redirects to another host, which is not followed');
    url = next;
  }
  throw new FetchProblem(`it redirects more than ${mostRedirects} times`);
}

type Answer = { readonly text: string } | { readonly location: string };

async function ask(url: URL, { agent, until, refuse, maxBytes, userAgent }: Fetching): Promise<Answer> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // The resolver is not asked for what is an address already.
  const refused = isIP(host) === 0 ? undefined : refuse(host);
  if (refused !== undefined) throw new FetchProblem(refused);
  const headers = { accept: 'application/json, */*;q=0.1', 'user-agent': userAgent };
  const { statusCode, headers: got, body } = await request(url, { dispatcher: agent, headers, signal: until });
  const location = got['location'];
  if (statusCode >= 300 && statusCode < 400 && typeof location === 'string') {
    discard(body);
    return { location };
  }
  if (statusCode !== 200) {
    discard(body);
    throw new FetchProblem(`it answers ${statusCode}`);
  }
  return { text: await textOf(body, maxBytes) };
}

/** It tells its end as an error, of which nobody need know. */
function discard(body: Dispatcher.ResponseData['body']): void {
  body.on('error', () => undefined).destroy();
}

async function textOf(body: AsyncIterable<unknown>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) throw new FetchProblem(`its answer is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What was looked at is what is connected to: another answer a moment later (DNS rebinding) is never asked for. */
function lookupOf({ resolve = systemResolve, refuse }: FetchTextOptions): LookupFunction {
  return (host, { all = false }, callback) => {
    resolve(host).then(
      (found) => {
        const refused = found.map(({ address }) => refuse(address)).find((why) => why !== undefined);
        const [first] = found;
        if (refused !== undefined) callback(new FetchProblem(`${host}: ${refused}`), '', 0);
        else if (first === undefined) callback(new FetchProblem(`${host} has no address`), '', 0);
        else if (all) callback(null, [...found]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    );
  };
}

const systemResolve: Resolve = (host) =>
  new Promise((done, fail) => {
    systemLookup(host, { all: true }, (error, found) => (error === null ? done(found) : fail(error)));
  });

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by anybody who is trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by anybody who is trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by anybody who is trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function problemOf(error: unknown): FetchProblem {
  if (error instanceof FetchProblem) return error;
  if (error instanceof ApiError && error.reason === 'Timeout') return new FetchProblem(error.message);
  const { cause, code = '', message } = error as NodeJS.ErrnoException;
  if (cause instanceof FetchProblem) return cause;
  if ((error as Error).name === 'HTTPParserError') return new FetchProblem('its answer is cut short, or no HTTP');
  return new FetchProblem(words[code] ?? `it cannot be fetched: ${message}`, { cause: error });
}
