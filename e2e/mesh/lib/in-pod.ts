/**
 * Runs in a pod, as one text that Node is given: asks on behalf of a test, as whoever the pod is. A new connection for each request,
 * unless `pooled`. POST /ask answers one request; POST /watch goes on with several in turn, and POST /stop tells what came back.
 */
import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { connect, type PeerCertificate } from 'node:tls';

export interface PodAsk {
  readonly host: string;
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With the certificate that Istio's agent has written, as an edge of Evengate speaks to a sidecar. */
  readonly mutualTls?: boolean;
  readonly pooled?: boolean;
}

/** `failed` is an error's code, such as ECONNRESET; `peer` the URI of the certificate that answered. */
export interface PodAnswer {
  readonly status?: number;
  readonly body?: string;
  readonly failed?: string;
  readonly peer?: string;
}

/** Equal answers in a row; times in ms since 1970, to compare with those of other pods. */
export interface Run {
  readonly answer: string;
  count: number;
  readonly from: number;
  to: number;
}

const certificates = '/var/lib/istio/data';
/** As Istio's sidecars offer it to each other (`istio.alpn`). */
const protocols = ['istio-http/1.1', 'istio', 'http/1.1'];
const pool = new Agent({ keepAlive: true, maxSockets: 1 });

function secured({ host, port }: PodAsk, seen: (peer: string) => void) {
  const file = (name: string) => readFileSync(`${certificates}/${name}.pem`);
  const own = { cert: file('cert-chain'), key: file('key'), ca: file('root-cert') };
  const checkServerIdentity = (_: string, certificate: PeerCertificate) => {
    seen(certificate.subjectaltname ?? '');
    return undefined;
  };
  return connect({ host, port, ...own, ALPNProtocols: protocols, checkServerIdentity });
}

function ask(what: PodAsk): Promise<PodAnswer> {
  const { host, port, method = 'GET', path = '/', headers = {}, mutualTls = false, pooled = false } = what;
  let peer: string | undefined;
  const see = (name: string) => {
    peer = name;
  };
  const connection = mutualTls ? { createConnection: () => secured(what, see) } : { agent: pooled ? pool : false };
  return new Promise((resolve) => {
    const call = request({ host, port, method, path, headers, timeout: 5_000, ...connection });
    const fail = (error: NodeJS.ErrnoException) => resolve({ failed: error.code ?? error.message });
    call.on('error', fail);
    call.on('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      text(response).then((body) => resolve({ status, body, ...(peer !== undefined && { peer }) }), fail);
    });
    call.end();
  });
}

async function text(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

type Asks = Readonly<Record<string, PodAsk>>;
type Runs = Record<string, Run[]>;

let watching: Promise<Runs> | undefined;
let going = false;

async function watch(asks: Asks): Promise<Runs> {
  const runs: Runs = Object.fromEntries(Object.keys(asks).map((name) => [name, []]));
  while (going) {
    for (const [name, what] of Object.entries(asks)) await note(runs[name] ?? [], what);
  }
  return runs;
}

async function note(runs: Run[], what: PodAsk): Promise<void> {
  const from = Date.now();
  const { status, failed } = await ask(what);
  const answer = String(status ?? failed);
  const to = Date.now();
  const last = runs.at(-1);
  if (last?.answer === answer) Object.assign(last, { count: last.count + 1, to });
  else runs.push({ answer, count: 1, from, to });
}

async function answer(path: string, body: string): Promise<unknown> {
  if (path === '/ask') return ask(JSON.parse(body) as PodAsk);
  if (path === '/watch') {
    going = true;
    watching = watch(JSON.parse(body) as Asks);
    return {};
  }
  if (path === '/stop') {
    going = false;
    return (await watching) ?? {};
  }
  return {};
}

createServer((incoming, outgoing) => {
  void text(incoming)
    .then((body) => answer(incoming.url ?? '/', body))
    .then((said) => outgoing.end(JSON.stringify(said)));
}).listen(9000);
process.on('SIGTERM', () => process.exit(0));
