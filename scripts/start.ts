/** `npm start`: examples/shop on a real Envoy, with three tiny backends and requests to try. */
import { relative, resolve } from 'node:path';
import process from 'node:process';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { ioOf } from '../src/cli/io.ts';
import type { RunOptions } from '../src/cli/run/run.ts';
import { run } from '../src/cli/run/run.ts';
import { probePort } from '../src/controllers/local/ports.ts';
import { demoRequests, demoText, startBackend } from './lib/demo.ts';

const services = ['storefront', 'orders', 'orders-canary'] as const;
const listen = '127.0.0.1';
const folder = relative(process.cwd(), resolve(import.meta.dirname, '../examples/shop')) || '.';
const io = ioOf(process);

// As main.ts does: Node would end with 1, which means something else.
process.on('uncaughtException', (error) => {
  process.stderr.write(`evengate: this is a mistake of Evengate, not of yours; please report it.\n${error.stack}\n`);
  process.exit(exitCodes.bug);
});

/** The same ports each time, so that a pasted line works again; any other where somebody has them. */
async function usualPort(port: number): Promise<number> {
  return (await probePort(listen, port)).free ? port : 0;
}

const backends = await Promise.all(services.map(async (name) => ({ name, server: await startBackend(name) })));
const options: RunOptions = {
  file: [folder],
  listen,
  output: 'text',
  backend: backends.map(({ name, server }) => ({
    service: `shop/${name}`,
    port: 80,
    address: { host: '127.0.0.1', port: server.port },
  })),
  portMap: [
    { gateway: undefined, port: 80, bound: await usualPort(10_080) },
    { gateway: undefined, port: 443, bound: await usualPort(10_443) },
  ],
};
process.exitCode = await run(options, io, {
  onServing: ({ served }) => {
    const ports = served[0]?.ports ?? new Map<number, number>();
    const place = { http: ports.get(80) ?? 80, https: ports.get(443) ?? 443, folder };
    io.stdout.write(demoText(demoRequests(place), folder));
  },
});
await Promise.all(backends.map(({ server }) => server.stop()));
if (process.exitCode === exitCodes.done) io.stdout.write('Goodbye: Envoy and the backends have ended.\n');
