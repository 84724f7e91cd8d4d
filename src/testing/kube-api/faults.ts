/** What goes wrong on the way to an API server, switched on and off by tests. */
import type { ApiRequest } from './request.ts';
import type { WatchEvent, WatchStream } from './watch.ts';

export type Fault =
  /** Refused with a Status; nothing is done. 429 and 503 may say when to come back. */
  | { readonly kind: 'refuse'; readonly code: number; readonly message?: string; readonly retryAfterSeconds?: number }
  /** Done, but the connection breaks before the answer. */
  | { readonly kind: 'lose-answer' }
  /** The connection is reset; nothing is done. */
  | { readonly kind: 'reset' }
  /** No byte and no FIN; `release` lets the request go on. */
  | { readonly kind: 'hang' }
  /** The server's clock decides when it is over. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** 200 with this text; nothing is done. */
  | { readonly kind: 'garble'; readonly body: string }
  /** A list without items, as a server with an empty cache once gave. */
  | { readonly kind: 'empty-list' }
  /** A get or list from an older state: another API server that lags behind. */
  | { readonly kind: 'as-of'; readonly revision: number }
  /** A watch that starts well; `script` has it before its first event. */
  | { readonly kind: 'stream'; readonly script: (stream: WatchStream) => void };

export interface FaultRule {
  readonly match: (request: ApiRequest) => boolean;
  /** Without end when absent. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface ActiveFault {
  /** Requests that it struck. */
  readonly hits: number;
  /** Strikes no more, and ends what hangs because of it. */
  release(): void;
}

interface Entry extends FaultRule {
  hits: number;
  readonly released: Promise<void>;
}

export class Faults {
  #entries: Entry[] = [];

  /** Rules are tried in the order in which they were added; the first that matches strikes. */
  add(rule: FaultRule): ActiveFault {
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const entry: Entry = { ...rule, hits: 0, released };
    this.#entries.push(entry);
    return {
      get hits() {
        return entry.hits;
      },
      release: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
        resolve();
      },
    };
  }

  /** The fault that strikes the request, and when it is released. */
  strike(request: ApiRequest): { readonly fault: Fault; readonly released: Promise<void> } | undefined {
    const entry = this.#entries.find(({ match, times, hits }) => hits < (times ?? Infinity) && match(request));
    if (entry === undefined) return undefined;
    entry.hits += 1;
    return { fault: entry.fault, released: entry.released };
  }
}

/** Ends cleanly after some events; 0: at once. */
export function closesAfter(events: number): Fault {
  return stream((watch) => {
    if (events === 0) setImmediate(() => watch.close());
    watch.intercept = (event) => {
      watch.sendRaw(line(event));
      if (watch.sent >= events) watch.close();
      return true;
    };
  });
}

/** The next event arrives half, then RST. */
export const resetsMidLine: Fault = stream((watch) => {
  watch.intercept = (event) => {
    watch.sendRaw(half(event));
    // The half line has to be on its way, or there is nothing to be cut.
    setImmediate(() => watch.reset());
    return true;
  };
});

/** The next event arrives half, then the stream ends as if all were well. */
export const endsMidLine: Fault = stream((watch) => {
  watch.intercept = (event) => {
    watch.sendRaw(half(event));
    watch.close();
    return true;
  };
});

/** ERROR in place of the first event, or at once; then the server closes. */
export function sendsError(code: number, when: 'at-once' | 'at-event' = 'at-once'): Fault {
  return stream((watch) => {
    const fail = () => {
      watch.error(code);
      watch.close();
      return true;
    };
    if (when === 'at-once') setImmediate(fail);
    watch.intercept = fail;
  });
}

/** Several events leave in one write. */
export function joinsEvents(count: number): Fault {
  return stream((watch) => {
    const held: string[] = [];
    watch.intercept = (event) => {
      held.push(line(event));
      if (held.length >= count) watch.sendRaw(held.splice(0).join(''));
      return true;
    };
  });
}

/** Each event leaves in pieces of this many bytes, also in the middle of a character. */
export function splitsEvents(bytes: number): Fault {
  return stream((watch) => {
    watch.intercept = (event) => {
      const whole = Buffer.from(line(event));
      for (let at = 0; at < whole.length; at += bytes) watch.sendRaw(whole.subarray(at, at + bytes));
      return true;
    };
  });
}

/** A line that is no JSON before each event. */
export function garblesEvents(text: string): Fault {
  return stream((watch) => {
    watch.intercept = (event) => {
      watch.sendRaw(`${text}\n${line(event)}`);
      return true;
    };
  });
}

/** Events that match never arrive. */
export function dropsEvents(match: (event: WatchEvent) => boolean): Fault {
  return stream((watch) => {
    watch.intercept = match;
  });
}

/** Nothing arrives until `thaw` (of KubeApi.watches). */
export const freezes: Fault = stream((watch) => watch.freeze());

function stream(script: (watch: WatchStream) => void): Fault {
  return { kind: 'stream', script };
}

function line(event: WatchEvent): string {
  return `${JSON.stringify(event)}\n`;
}

function half(event: WatchEvent): string {
  const whole = line(event);
  return whole.slice(0, whole.length / 2);
}
