/** Clients that keep their connections and never stop asking, as behind a Service: who is told to close goes elsewhere. */
import { Agent, type ClientRequest, request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  /** What went wrong, by client. */
  readonly failures: readonly string[];
  /** Answers that told their client to close, by protocol. */
  readonly closing: { readonly http1: number; readonly http2: number };
  /** Resolves after so many more answers. */
  answers(count: number): Promise<void>;
  /** Resolves when every client has its last answer. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** Clients of each protocol. */
  readonly clients: number;
  /** Port to which a client's next connection goes. */
  readonly place: (client: number) => number;
}

/** Ends the load also where the work fails: who asks a dead Envoy for ever keeps the process. */
export async function underLoad(options: LoadOptions, work: (load: Load) => Promise<void>): Promise<Load> {
  const load = startLoad(options);
  try {
    await work(load);
  } finally {
    await load.stop();
  }
  return load;
}

function startLoad({ clients, place }: LoadOptions): Load {
  const state = new State();
  const loops = Array.from({ length: clients }, (_, index) => [
    keepAsking(
      state,
      `HTTP/1.1 client ${index}`,
      http1Client(state, () => place(index)),
    ),
    keepAsking(
      state,
      `HTTP/2 client ${index}`,
      http2Client(state, () => place(index)),
    ),
  ]);
  return {
    failures: state.failures,
    closing: state.closing,
    answers: (count) => state.answers(count),
    async stop() {
      state.stopped = true;
      await Promise.all(loops.flat());
    },
  };
}

interface Client {
  ask(): Promise<number>;
  close(): void;
}

class State {
  readonly failures: string[] = [];
  readonly closing = { http1: 0, http2: 0 };
  stopped = false;
  #answered = 0;
  readonly #waiting: { readonly at: number; readonly resolve: () => void }[] = [];

  answered(): void {
    this.#answered += 1;
    for (const { at, resolve } of this.#waiting) if (this.#answered >= at) resolve();
  }

  answers(count: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ at: this.#answered + count, resolve }));
  }
}

async function keepAsking(state: State, name: string, client: Client): Promise<void> {
  while (!state.stopped) {
    try {
      const status = await client.ask();
      if (status !== 200) state.failures.push(`${name}: ${status}`);
    } catch (error) {
      state.failures.push(`${name}: ${(error as Error).message}`);
      await sleep(20); // who asks a dead port again at once leaves no time for anything else
    }
    state.answered();
  }
  client.close();
}

/** One connection at a time. */
function http1Client(state: State, place: () => number): Client {
  let agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let port = place();
  return {
    close: () => agent.destroy(),
    ask: () =>
      new Promise((resolve, reject) => {
        const call: ClientRequest = request({ host: '127.0.0.1', port, agent }, (response) => {
          response.resume();
          response.on('error', reject);
          response.on('end', () => {
            if (response.headers.connection === 'close') {
              state.closing.http1 += 1;
              agent.destroy();
              agent = new Agent({ keepAlive: true, maxSockets: 1 });
              port = place();
            }
            resolve(response.statusCode ?? 0);
          });
        });
        call.on('error', reject);
        call.end();
      }),
  };
}

function http2Client(state: State, place: () => number): Client {
  let session: ClientHttp2Session | undefined;
  const open = (): ClientHttp2Session => {
    const opened = connect(`http://127.0.0.1:${place()}`);
    opened.on('goaway', () => {
      state.closing.http2 += 1;
      if (session === opened) session = undefined;
    });
    // A failure shows in the request that it hits; one without requests is no failure.
    opened.on('error', () => undefined);
    session = opened;
    return opened;
  };
  return {
    close: () => session?.close(),
    ask: () =>
      new Promise((resolve, reject) => {
        const stream = (session ?? open()).request({ ':path': '/' });
        let status = 0;
        stream.on('response', (headers) => {
          status = Number(headers[':status']);
        });
        stream.on('error', reject);
        stream.on('close', () => resolve(status));
        stream.resume();
      }),
  };
}
