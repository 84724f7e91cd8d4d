/** HTTP/1.1 by hand: what Node's own client would refuse or tidy up is sent as it is written. */
import type { Duplex } from 'node:stream';
import type { Answer, HeaderPair } from './rig-request.ts';

export interface Http1Message {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderPair[];
  readonly body?: string | undefined;
}

const limitMs = 10_000;

/** `latin1`, so that any byte can be sent. */
export function writeHttp1({ method, target, headers, body }: Http1Message): Buffer {
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body ?? '')]);
}

/** Sends `bytes` and reads one answer; the connection is not used again. Throws when it ends before an answer does. */
export function exchangeHttp1(socket: Duplex, bytes: Buffer, method: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const finish = (act: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const timer = setTimeout(() => finish(() => reject(new Error('no answer within 10 s'))), limitMs);
    const look = (ended: boolean) => {
      const answer = readHttp1(seen, method, ended);
      if (answer !== undefined) finish(() => resolve(answer));
      else if (ended) finish(() => reject(new Error(`the connection ended after ${seen.length} bytes`)));
    };
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      look(false);
    });
    socket.on('end', () => look(true));
    socket.on('error', (error) => finish(() => reject(error)));
    socket.write(bytes);
  });
}

/** undefined while the answer is not whole. */
export function readHttp1(bytes: Buffer, method: string, ended: boolean): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const headers = lines.map((line): HeaderPair => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const rest = bytes.subarray(end + 4);
  // 100 Continue comes before the answer; 101 is one.
  if (status >= 100 && status < 200 && status !== 101) return readHttp1(rest, method, ended);
  const body = readBody(rest, headers, { bodiless: method === 'HEAD' || [101, 204, 304].includes(status), ended });
  return body === undefined ? undefined : { status, headers, body, protocol: 'HTTP/1.1' };
}

interface Framing {
  readonly bodiless: boolean;
  readonly ended: boolean;
}

function readBody(rest: Buffer, headers: readonly HeaderPair[], { bodiless, ended }: Framing): string | undefined {
  const value = (name: string) => headers.find(([key]) => key === name)?.[1];
  const length = value('content-length');
  if (bodiless) return '';
  if (value('transfer-encoding') === 'chunked') return readChunks(rest);
  if (length === undefined) return ended ? rest.toString() : undefined;
  return rest.length < Number(length) ? undefined : rest.subarray(0, Number(length)).toString();
}

function readChunks(bytes: Buffer): string | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? Number.NaN : Number.parseInt(bytes.subarray(at, line).toString(), 16);
    if (Number.isNaN(size) || bytes.length < line + 2 + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts).toString();
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
