/** One call to the API server: its deadline, its retries, its measure. */
import { ApiError, type ResourceType } from '../kube/client.ts';
import type { Clock } from './clock.ts';
import type { Connection, HttpRequest, HttpResponse } from './connection.ts';
import { type Deadline, withDeadline } from './deadline.ts';
import { refusal } from './refusal.ts';
import { type Attributes, noTracer, type Tracer } from './tracing.ts';

/** As RBAC names it. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** One attempt, when its answer was read; of a watch, when it was opened. */
export interface CallRecord {
  readonly verb: Verb;
  /** Absent for `text`. */
  readonly type?: ResourceType;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly method: HttpRequest['method'];
  readonly path: string;
  /** HTTP status; 0 where no answer came. */
  readonly code: number;
  readonly ms: number;
}

export type Meta = Omit<CallRecord, 'method' | 'path' | 'code' | 'ms'>;

export interface CallerOptions {
  readonly clock: Clock;
  readonly onCall?: (call: CallRecord) => void;
  /** Of calls below an open span: those of watches and leases would be noise. */
  readonly tracer?: Tracer;
  /** Of every call but a watch; 30 s when absent. */
  readonly timeoutMs?: number;
}

export interface Call extends HttpRequest {
  readonly meta: Meta;
  readonly timeoutMs?: number;
}

interface Answered<T> {
  readonly response: HttpResponse;
  readonly result: T;
}

const attempts = 4;
const firstDelayMs = 100;
/** An API server that asks for more than this is left alone, and the caller told. */
const longestDelayMs = 10_000;

export class Caller {
  readonly #connection: Connection;
  readonly #options: CallerOptions;

  constructor(connection: Connection, options: CallerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** The text of a 2xx answer. Throws ApiError, or the signal's reason. */
  async once(call: Call): Promise<string> {
    return await withDeadline(this.#deadline(call, call.signal), async (signal) => {
      return await this.#measured(call, async () => {
        const response = await this.#connection.send({ ...call, signal });
        return { response, result: await this.#accepted(call, response) };
      });
    });
  }

  /**
   * As `once`; tries again what did not begin: after 429 everything, after a lost connection, or a 503 that says when to come
   * back, reads.
   */
  async retrying(call: Call): Promise<string> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.once(call);
      } catch (error) {
        const delay = attempt + 1 < attempts ? this.#delay(error, call, attempt) : undefined;
        if (delay === undefined) throw error;
        await this.clock.sleep(delay, call.signal);
      }
    }
  }

  /** The open answer, which the caller reads or discards. The deadline is that of its head; `ending` ends all of it. */
  async open(call: Call, ending: AbortController): Promise<HttpResponse> {
    return await withDeadline(this.#deadline(call, ending.signal), async (signal) => {
      signal.addEventListener('abort', () => ending.abort(signal.reason), { once: true });
      return await this.#measured(call, async () => {
        const response = await this.#connection.send({ ...call, signal: ending.signal });
        if (response.status >= 300) await this.#accepted(call, response);
        return { response, result: response };
      });
    });
  }

  #deadline(call: Call, signal: AbortSignal | undefined): Deadline {
    const ms = call.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    return { clock: this.clock, ms, signal, about: `${about(call)} at ${this.#connection.server}` };
  }

  async #accepted(call: Call, response: HttpResponse): Promise<string> {
    const text = await response.text();
    if (response.status < 300) return text;
    throw refusal(about(call), response.status, { text, retryAfter: response.header('retry-after') });
  }

  async #measured<T>(call: Call, work: () => Promise<Answered<T>>): Promise<T> {
    const { tracer = noTracer } = this.#options;
    if (tracer.origin() === undefined) return await this.#recorded(call, work);
    const options = { kind: 'client', attributes: attributesOf(call, this.#connection.server) } as const;
    return await tracer.span(`${call.meta.verb} ${call.meta.type?.plural ?? 'text'}`, options, (span) =>
      this.#recorded(call, work, (code) => span.set({ 'http.response.status_code': code })),
    );
  }

  async #recorded<T>(call: Call, work: () => Promise<Answered<T>>, told?: (code: number) => void): Promise<T> {
    const start = this.clock.monotonic();
    const record = (code: number) => {
      if (code > 0) told?.(code);
      this.#options.onCall?.({
        ...call.meta,
        method: call.method,
        path: call.path,
        code,
        ms: this.clock.monotonic() - start,
      });
    };
    try {
      const { response, result } = await work();
      record(response.status);
      return result;
    } catch (error) {
      record(error instanceof ApiError ? error.code : 0);
      throw error;
    }
  }

  /** Undefined: not again. */
  #delay(error: unknown, call: Call, attempt: number): number | undefined {
    if (!(error instanceof ApiError)) return undefined;
    const isRead = call.method === 'GET';
    const again = error.code === 429 || (isRead && (isBusy(error) || error.reason === 'Unreachable'));
    if (!again || (error.retryAfterMs ?? 0) > longestDelayMs) return undefined;
    const backOff = firstDelayMs * 2 ** attempt * (0.5 + this.clock.random());
    return Math.max(error.retryAfterMs ?? 0, backOff);
  }
}

/** Any 503 else, such as that of a pod's proxy, is the answer. */
function isBusy({ code, retryAfterMs }: ApiError): boolean {
  return code === 503 && retryAfterMs !== undefined;
}

/** No query and no body: neither says where the call went. */
function attributesOf({ method, path, meta }: Call, server: string): Attributes {
  const { type, namespace, name, subresource, verb } = meta;
  return {
    'http.request.method': method,
    'url.path': path.split('?')[0] ?? '',
    'server.address': new URL(server).host,
    'k8s.verb': verb,
    ...(type && { 'k8s.resource': type.plural }),
    ...(subresource && { 'k8s.subresource': subresource }),
    ...(namespace && { 'k8s.namespace.name': namespace }),
    ...(name && { 'k8s.object.name': name }),
  };
}

function about({ method, path }: Call): string {
  return `${method} ${path.split('?')[0]}`;
}
