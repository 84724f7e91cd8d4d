/** What the kubelet and Prometheus ask of the process: /healthz, /readyz and /metrics, on one port. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

/** Undefined when well, else why not. */
export type Check = () => string | undefined;

export interface HealthOptions {
  /** 0: no server. */
  readonly port: number;
  /** Every address of the machine when absent. */
  readonly host?: string | undefined;
  /** Asked with every request; by name. That this process answers at all is one of its own, `ping`. */
  readonly live: () => ReadonlyMap<string, Check>;
  readonly ready: () => ReadonlyMap<string, Check>;
  readonly registry: Registry;
}

export interface HealthServer {
  close(): Promise<void>;
}

const paths = new Set(['/healthz', '/readyz', '/metrics']);

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Rejects when the port cannot be had. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  if (options.port === 0) return { close: async () => {} };
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answerTo(request, options).then(
      (answer) => send(response, answer),
      (error: unknown) => send(response, text(500, `${error instanceof Error ? error.message : String(error)}\n`)),
    );
  });
  await listen(server, options);
  return {
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { port, host }: HealthOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Error(`cannot serve health and metrics on port ${port}: ${error.message}`, { cause: error }));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve());
  });
}

async function answerTo(request: IncomingMessage, options: HealthOptions): Promise<Answer> {
  const [pathname = '', query] = (request.url ?? '').split('?', 2);
  const verbose = new URLSearchParams(query).has('verbose');
  if (!paths.has(pathname)) return text(404, `there are ${[...paths].join(', ')}\n`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET\n');
  if (pathname === '/healthz') return checked('healthz', options.live(), { verbose, bad: 500 });
  if (pathname === '/readyz') return checked('readyz', options.ready(), { verbose, bad: 503 });
  return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
}

/** The words of kube-apiserver; `bad` is the status where one fails. */
function checked(
  name: string,
  checks: ReadonlyMap<string, Check>,
  { verbose, bad }: { readonly verbose: boolean; readonly bad: number },
): Answer {
  const results = [['ping', undefined] as const, ...[...checks].map(([check, ask]) => [check, ask()] as const)];
  const failed = results.some(([, why]) => why !== undefined);
  if (!failed && !verbose) return text(200, 'ok');
  const lines = results.map(([check, why]) => (why === undefined ? `[+]${check} ok` : `[-]${check} failed: ${why}`));
  const verdict = `${name} check ${failed ? 'failed' : 'passed'}`;
  return text(failed ? bad : 200, `${[...lines, verdict].join('\n')}\n`);
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff', ...allow }).end(body);
}
