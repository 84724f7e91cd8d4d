/** A collector for tests: OTLP over gRPC (h2c) and over HTTP/protobuf, whatever sends it. */
import { Buffer } from 'node:buffer';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { loadEnvoyApi } from '../envoy-api.ts';
import { decodeSpans, type Span } from './span.ts';

export type { Attribute, Attributes, Span } from './span.ts';

export interface OtlpReceiver {
  /** h2c, `opentelemetry.proto.collector.trace.v1.TraceService/Export`. */
  readonly grpcPort: number;
  /** HTTP/1.1, `POST /v1/traces`. */
  readonly httpPort: number;
  /** All of them, in order of arrival. */
  spans(): readonly Span[];
  /** The first one that fits, also of those that are there already. Throws after `timeoutMs` (10 s), and names what came. */
  span(fits: (span: Span) => boolean, timeoutMs?: number): Promise<Span>;
  /** Every request as it came, headers and body: for those who look for what must not be in it. */
  received(): readonly Export[];
  stop(): Promise<void>;
}

export interface Export {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Not compressed any more. */
  readonly body: Buffer;
}

export interface OtlpReceiverOptions {
  /** Address to listen on; pods reach only those that are not loopback. */
  readonly host?: string;
}

const grpcPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const httpPath = '/v1/traces';

export async function startOtlpReceiver({ host = '127.0.0.1' }: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const api = loadEnvoyApi();
  const requests: Export[] = [];
  const spans: Span[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  const take: Take = (request) => {
    const decoded = decodeSpans(api, request.body);
    requests.push(request);
    spans.push(...decoded);
    arrivals.emit('spans');
  };
  const [grpc, http] = await Promise.all([listening(grpcServer(take), host), listening(httpServer(take), host)]);
  return {
    grpcPort: grpc.port,
    httpPort: http.port,
    spans: () => [...spans],
    received: () => [...requests],
    async span(fits, timeoutMs = 10_000) {
      const signal = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const found = spans.find(fits);
        if (found !== undefined) return found;
        await once(arrivals, 'spans', { signal }).catch(() => {
          throw new Error(
            `no such span within ${timeoutMs} ms; there are: ${spans.map(({ name }) => name).join(', ')}`,
          );
        });
      }
    },
    async stop() {
      await Promise.all([grpc.stop(), http.stop()]);
    },
  };
}

/** Throws on what is no OTLP. */
type Take = (request: Export) => void;

async function listening(server: Server | Http2Server, host: string) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: (server.address() as AddressInfo).port, stop };
}

function grpcServer(take: Take): Http2Server {
  const server = createHttp2Server();
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    void answerGrpc(stream, headers, take);
  });
  return server;
}

/** gRPC status codes: 3 invalid argument, 12 unimplemented. */
async function answerGrpc(stream: ServerHttp2Stream, headers: Export['headers'], take: Take): Promise<void> {
  if (headers[':path'] !== grpcPath) return endGrpc(stream, 12);
  try {
    for (const body of messages(await bytesOf(stream))) take({ headers, body });
  } catch {
    return endGrpc(stream, 3);
  }
  endGrpc(stream, 0);
}

/** Each behind a flag (1: gzip) and its length in four bytes. */
function* messages(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = start + 5 + bytes.readUInt32BE(start + 1);
    const body = bytes.subarray(start + 5, end);
    yield bytes[start] === 1 ? gunzipSync(body) : body;
    start = end;
  }
}

/** An ExportTraceServiceResponse without fields is no bytes. */
function endGrpc(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }));
  stream.end(status === 0 ? Buffer.alloc(5) : undefined);
}

function httpServer(take: Take): Server {
  return createServer((request, response) => void answerHttp(request, response, take));
}

async function answerHttp(request: IncomingMessage, response: ServerResponse, take: Take): Promise<void> {
  const raw = await bytesOf(request).catch(() => undefined);
  if (raw === undefined) return;
  const status = statusOf(request, () => {
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    take({ headers: request.headers, body });
  });
  response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
}

function statusOf({ method, url, headers }: IncomingMessage, read: () => void): number {
  if (url !== httpPath) return 404;
  if (method !== 'POST') return 405;
  if (headers['content-type'] !== 'application/x-protobuf') return 415;
  try {
    read();
    return 200;
  } catch {
    return 400;
  }
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
