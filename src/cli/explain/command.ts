/** The options of `evengate explain`. */
import { Argument, type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { ExplainOptions } from './explain.ts';

interface Context {
  readonly io: Io;
  readonly end: (code: ExitCode) => void;
}

/** Example command lines, each with what it is for. */
export const explainExamples = [
  ["evengate explain -f examples/shop 'GET http://shop.example.com/orders'", 'without a token'],
  [
    `evengate explain -f . 'GET https://shop.example.com/orders' --claims '{"iss": "https://login.example.com", "scope": "orders.read"}'`,
    'as if with a token that verifies',
  ],
  ["evengate explain 'GET https://shop.example.com/orders'", 'what is in the cluster'],
  [
    "evengate explain -f . 'POST https://shop.example.com/orders' -H 'authorization: Bearer eyJ…' -o json",
    'with a real token, for scripts',
  ],
  [
    "evengate explain -f . 'GET https://api.example.com/' --client-cert partner.crt",
    'with a certificate, where a listener asks for one',
  ],
  [
    "evengate explain -f . 'GET https://api.example.com/' --client-cert-san spiffe://partner.example.com/a",
    'as if with one that verifies',
  ],
  ["evengate explain -f examples/mesh 'GET http://orders.shop/orders' --from billing/batch", 'a call inside the mesh'],
] as const satisfies readonly (readonly [string, string])[];

/** `command` has the options of a source already. */
export function explainCommand(command: Command, { io, end }: Context): Command {
  return command
    .summary('say what becomes of one request, and why')
    .description(
      'Says which route answers a request, what each policy on its path says to it, and what the client gets;\nbehind a gateway that has part in a mesh, also what each proxy before the workload says, and by which rule.\nWithout -f it asks what is in the cluster.\nEnds with 0 when that could be told (a refused request is a good answer), 2 when something cannot be read.',
    )
    .addArgument(new Argument('[request]', "such as 'GET https://host/path'; the method is GET when absent"))
    .option('-H, --header <line>', "'name: value' of the request; may be repeated", collect, [])
    .option('--claims <json>', 'claims of a token that is taken to verify, with its iss')
    .option('--client-ip <address>', 'address that the connection comes from', '127.0.0.1')
    .option('--client-cert <file>', 'certificate (PEM) that the client shows, and what its authority signed with')
    .option('--client-cert-san <name>', 'name (URI or DNS) in one that verifies; may be repeated', collect, [])
    .option('--gateway <namespace/name>', 'ask this ApiGateway alone')
    .option('--from <caller>', 'edge, or the service account (namespace/name) of a caller inside the mesh', 'edge')
    .addOption(
      new Option('-o, --output <format>', 'how to print: text for people, json for scripts')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (written: string | undefined, options: ExplainOptions) => {
      const { request, file } = apart(written, options.file);
      if (request === undefined) return command.error("error: say which request, such as 'GET https://host/path'");
      const { explainRequest } = await import('./explain.ts');
      end(await explainRequest(request, { ...options, ...(file === undefined ? {} : { file }) }, io));
    });
}

/** `-f` takes every word that follows, also the request behind the paths: it is the one that names a URL. */
function apart(
  written: string | undefined,
  words: readonly string[] | undefined,
): { readonly request: string | undefined; readonly file: readonly string[] | undefined } {
  const request =
    written ?? words?.findLast((word) => word.includes('://')) ?? words?.findLast((word) => /^[A-Z]+ \S+$/.test(word));
  return { request, file: words?.filter((word) => word !== request) };
}

function collect(line: string, before: readonly string[]): readonly string[] {
  return [...before, line];
}
