/** From an HTTP request to its answer: faults, rights, verbs, watches. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';
import { discover } from './discovery.ts';
import { type Answer, type Backend, dispatch } from './dispatch.ts';
import type { Fault, Faults } from './faults.ts';
import { type Json, valueAt } from './json.ts';
import { collection } from './list.ts';
import type { Log } from './log.ts';
import { forbidden, injected, Refusal } from './refusal.ts';
import { type ApiRequest, type Attributes, denial, type RawRequest, resourceRequest } from './request.ts';
import { review } from './reviews.ts';
import type { ServedTypes } from './types.ts';
import { planWatch, serveWatch, WatchStream } from './watch.ts';

/** Of a path that a test serves itself. */
export interface PlainAnswer {
  readonly code?: number;
  readonly body: string;
  readonly contentType?: string;
}

export interface Handling extends Backend {
  readonly types: ServedTypes;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly log: Log;
  readonly streams: Set<WatchStream>;
  readonly authorize: (attributes: Attributes) => boolean;
  readonly user: string;
  /** Before anything else; undefined leaves the request to the API server. */
  readonly respond: (request: RawRequest) => PlainAnswer | undefined;
}

/** More is refused: the API server's --max-request-body-bytes. */
const maxBodyBytes = 3 * 1024 * 1024;

/** Never rejects: what fails is answered, or the connection is gone. */
export async function handle(server: Handling, message: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await answer(server, await rawRequest(message), response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else send(response, refusalAnswer(error));
  }
}

async function rawRequest(message: IncomingMessage): Promise<RawRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (body.length > maxBodyBytes) {
    throw new Refusal(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`);
  }
  return { method: message.method ?? 'GET', url: message.url ?? '/', headers: message.headers, body: body.toString() };
}

async function answer(server: Handling, raw: RawRequest, response: ServerResponse): Promise<void> {
  const plain = server.respond(raw);
  if (plain !== undefined) {
    response.writeHead(plain.code ?? 200, { 'content-type': plain.contentType ?? 'text/plain' }).end(plain.body);
    return;
  }
  const reviewed = review(server, raw);
  if (reviewed !== undefined) {
    send(response, { code: 201, body: reviewed });
    return;
  }
  const request = resourceRequest(raw, server.types);
  if (request === undefined) {
    send(response, discovered(raw, server.types));
    return;
  }
  server.log.request(request);
  const struck = server.faults.strike(request);
  if (struck !== undefined && !(await survives(server, struck, response))) return;
  if (!server.authorize(request)) throw forbidden(request.type, request.name, denial(request, server.user));
  if (request.verb === 'watch') watch(server, request, { response, fault: struck?.fault });
  else respond(server, request, { response, fault: struck?.fault });
}

function discovered({ url }: RawRequest, types: ServedTypes): Answer {
  const body = discover(url.split('?')[0] ?? '', types);
  return body === undefined ? { code: 404, body: '404 page not found\n' } : { code: 200, body };
}

interface Struck {
  readonly fault: Fault;
  readonly released: Promise<void>;
}

/** Whether the request is still to be served. */
async function survives(server: Handling, struck: Struck, response: ServerResponse): Promise<boolean> {
  const { fault, released } = struck;
  switch (fault.kind) {
    case 'refuse':
      send(response, refusalAnswer(injected(fault.code, fault.message, fault.retryAfterSeconds)));
      return false;
    case 'reset':
      response.socket?.resetAndDestroy();
      return false;
    case 'garble':
      response.writeHead(200, { 'content-type': 'application/json' }).end(fault.body);
      return false;
    case 'hang':
      await released;
      return !response.destroyed;
    case 'delay':
      await Promise.race([server.clock.sleep(fault.ms), released]);
      return !response.destroyed;
    case 'lose-answer':
    case 'empty-list':
    case 'as-of':
    case 'stream':
      return true;
  }
}

interface Reply {
  readonly response: ServerResponse;
  readonly fault: Fault | undefined;
}

function respond(server: Handling, request: ApiRequest, { response, fault }: Reply): void {
  if (fault?.kind === 'empty-list') {
    const metadata = { resourceVersion: `${server.store.revision}` };
    send(response, { code: 200, body: collection(request.type, [], metadata) });
    return;
  }
  const result = dispatch(server, request, fault?.kind === 'as-of' ? fault.revision : undefined);
  for (const outcome of result.outcomes ?? []) server.log.write(request, outcome);
  if (fault?.kind === 'lose-answer') response.socket?.resetAndDestroy();
  else send(response, result);
}

function watch(server: Handling, request: ApiRequest, { response, fault }: Reply): void {
  const stream = new WatchStream(request, response);
  if (fault?.kind === 'lose-answer') {
    response.socket?.resetAndDestroy();
    return;
  }
  const plan = planWatch(request);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  server.streams.add(stream);
  stream.onClose(() => server.streams.delete(stream));
  if (fault?.kind === 'stream') fault.script(stream);
  serveWatch(server.store, stream, { ...plan, clock: server.clock });
}

function refusalAnswer(error: unknown): Answer {
  if (error instanceof Refusal) return { code: error.code, body: error.body };
  const refusal = injected(500, `Internal error occurred: ${error instanceof Error ? error.stack : String(error)}`);
  return { code: 500, body: refusal.body };
}

function send(response: ServerResponse, { code, body }: { readonly code: number; readonly body: Json }): void {
  const text = typeof body === 'string';
  const retryAfter = valueAt(body, 'details', 'retryAfterSeconds');
  response.writeHead(code, {
    'content-type': text ? 'text/plain; charset=utf-8' : 'application/json',
    ...(typeof retryAfter === 'number' && { 'retry-after': `${retryAfter}` }),
  });
  response.end(text ? body : JSON.stringify(body));
}
