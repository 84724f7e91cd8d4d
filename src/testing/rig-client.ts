/** Requests to Envoy, over plain TCP or TLS, as HTTP/1.1 written by hand or HTTP/2. */
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import type { TestCertificate } from './rig-certificates.ts';
import { exchangeHttp1, type Http1Message, writeHttp1 } from './rig-http1.ts';
import type { Answer, HeaderPair } from './rig-request.ts';

export interface Place {
  /** 127.0.0.1 when absent. */
  readonly host?: string | undefined;
  readonly port: number;
  /** Address to connect from; any of 127.0.0.0/8. */
  readonly from?: string | undefined;
  /** Present for TLS; '' sends no server name. */
  readonly serverName?: string | undefined;
  readonly alpn?: readonly string[] | undefined;
  readonly maxVersion?: SecureVersion | undefined;
  /** That the client shows. */
  readonly certificate?: TestCertificate | undefined;
}

/** A connection whose handshake is done. Rejects when Envoy refuses it. */
export function open({ host = '127.0.0.1', port, from, serverName, alpn, ...more }: Place): Promise<Duplex> {
  const { maxVersion, certificate } = more;
  const socket = connectTcp({ host, port, localAddress: from ?? '127.0.0.1', noDelay: true });
  if (serverName === undefined) return settled(socket, 'connect');
  const tls = connectTls({
    socket,
    // Certificates are what the tests look at, so none is trusted blindly: they read them from the socket.
    rejectUnauthorized: false,
    ...(serverName === '' ? {} : { servername: serverName }),
    ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    // Seclevel 0, so that the client at least offers what the server must refuse.
    ...(maxVersion === undefined ? {} : { minVersion: maxVersion, maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }),
  });
  socket.on('error', (error) => tls.destroy(error));
  return settled(tls, 'secureConnect');
}

function settled<T extends Duplex>(socket: T, event: string): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** Subject of the certificate that the server showed, `CN=…`. */
export async function certificateAt(place: Place): Promise<string> {
  const socket = (await open({ ...place, serverName: place.serverName ?? '' })) as TLSSocket;
  const { subjectaltname } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname ?? '';
}

export async function sendHttp1(place: Place, message: Http1Message): Promise<Answer> {
  return exchangeHttp1(await open(place), writeHttp1(message), message.method);
}

export interface Http2Message extends Http1Message {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
}

export interface Http2Connection {
  send(message: Http2Message): Promise<Answer>;
  close(): void;
}

/** Over TLS, where `serverName` is given, the server must choose `h2` by ALPN. */
export async function openHttp2(place: Place): Promise<Http2Connection> {
  const socket = await open({ ...place, alpn: ['h2'] });
  if (place.serverName !== undefined && (socket as TLSSocket).alpnProtocol !== 'h2') {
    socket.destroy();
    throw new Error('the server did not choose h2');
  }
  const session = connectHttp2('http://rig', { createConnection: () => socket });
  session.on('error', () => undefined);
  return { send: (message) => streamed(session, message), close: () => session.destroy() };
}

function streamed(session: ClientHttp2Session, message: Http2Message): Promise<Answer> {
  const { method, target, headers, body, scheme, authority } = message;
  return new Promise((resolve, reject) => {
    const pseudo = [':method', method, ':path', target, ':scheme', scheme, ':authority', authority];
    const raw = [...pseudo, ...headers.flatMap(([name, value]) => [name.toLowerCase(), value])];
    const stream = session.request(raw as unknown as Parameters<typeof session.request>[0], {
      endStream: body === undefined,
    });
    const limit = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 10_000);
    const seen: { status: number; headers: HeaderPair[]; trailers: HeaderPair[] } = {
      status: 0,
      headers: [],
      trailers: [],
    };
    const chunks: Buffer[] = [];
    stream.on('response', (response, _flags, rawHeaders: readonly string[]) => {
      seen.status = Number(response[':status']);
      seen.headers = pairs(rawHeaders);
    });
    stream.on('trailers', (_headers, _flags, rawHeaders: readonly string[]) => {
      seen.trailers = pairs(rawHeaders);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      clearTimeout(limit);
      if (seen.status === 0) reject(new Error(`the stream was closed without an answer (${stream.rstCode})`));
      else resolve({ ...seen, body: Buffer.concat(chunks).toString(), protocol: 'HTTP/2' });
    });
    if (body !== undefined) stream.end(body);
  });
}

function pairs(raw: readonly string[]): HeaderPair[] {
  return raw.flatMap((name, index): readonly HeaderPair[] =>
    index % 2 === 0 && !name.startsWith(':') ? [[name.toLowerCase(), raw[index + 1] ?? '']] : [],
  );
}
