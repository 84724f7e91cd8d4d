/** Envoy's admin interface over its Unix socket. */
import { request } from 'node:http';
import type { Json } from '../../envoy/json.ts';

export interface ListenerAddress {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** The kinds that `/stats?type=` knows; text readouts are few even where there are a million counters. */
export type StatType = 'Counters' | 'Gauges' | 'TextReadouts';

export interface ConfigDumpOptions {
  /** A repeated field of the dump, such as `dynamic_listeners`. */
  readonly resource?: string;
  /** A field mask below `resource`. */
  readonly mask?: string;
  readonly nameRegex?: string;
}

export interface Admin {
  /** Stats whose name matches the RE2 `filter`; histograms are left out. */
  stats(filter: string, type?: StatType): Promise<Map<string, number | string>>;
  /** Whether Envoy has finished initialising; false also when it cannot be reached. */
  ready(): Promise<boolean>;
  /** The listeners that serve (not the warming ones), with the ports that they have got. */
  listeners(): Promise<readonly ListenerAddress[]>;
  configDump(options?: ConfigDumpOptions): Promise<Json>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Every call rejects with an Error when Envoy does not answer within `timeoutMs` (default 5,000) or answers an error. */
export function adminClient(socketPath: string, timeoutMs = 5000): Admin {
  const text = async (path: string): Promise<string> => {
    const answer = await get(socketPath, path, timeoutMs);
    if (answer.status === 200) return answer.body;
    throw new Error(`Envoy's admin answered ${answer.status} to ${path}: ${answer.body.trim().slice(0, 200)}`);
  };
  const json = async (path: string): Promise<unknown> => JSON.parse(await text(path));
  return {
    async stats(filter, type) {
      return readStats(await text(`/stats?${statsQuery(filter, type)}`));
    },
    async ready() {
      const answer = await get(socketPath, '/ready', timeoutMs).catch(() => undefined);
      return answer?.status === 200;
    },
    async listeners() {
      return readListeners((await json('/listeners?format=json')) as ListenersAnswer);
    },
    async configDump({ resource, mask, nameRegex } = {}) {
      const query = new URLSearchParams();
      if (resource !== undefined) query.set('resource', resource);
      if (mask !== undefined) query.set('mask', mask);
      if (nameRegex !== undefined) query.set('name_regex', nameRegex);
      return (await json(`/config_dump?${query.toString()}`)) as Json;
    },
  };
}

export function statsQuery(filter: string, type?: StatType): string {
  return new URLSearchParams({ format: 'json', filter, ...(type === undefined ? {} : { type }) }).toString();
}

interface StatsAnswer {
  readonly stats?: readonly { readonly name?: string; readonly value?: number | string }[];
}

/** What `/stats?format=json` answers; histograms are left out. Throws SyntaxError. */
export function readStats(text: string): Map<string, number | string> {
  const answer = JSON.parse(text) as StatsAnswer;
  const found = new Map<string, number | string>();
  for (const { name, value } of answer.stats ?? []) {
    if (name !== undefined && value !== undefined) found.set(name, value);
  }
  return found;
}

interface ListenersAnswer {
  readonly listener_statuses?: readonly {
    readonly name: string;
    readonly local_address?: { readonly socket_address?: { readonly address: string; readonly port_value?: number } };
  }[];
}

function readListeners(answer: ListenersAnswer): readonly ListenerAddress[] {
  return (answer.listener_statuses ?? []).flatMap(({ name, local_address }) => {
    const socket = local_address?.socket_address;
    return socket === undefined ? [] : [{ name, address: socket.address, port: socket.port_value ?? 0 }];
  });
}

function get(socketPath: string, path: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    // No kept connection: it would outlive an Envoy that restarts on the same path.
    const call = request({ socketPath, path, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    call.on('error', (error) => reject(signal.aborted ? silent(path, timeoutMs) : error));
    call.end();
  });
}

function silent(path: string, timeoutMs: number): Error {
  return new Error(`Envoy's admin did not answer ${path} within ${timeoutMs} ms`);
}
