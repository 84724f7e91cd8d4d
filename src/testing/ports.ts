/** Ports for the servers of a test. */
import { createServer } from 'node:net';
import process from 'node:process';

/** Below the kernel's ephemeral ports (32768 and up), which any outgoing connection of another test may take. */
const first = 12_000;
const slots = 20;
const slotSize = 1000;

/** Workers of one run have slots of their own; those of another run, most likely, too. */
function slotStart(): number {
  const worker = Number(process.env['JEST_WORKER_ID'] ?? 1);
  return first + ((process.ppid * 7 + worker) % slots) * slotSize;
}

const start = slotStart();
let turn = Math.floor(Math.random() * slotSize);

/** A TCP port of 127.0.0.1 that nobody listens on now, and that this test file is not given again. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < slotSize; tried += 1) {
    turn = (turn + 1) % slotSize;
    const port = start + turn;
    if (await isFree(port)) return port;
  }
  throw new Error(`every port from ${start} to ${start + slotSize - 1} is taken`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
