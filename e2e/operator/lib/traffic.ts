/** Constant traffic, each answer of which is checked against what may be answered at that moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Ask, type Client, http1, http2 } from './clients.ts';
import type { Address } from './shop.ts';

export interface Target extends Ask {
  readonly name: string;
  /** What an answer is in short; its status and who answered (`200 orders`) when absent. */
  readonly show?: (answer: Answer) => string;
  /** In short; what may be answered now. */
  readonly expected: readonly string[];
}

export interface Failure {
  /** Since the traffic began. */
  readonly ms: number;
  readonly tookMs: number;
  readonly target: string;
  readonly client: string;
  readonly connection: string;
  /** In short, or the error. */
  readonly got: string;
  readonly expected: readonly string[];
  readonly headers: unknown;
  readonly body: string;
  /** What the test was at. */
  readonly doing: string;
  /** How late timers of this process were about then: what a busy machine does looks like a timeout. */
  readonly lagMs: number;
}

export interface TrafficOptions {
  /** Plain; and with TLS, where there is any. */
  readonly at: { readonly http?: Address; readonly https?: Address };
  readonly targets: readonly Target[];
  /** Between an answer and the next request of the same client; 15 when absent. */
  readonly pauseMs?: number;
  /** How many clients of each kind; 1 when absent. */
  readonly clients?: number;
}

export interface Traffic {
  readonly failures: readonly Failure[];
  /** By target and answer in short. */
  readonly counts: ReadonlyMap<string, number>;
  /** What the test is at, for reports. */
  doing: string;
  /** From now on these are right, too. */
  allow(target: string, ...answers: readonly string[]): void;
  /** From now on only these are; requests that began before may still get what was right then. */
  expect(target: string, ...answers: readonly string[]): void;
  add(target: Target): void;
  remove(target: string): void;
  /** Answers a second, of all clients, until now. */
  rate(): number;
  /** Since it began. */
  ms(): number;
  /** Resolves when this target has got this answer. */
  seen(target: string, answer: string, timeoutMs?: number): Promise<void>;
  /** Resolves when every client has its last answer. Again does nothing. */
  stop(): Promise<void>;
}

export function startTraffic(options: TrafficOptions): Traffic {
  return new ClientTraffic(options);
}

/** `200 orders` */
export function shortly({ status, body }: Answer): string {
  const [, backend] = /"backend":"([^"]*)"/.exec(body) ?? [];
  return backend === undefined ? String(status) : `${status} ${backend}`;
}

/** A target, with all that was right, in order: an answer has to be right at some moment between its begin and its end. */
interface Watched {
  readonly target: Target;
  readonly history: (readonly string[])[];
}

class ClientTraffic implements Traffic {
  readonly failures: Failure[] = [];
  readonly counts = new Map<string, number>();
  doing = '';
  readonly #targets = new Map<string, Watched>();
  readonly #pauseMs: number;
  readonly #clients: readonly Client[];
  readonly #loops: readonly Promise<void>[];
  readonly #begun = performance.now();
  readonly #lag = new Lag();
  #stopped = false;
  #answers = 0;

  constructor({ at, targets, pauseMs = 15, clients = 1 }: TrafficOptions) {
    this.#pauseMs = pauseMs;
    for (const target of targets) this.add(target);
    this.#clients = Array.from({ length: clients }, () => clientsOf(at, targets[0]?.host ?? '')).flat();
    this.#loops = this.#clients.map((client, index) => this.#run(client, index));
  }

  allow(name: string, ...answers: readonly string[]): void {
    const { history } = this.#watched(name);
    history.push([...(history.at(-1) ?? []), ...answers]);
  }

  expect(name: string, ...answers: readonly string[]): void {
    this.#watched(name).history.push(answers);
  }

  add(target: Target): void {
    this.#targets.set(target.name, { target, history: [target.expected] });
  }

  remove(target: string): void {
    this.#targets.delete(target);
  }

  rate(): number {
    return this.#answers / (this.ms() / 1000);
  }

  ms(): number {
    return performance.now() - this.#begun;
  }

  async seen(target: string, answer: string, timeoutMs = 30_000): Promise<void> {
    const count = () => this.counts.get(`${target}: ${answer}`) ?? 0;
    const before = count();
    const deadline = performance.now() + timeoutMs;
    while (count() === before) {
      if (performance.now() > deadline) throw new Error(`${target} did not answer ${answer} within ${timeoutMs} ms`);
      await sleep(5);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    this.#lag.stop();
    for (const client of this.#clients) client.close();
  }

  #watched(name: string): Watched {
    const found = this.#targets.get(name);
    if (found === undefined) throw new Error(`no traffic goes to ${name}`);
    return found;
  }

  async #run(client: Client, offset: number): Promise<void> {
    await sleep((this.#pauseMs * offset) / 6);
    for (let turn = offset; !this.#stopped; turn += 1) {
      const targets = [...this.#targets.values()];
      const watched = targets[turn % targets.length];
      if (watched !== undefined) await this.#ask(client, watched);
      await sleep(this.#pauseMs);
    }
  }

  async #ask(client: Client, { target, history }: Watched): Promise<void> {
    const begun = performance.now();
    const first = history.length - 1;
    const outcome = await client.ask(target).then(
      (answer) => ({ answer, got: (target.show ?? shortly)(answer) }),
      (error: NodeJS.ErrnoException) => ({ got: `${error.code ?? ''} ${error.message}`.trim() }),
    );
    this.#answers += 1;
    const key = `${target.name}: ${outcome.got}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    const expected = [...new Set(history.slice(first).flat())];
    if (expected.includes(outcome.got)) return;
    this.failures.push({
      ms: Math.round(begun - this.#begun),
      tookMs: Math.round(performance.now() - begun),
      target: target.name,
      client: client.name,
      connection: client.connection(),
      got: outcome.got,
      expected,
      headers: 'answer' in outcome ? outcome.answer.headers : undefined,
      body: 'answer' in outcome ? outcome.answer.body.slice(0, 200) : '',
      doing: this.doing,
      lagMs: this.#lag.worst(),
    });
  }
}

/** One of each kind. */
function clientsOf({ http, https }: TrafficOptions['at'], serverName: string): readonly Client[] {
  const plain =
    http === undefined ? [] : [http1(http, { tls: false, fresh: false }), http1(http, { tls: false, fresh: true })];
  if (https === undefined) return plain;
  return [
    ...plain,
    http1(https, { tls: true, fresh: false }),
    http1(https, { tls: true, fresh: true }),
    http2(https, { tls: true, serverName }),
  ];
}

/** How late a timer was, over the last seconds. */
class Lag {
  readonly #late: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let due = performance.now() + 100;
    this.#timer = setInterval(() => {
      this.#late.push(Math.max(0, performance.now() - due));
      if (this.#late.length > 30) this.#late.shift();
      due = performance.now() + 100;
    }, 100);
  }

  worst(): number {
    return Math.round(Math.max(0, ...this.#late));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
