/** What `npm start` adds to `evengate run`: backends that answer, and requests to try. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DemoBackend {
  readonly port: number;
  stop(): Promise<void>;
}

/** An HTTP server on a free port of 127.0.0.1 that answers with what it was asked, as JSON. */
export async function startBackend(name: string): Promise<DemoBackend> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => answer(name, request, response));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const shownHeaders = ['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-served-by', 'x-request-id'];

function answer(service: string, { method, url, headers }: IncomingMessage, response: ServerResponse): void {
  const shown = shownHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  const body = { service, method, path: url, headers: Object.fromEntries(shown) };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export interface DemoPlace {
  /** Ports of this machine that stand for 80 and 443. */
  readonly http: number;
  readonly https: number;
  /** Folder of examples/shop as a shell finds it. */
  readonly folder: string;
}

interface DemoRequest {
  readonly status: number;
  readonly why: string;
  readonly command: string;
}

/** To be pasted into a shell; the last line that each prints is the status. */
export function demoRequests({ http, https, folder }: DemoPlace): readonly DemoRequest[] {
  const curl = (url: string, ...more: readonly string[]) => {
    const { hostname, port } = new URL(url);
    const words = ['curl -sk', `--resolve ${hostname}:${port}:127.0.0.1`, ...more, url, "-w '\\n%{http_code}\\n'"];
    return words.join(' ');
  };
  const token = (name: string) => `-H "Authorization: Bearer $(cat ${folder}/tokens/${name}.jwt)"`;
  const shop = `https://www.shop.example.com:${https}`;
  const api = `https://api.shop.example.com:${https}`;
  return [
    { status: 200, why: 'the storefront is public', command: curl(`${shop}/`) },
    { status: 301, why: 'plain HTTP is sent to HTTPS', command: curl(`http://www.shop.example.com:${http}/`) },
    { status: 401, why: 'the API wants a token', command: curl(`${api}/orders`) },
    { status: 403, why: 'bob’s token lacks the scope orders.read', command: curl(`${api}/orders`, token('bob')) },
    { status: 200, why: 'alice’s token has it', command: curl(`${api}/orders`, token('alice')) },
    { status: 403, why: 'admin pages are for the office network', command: curl(`${api}/admin`, token('alice')) },
    { status: 404, why: 'no rule matches', command: curl(`${api}/nothing`) },
    {
      status: 429,
      why: 'three orders a minute for each customer',
      command: `for i in 1 2 3 4; do ${curl(`${api}/orders`, '-X POST', token('alice'))}; done`,
    },
  ];
}

export function demoText(requests: readonly DemoRequest[], folder: string): string {
  const lines = requests.map(({ status, why, command }) => `  # ${status}: ${why}\n  ${command}\n`);
  return `Try it (paste a line into another terminal, in this folder)\n${lines.join('')}\nChange a file in ${folder}, and it is served within a moment. Ctrl-C ends everything.\n\n`;
}
