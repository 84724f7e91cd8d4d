/** The ways in which clients ask: on one connection for long, as HTTP/1.1 or HTTP/2, or on a new one each time. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect as connectTls } from 'node:tls';
import type { Address } from './shop.ts';

export interface Ask {
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export interface Client {
  readonly name: string;
  /** Rejects when there is no whole answer. */
  ask(what: Ask): Promise<Answer>;
  /** What is known of the connection, for reports. */
  connection(): string;
  close(): void;
}

/** A client whose answer takes longer has none. */
export const patienceMs = 10_000;

interface Http1Options {
  readonly tls: boolean;
  /** A connection for each request. */
  readonly fresh: boolean;
  /** 10 s when absent. */
  readonly patienceMs?: number;
}

/** HTTP/1.1, over TLS or not. */
export function http1(at: Address, { tls, fresh, patienceMs: timeout = patienceMs }: Http1Options): Client {
  const options = { keepAlive: !fresh, maxSockets: 1 };
  const agents = {
    plain: new HttpAgent(options),
    tls: new HttpsAgent({ ...options, maxCachedSessions: fresh ? 0 : 1 }),
  };
  let connection = '';
  const send = (what: Ask) => {
    const headers = { host: what.host, ...what.headers };
    const common = { host: at.host, port: at.port, path: what.path, headers, timeout };
    if (!tls) return httpRequest({ ...common, agent: agents.plain });
    return httpsRequest({ ...common, agent: agents.tls, servername: what.host, rejectUnauthorized: false });
  };
  return {
    name: `HTTP/1.1${tls ? ' TLS' : ''}${fresh ? ' new connections' : ''}`,
    connection: () => connection,
    close() {
      for (const agent of [agents.plain, agents.tls]) agent.destroy();
    },
    ask: (what) =>
      new Promise((resolve, reject) => {
        const call = send(what);
        call.on('socket', (socket) => {
          connection = `${call.reusedSocket ? 'reused' : 'new'}, from port ${socket.localPort ?? '?'}`;
        });
        call.on('timeout', () => call.destroy(new Error(`no answer within ${timeout / 1000} s`)));
        call.on('error', reject);
        call.on('response', (response) => {
          connection = `${call.reusedSocket ? 'reused' : 'new'}, from port ${response.socket.localPort ?? '?'}`;
          collect(response).then((body) => resolve(answerOf(response.statusCode, response.headers, body)), reject);
        });
        call.end();
      }),
  };
}

function answerOf(status: number | undefined, headers: IncomingHttpHeaders, body: string): Answer {
  return { status: status ?? 0, headers, body };
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** HTTP/2, by ALPN over TLS or with prior knowledge; who is told to go away opens another connection. */
export function http2(
  at: Address,
  { tls, serverName }: { readonly tls: boolean; readonly serverName: string },
): Client {
  let session: ClientHttp2Session | undefined;
  let connection = '';
  const open = (): ClientHttp2Session => {
    const url = `${tls ? 'https' : 'http'}://${at.host}:${at.port}`;
    const tlsOptions = { ...at, servername: serverName, ALPNProtocols: ['h2'], rejectUnauthorized: false };
    const opened = connect(url, tls ? { createConnection: () => connectTls(tlsOptions) } : {});
    const leave = () => {
      if (session === opened) session = undefined;
    };
    opened.on('goaway', leave);
    opened.on('close', leave);
    // It shows in the request that it hits; without a request it is no failure.
    opened.on('error', leave);
    opened.on('connect', () => {
      connection = `from port ${opened.socket?.localPort ?? '?'}`;
    });
    session = opened;
    return opened;
  };
  return {
    name: `HTTP/2${tls ? ' TLS' : ''}`,
    connection: () => connection,
    close: () => session?.destroy(),
    ask: (what) => stream(session ?? open(), what, tls),
  };
}

function stream(session: ClientHttp2Session, { host, path, headers }: Ask, tls: boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const scheme = tls ? 'https' : 'http';
    const asked = session.request({ ':path': path, ':authority': host, ':scheme': scheme, ...headers });
    const chunks: Buffer[] = [];
    let answered: Readonly<Record<string, unknown>> | undefined;
    let ended = false;
    asked.setTimeout(patienceMs, () => asked.destroy(new Error(`no answer within ${patienceMs / 1000} s`)));
    asked.on('response', (got) => {
      answered = got;
    });
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      ended = true;
    });
    asked.on('error', reject);
    asked.on('close', () => {
      if (answered === undefined || !ended) return reject(new Error(`the stream was closed (${asked.rstCode})`));
      resolve({ status: Number(answered[':status']), headers: answered, body: Buffer.concat(chunks).toString() });
    });
    asked.end();
  });
}
