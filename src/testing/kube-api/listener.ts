/** A listening HTTP server that can vanish and come back on its port. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Listener {
  readonly port: number;
  /** Closes the listening socket and resets every connection. */
  goDown(): Promise<void>;
  /** On the port it had. */
  comeBack(): Promise<void>;
}

export async function startListener(handle: RequestListener): Promise<Listener> {
  let running = await listen(handle, 0);
  const { port } = running.server.address() as AddressInfo;
  return {
    port,
    async goDown() {
      const closed = new Promise<void>((resolve) => running.server.close(() => resolve()));
      for (const socket of running.sockets) socket.destroy();
      await closed;
    },
    async comeBack() {
      if (!running.server.listening) running = await listen(handle, port);
    },
  };
}

interface Running {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

async function listen(handle: RequestListener, port: number): Promise<Running> {
  const server = createServer({ keepAliveTimeout: 60_000 }, handle);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, sockets };
}
