/** `evengate demo-backend`: a server that answers with what it was asked, over HTTP/1.1 and h2c. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { hostname } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';

export interface DemoBackendOptions {
  /** 0 is any free one. */
  readonly port: number;
  /** The hostname, which in a pod is the pod's name, when absent. */
  readonly name?: string;
  /** Milliseconds before each answer. */
  readonly delay: number;
}

/** Body of every answer but that of /healthz. */
export interface DemoAnswer {
  readonly backend: string;
  readonly pod: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Serves until SIGTERM or SIGINT, and then to the end of the requests it has. */
export async function demoBackend(options: DemoBackendOptions, io: Io): Promise<ExitCode> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const name = options.name ?? hostname();
  try {
    const server = await startDemoBackend({ ...options, name });
    io.stdout.write(`${name} listens on port ${server.port}, HTTP/1.1 and h2c\n`);
    await stopped;
    await server.drain();
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    io.stderr.write(`evengate: port ${options.port} cannot be bound: ${error.message}; choose another with --port\n`);
    return exitCodes.noEnvoy;
  }
}

export interface DemoServer {
  readonly port: number;
  /** Takes no more connections, closes idle ones, and resolves when the last answer is out. */
  drain(): Promise<void>;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** Rejects when the port cannot be bound. */
export async function startDemoBackend(options: DemoBackendOptions & { readonly name: string }): Promise<DemoServer> {
  let draining = false;
  // A server that does not listen itself does not know which of its connections are idle.
  const idle = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const handle = (request: Request, response: Response) => {
    request.resume();
    // What a client gave up needs no answer.
    response.on('error', () => response.destroy());
    request.on('end', () => void answer(request, response, options, () => draining));
  };
  const http1 = createServer((request, response) => {
    const { socket } = request;
    idle.delete(socket);
    response.on('close', () => (draining || socket.destroyed ? socket.end() : idle.add(socket)));
    handle(request, response);
  });
  // After 5 s Node would close idle connections, just when a proxy may use one again: it would answer 503.
  http1.keepAliveTimeout = 0;
  const http2 = createHttp2Server(handle).on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  const tcp = createTcpServer((socket) => {
    idle.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => idle.delete(socket));
    socket.once('data', (bytes) => {
      if (startsHttp2(bytes)) idle.delete(socket);
      handOver(socket, bytes, startsHttp2(bytes) ? http2 : http1);
    });
  });
  await listening(tcp, options.port);
  return {
    port: (tcp.address() as AddressInfo).port,
    drain() {
      draining = true;
      for (const session of sessions) session.close();
      for (const socket of idle) socket.end();
      return new Promise((resolve) => tcp.close(() => resolve()));
    },
  };
}

function listening(server: TcpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
}

/** These are the first bytes of HTTP/2 (RFC 9113 §3.4), and no method of HTTP/1.1. */
function startsHttp2(bytes: Buffer): boolean {
  const preface = 'PRI * HTTP/2.0';
  return bytes.subarray(0, preface.length).toString('latin1') === preface;
}

function handOver(socket: Socket, bytes: Buffer, server: Server | Http2Server): void {
  socket.pause();
  socket.unshift(bytes);
  server.emit('connection', socket);
  // A session of HTTP/2 takes by itself what was read before; flowing, it would be lost.
  if (!startsHttp2(bytes)) socket.resume();
}

async function answer(
  request: Request,
  response: Response,
  { name, delay }: DemoBackendOptions,
  draining: () => boolean,
): Promise<void> {
  const path = request.url ?? '/';
  const isProbe = path === '/healthz';
  if (delay > 0 && !isProbe) await sleep(delay);
  if (draining() && request.httpVersionMajor === 1) response.setHeader('connection', 'close');
  if (isProbe) {
    response.setHeader('content-type', 'text/plain');
    response.end('ok\n');
    return;
  }
  const entries = Object.entries(request.headers).filter(([header]) => !header.startsWith(':'));
  const headers = Object.fromEntries(entries) as DemoAnswer['headers'];
  const host = String(request.headers[':authority'] ?? request.headers.host ?? '');
  const body: DemoAnswer = { backend: name ?? '', pod: hostname(), method: request.method ?? '', path, host, headers };
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify(body)}\n`);
}
