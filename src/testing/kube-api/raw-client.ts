/** Requests as curl would send them, for tests of the server itself. */
import type { JsonObject } from './json.ts';
import type { WatchEvent } from './watch.ts';

export interface RawAnswer {
  readonly code: number;
  readonly headers: Headers;
  /** Text where it is no JSON. */
  readonly body: RawBody;
}

/** Of objects, lists and Statuses: what tests look at, where it is. */
export interface RawBody {
  readonly kind?: string;
  readonly metadata: RawMetadata;
  readonly items: readonly RawBody[];
  readonly message: string;
  readonly data?: object;
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } };
  };
  readonly status: { readonly conditions?: readonly object[] };
  readonly details: { readonly causes: readonly object[] };
  readonly resources: readonly { readonly name: string }[];
}

interface RawMetadata {
  readonly name: string;
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly annotations?: object;
  readonly managedFields: readonly JsonObject[];
}

export interface RawCall {
  readonly method?: string;
  readonly body?: unknown;
  /** `merge`, `json`, `strategic` and `apply` stand for their patch types. */
  readonly as?: keyof typeof contentTypes;
}

const contentTypes = {
  object: 'application/json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export async function request(url: string, { method, body, as }: RawCall = {}): Promise<RawAnswer> {
  const verb = method ?? (as === undefined ? 'GET' : as === 'object' ? 'POST' : 'PATCH');
  const headers = { 'content-type': contentTypes[as ?? 'object'], 'user-agent': 'curl/8' };
  const response = await fetch(url, {
    method: verb,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { code: response.status, headers: response.headers, body: parsed(text) };
}

function parsed(text: string): RawBody {
  try {
    return JSON.parse(text) as RawBody;
  } catch {
    return text as unknown as RawBody;
  }
}

export interface RawWatch {
  /** So far. */
  readonly events: readonly WatchEvent[];
  /** Everything that arrived, cut where the connection was. */
  readonly text: string;
  /** Resolves with how it ended. */
  readonly ended: Promise<'closed' | 'broken'>;
  stop(): void;
}

/** Resolves when the server has begun; rejects with its refusal. */
export async function openWatch(url: string): Promise<RawWatch> {
  const ending = new AbortController();
  const response = await fetch(url, { signal: ending.signal });
  if (response.status !== 200) throw new Error(await response.text());
  const watch = { text: '' };
  const read = async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) watch.text += decoder.decode(chunk, { stream: true });
      return 'closed';
    } catch {
      return 'broken';
    }
  };
  return {
    get events() {
      const whole = watch.text.split('\n').slice(0, -1);
      return whole.map((line) => JSON.parse(line) as WatchEvent);
    },
    get text() {
      return watch.text;
    },
    ended: read(),
    stop: () => ending.abort(),
  };
}
