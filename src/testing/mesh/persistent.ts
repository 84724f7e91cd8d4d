/** HTTP/1.1 over connections that are used again where the server lets them: a handshake a request would take most of the time. */
import type { Duplex } from 'node:stream';
import { type Http1Message, readHttp1, writeHttp1 } from '../rig-http1.ts';
import type { Answer } from '../rig-request.ts';

export interface Connections {
  /** One after another under one key. Rejects when the connection is refused, or ends without an answer. */
  send(key: string, open: () => Promise<Duplex>, message: Http1Message): Promise<Answer>;
  close(): void;
}

const limitMs = 10_000;

export function connections(): Connections {
  const idle = new Map<string, Duplex>();
  const turns = new Map<string, Promise<unknown>>();
  const attempt = async (key: string, open: () => Promise<Duplex>, message: Http1Message): Promise<Answer> => {
    const waiting = idle.get(key);
    idle.delete(key);
    const usable = waiting !== undefined && !waiting.destroyed && waiting.readable;
    const socket = usable ? waiting : await open();
    const answer = await exchange(socket, message);
    if (staysOpen(answer, message)) idle.set(key, socket);
    else socket.destroy();
    return answer;
  };
  return {
    send(key, open, message) {
      const answer = (turns.get(key) ?? Promise.resolve()).then(() => attempt(key, open, message));
      turns.set(
        key,
        answer.catch(() => undefined),
      );
      return answer;
    },
    close() {
      for (const socket of idle.values()) socket.destroy();
    },
  };
}

/** Only where nothing can be left on the way. */
function staysOpen({ status, headers }: Answer, { method, headers: sent }: Http1Message): boolean {
  const closing = headers.some(([name, value]) => name === 'connection' && value.toLowerCase() === 'close');
  const upgrading = sent.some(([name]) => name.toLowerCase() === 'upgrade');
  return !closing && !upgrading && status !== 101 && status !== 400 && !['CONNECT', 'HEAD'].includes(method);
}

function exchange(socket: Duplex, message: Http1Message): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const finish = (outcome: Answer | Error) => {
      clearTimeout(timer);
      for (const event of ['data', 'end', 'close', 'error']) socket.removeAllListeners(event);
      // An idle connection that the server resets is no failure of a test.
      socket.on('error', () => socket.destroy());
      if (!(outcome instanceof Error)) return resolve(outcome);
      socket.destroy();
      reject(outcome);
    };
    const timer = setTimeout(() => finish(new Error('no answer within 10 s')), limitMs);
    const look = (ended: boolean) => {
      const answer = readHttp1(seen, message.method, ended);
      if (answer !== undefined) finish(answer);
      else if (ended) finish(new Error(`the connection ended after ${seen.length} bytes`));
    };
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      look(false);
    });
    socket.on('end', () => look(true));
    socket.on('close', () => look(true));
    socket.on('error', (error) => finish(error));
    socket.write(writeHttp1(message));
  });
}

/**
 * What Envoy answers to gRPC itself comes as 200 with a status of gRPC's own (its httpToGrpcStatus, backwards); `unknown` is
 * what its 2 stands for.
 */
export function statusOf({ status, headers }: Answer, unknown: number): number {
  const code = headers.find(([name]) => name === 'grpc-status')?.[1];
  return code === undefined ? status : code === '2' ? unknown : (grpcStatuses[code] ?? status);
}

const grpcStatuses: Readonly<Record<string, number>> = { '7': 403, '12': 404, '13': 400, '14': 503, '16': 401 };
