/** Backends that remember every request as it came in: HTTP/1.1, h2c and gRPC, one server a Service port. */
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Backend } from '../ir/gateway.ts';
import type { HeaderPair, Received } from './rig-request.ts';

/** Names the request in a backend's memory. */
export const idHeader = 'x-rig-id';

export interface Backends {
  /** Port of the server that stands for the Service port; starts it. */
  portOf(backend: Backend): Promise<number>;
  /** Resolves when a request under the id is there. */
  arrival(id: string): Promise<void>;
  /** What arrived under the id, in order of arrival. */
  receivedBy(id: string): readonly Received[];
  stop(): Promise<void>;
}

interface Running {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export function startBackends(): Backends {
  const running = new Map<string, Promise<Running>>();
  const memory = new Map<string, Received[]>();
  const arrivals = new EventEmitter();
  const remember: Remember = (received) => {
    const id = received.headers.find(([name]) => name.toLowerCase() === idHeader)?.[1] ?? '';
    memory.set(id, [...(memory.get(id) ?? []), received]);
    arrivals.emit(id);
  };
  return {
    async portOf(backend) {
      const key = `${backend.namespace}/${backend.service}/${backend.port} ${backend.protocol}`;
      const known = running.get(key) ?? start(backend, remember);
      running.set(key, known);
      return (await known).port;
    },
    arrival: async (id) => {
      if (!memory.has(id)) await once(arrivals, id);
    },
    receivedBy: (id) => memory.get(id) ?? [],
    async stop() {
      const servers = await Promise.all(running.values());
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

type Remember = (received: Received) => void;

function start(backend: Backend, remember: Remember): Promise<Running> {
  const service = `${backend.namespace}/${backend.service}`;
  return backend.protocol === 'HTTP/2' ? startHttp2(service, remember) : startHttp1(service, remember);
}

async function listening(server: Server | Http2Server): Promise<Running> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    // Envoy resets what a client gave up.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: (server.address() as AddressInfo).port, stop };
}

function startHttp1(service: string, remember: Remember): Promise<Running> {
  // More headers than Envoy lets through, so that it is Envoy that refuses; and no connection ends just as Envoy takes it up again,
  // which is a 503 now and then.
  const server = createServer({ maxHeaderSize: 1024 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    remember(http1Record(service, request));
    request.resume();
    request.on('end', () => void answerHttp1(service, request, response));
  });
  server.on('upgrade', (request, socket) => {
    remember(http1Record(service, request));
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.write(`${[...lines, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  return listening(server);
}

function http1Record(service: string, request: IncomingMessage): Received {
  const raw = request.rawHeaders;
  const headers = raw.flatMap((name, index): readonly HeaderPair[] =>
    index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : [],
  );
  const { method = '', url = '' } = request;
  const authority = request.headers.host ?? '';
  return { service, protocol: 'HTTP/1.1', method, path: url, authority, headers };
}

/** `?delay=ms` waits, `?answer=503` answers so, `?x=1&header=name:value` adds a header. */
async function answerHttp1(service: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '');
  const delay = Number(query.get('delay') ?? 0);
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
  const added = query.getAll('header').flatMap((text) => text.split(/:(.*)/s).slice(0, 2));
  response.writeHead(Number(query.get('answer') ?? 200), ['x-backend', service, ...added]);
  response.end(`${service}\n`);
}

function startHttp2(service: string, remember: Remember): Promise<Running> {
  const server = createHttp2Server();
  server.on('sessionError', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream, headers, _flags, rawHeaders: readonly string[]) => {
    const pairs = rawHeaders.flatMap((name, index): readonly HeaderPair[] =>
      index % 2 === 0 && !name.startsWith(':') ? [[name, rawHeaders[index + 1] ?? '']] : [],
    );
    const method = headers[':method'] ?? '';
    const path = headers[':path'] ?? '';
    const authority = headers[':authority'] ?? '';
    remember({ service, protocol: 'HTTP/2', method, path, authority, headers: pairs });
    stream.on('error', () => stream.destroy());
    stream.resume();
    stream.on('end', () => answerHttp2(service, headers['content-type'] ?? '', stream));
  });
  return listening(server);
}

/** gRPC's shape: the status comes in trailers, behind one length-prefixed message. */
function answerHttp2(service: string, contentType: string, stream: ServerHttp2Stream): void {
  const grpc = contentType.startsWith('application/grpc');
  const type = grpc ? 'application/grpc' : 'text/plain';
  stream.respond({ ':status': 200, 'content-type': type, 'x-backend': service }, { waitForTrailers: grpc });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(grpc ? Buffer.from([0, 0, 0, 0, 2, 8, 1]) : `${service}\n`);
}
