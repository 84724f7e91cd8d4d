/** One starter at a time on a machine: an abstract socket (unix(7)) is held by one process, and goes with it. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const address = '\0evengate-cluster';

/** Runs the task while no other process runs one. `onWait` is called once when another does. */
export async function locked<T>(task: () => Promise<T>, onWait: () => void): Promise<T> {
  let release = await acquire();
  if (release === undefined) onWait();
  while (release === undefined) {
    await released();
    release = await acquire();
  }
  try {
    return await task();
  } finally {
    release();
  }
}

/** Answers with what gives it back; undefined while another process has it. */
async function acquire(): Promise<(() => void) | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => waiting.delete(socket));
  });
  try {
    server.listen(address);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return () => {
    server.close();
    for (const socket of waiting) socket.destroy();
  };
}

/** The holder accepts and says nothing; the connection ends with the holder's turn. */
async function released(): Promise<void> {
  const socket = connect(address);
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => socket.destroy());
    socket.resume();
  });
}
