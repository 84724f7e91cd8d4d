/** `load.ts`, forked: one message {port, request, seconds} in, one {answers, status} out. Many connections, one request at a time on each. */
import { connect } from 'node:net';
import process from 'node:process';

export interface Load {
  readonly port: number;
  /** One HTTP/1.1 request, its blank line included. */
  readonly request: string;
  readonly seconds: number;
}

export interface Answered {
  readonly answers: number;
  /** Of the first answer: they are all of one length, or the count is wrong. */
  readonly status: number;
}

const connections = 32;

/** Answers without a body have one length, so bytes count them. */
function onConnection({ port, request }: Load, deadline: number): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let size = 0;
    let status = 0;
    let bytes = 0;
    let answers = 0;
    socket.once('error', reject);
    socket.on('data', (chunk: Buffer) => {
      if (size === 0) {
        size = chunk.length;
        status = Number(chunk.toString('latin1', 9, 12));
      }
      bytes += chunk.length;
      if (bytes < size) return;
      answers += 1;
      bytes = 0;
      if (performance.now() < deadline) socket.write(request);
      else socket.destroy();
    });
    socket.once('close', () => resolve({ answers, status }));
  });
}

process.on('message', (load: Load) => {
  const deadline = performance.now() + load.seconds * 1000;
  void Promise.all(Array.from({ length: connections }, () => onConnection(load, deadline))).then((all) => {
    const answers = all.reduce((sum, one) => sum + one.answers, 0);
    process.send?.({ answers, status: all[0]?.status ?? 0 } satisfies Answered);
  });
});
