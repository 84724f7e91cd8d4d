/** A server as a sidecar makes it look: mTLS of the mesh, and plaintext where it is permissive. It answers with what it saw. */
import { createServer } from 'node:http';
import { createSecureServer, type Http2SecureServer, type SecureServerOptions } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { TestCertificate } from '../rig-certificates.ts';

/** What it answers, as JSON. */
export interface Seen {
  readonly tls: boolean;
  readonly version?: string | null;
  readonly alpn?: string | false | null;
  readonly sni?: string | false | undefined;
  /** `subjectaltname` of the client's certificate. */
  readonly client?: string | undefined;
}

export interface MeshServer {
  readonly port: number;
  /** From now on. HTTP/2 is strict, too. */
  mode: 'strict' | 'HTTP/2' | 'permissive' | 'plaintext';
  close(): Promise<void>;
}

export interface MeshServerOptions {
  readonly mode: MeshServer['mode'];
  readonly identity: TestCertificate;
  /** PEM of the mesh's root. */
  readonly roots: string;
}

/** The first byte of a TLS handshake record (RFC 8446 §5.1). */
const handshake = 0x16;

export async function startMeshServer({ mode, identity, roots }: MeshServerOptions): Promise<MeshServer> {
  const sockets = new Set<Socket>();
  const http1 = createServer(({ socket }, response) => {
    // So that each request shows what connections are made of now.
    response
      .setHeader('connection', 'close')
      .end(JSON.stringify(socket instanceof TLSSocket ? seenOn(socket) : { tls: false }));
  });
  const { certificate: cert, key } = identity;
  const asked = { cert, key, ca: roots, requestCert: true, rejectUnauthorized: true };
  const http2 = http2Server(asked);
  const secured = (socket: Socket): void => {
    const tls = new TLSSocket(socket, { ...asked, isServer: true, ALPNProtocols: ['istio-http/1.1'] });
    tls.on('error', () => socket.destroy());
    tls.once('secure', () => {
      if (tls.authorizationError) tls.destroy();
      else http1.emit('connection', tls);
    });
  };
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    if (running.mode === 'HTTP/2') return http2.emit('connection', socket);
    if (running.mode === 'strict') return secured(socket);
    return socket.once('data', (first) => {
      socket.pause();
      socket.unshift(first);
      const isTls = first[0] === handshake;
      if (isTls) return running.mode === 'plaintext' ? socket.destroy() : secured(socket);
      http1.emit('connection', socket);
      return socket.resume();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const running: MeshServer = {
    port: (server.address() as AddressInfo).port,
    mode,
    close: () => closed(server, sockets),
  };
  return running;
}

function http2Server(options: SecureServerOptions): Http2SecureServer {
  const ALPNCallback = ({ protocols }: { readonly protocols: readonly string[] }) =>
    protocols.find((one) => one === 'istio-h2');
  return createSecureServer({ ...options, ALPNCallback }, ({ stream }, response) => {
    response.end(JSON.stringify(seenOn(stream.session?.socket as TLSSocket)));
  });
}

function closed(server: Server, sockets: Iterable<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}

/** HTTP/2 hands out a stand-in for it, of no class. */
function seenOn(socket: TLSSocket): Seen {
  const { servername } = socket as unknown as { readonly servername?: string | false };
  return {
    tls: true,
    version: socket.getProtocol(),
    alpn: socket.alpnProtocol,
    sni: servername,
    client: socket.getPeerCertificate().subjectaltname,
  };
}
