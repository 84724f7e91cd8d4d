/** The options of `evengate demo-backend`. */
import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { DemoBackendOptions } from './demo-backend.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

export const demoBackendExamples = [
  ['evengate demo-backend --name orders', 'on port 8080, then: curl localhost:8080/any/path'],
  ['evengate demo-backend --name slow --port 8081 --delay 2000', 'to see what a timeout does'],
] as const satisfies readonly (readonly [string, string])[];

export function demoBackendCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('run a server that answers with what it was asked')
    .description(
      'A backend for demonstrations and tests, over HTTP/1.1 and h2c: every request is answered with JSON that tells its method, path, host and headers, and who answers.\n' +
        '/healthz answers ok at once. SIGTERM or SIGINT lets it finish the requests it has. Ends with 0 then, 3 when the port cannot be bound.',
    )
    .option('--port <port>', 'where it listens, on every address; 0 is any free port', readPort, 8080)
    .option('--name <name>', 'who it says it is; the hostname when absent')
    .option('--delay <milliseconds>', 'how long each answer takes', readDelay, 0)
    .action(async (options: DemoBackendOptions) => {
      const { demoBackend } = await import('./demo-backend.ts');
      end(await demoBackend(options, io));
    });
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be a port, 0 to 65535.');
  return port;
}

function readDelay(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It must be a number of milliseconds.');
  return Number(text);
}
