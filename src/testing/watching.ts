/** An API server, a client of it on a clock that skips back-offs, and what of ours watches it. */
import { type KubeClient, kubeClient } from '../runtime/client.ts';
import { connectTo } from '../runtime/connection.ts';
import type { ReflectorCount, ReflectorOptions } from '../runtime/reflector.ts';
import type { ActiveFault, Fault } from './kube-api/faults.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from './kube-api/index.ts';
import type { ApiRequest } from './kube-api/request.ts';
import { SkippingClock } from './skipping-clock.ts';

export interface Watching extends AsyncDisposable {
  readonly api: KubeApi;
  readonly clock: SkippingClock;
  readonly client: KubeClient;
  /** What every reflector here is made with. */
  readonly shared: Required<Pick<ReflectorOptions<never>, 'clock' | 'count'>> &
    Pick<ReflectorOptions<never>, 'client' | 'log'>;
  /** `warn cannot list or watch; trying on` */
  readonly logged: readonly string[];
  readonly counted: readonly ReflectorCount[];
  /** Runs it until `stop`. */
  start(source: { run(signal: AbortSignal): Promise<void> }): void;
  /** Resolves when all that was started has stopped. */
  stop(): Promise<void>;
}

export async function watching(options: KubeApiOptions & { readonly random?: () => number } = {}): Promise<Watching> {
  const api = await startKubeApi(options);
  const clock = new SkippingClock(options.random === undefined ? {} : { random: options.random });
  const connection = connectTo({ server: api.url });
  const client = kubeClient(connection, { fieldManager: 'evengate', clock });
  const logged: string[] = [];
  const counted: ReflectorCount[] = [];
  const note = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
  const log = { info: note('info'), warn: note('warn'), error: note('error') };
  const ending = new AbortController();
  const runs: Promise<void>[] = [];
  const stop = async () => {
    ending.abort();
    await Promise.all(runs);
  };
  return {
    api,
    clock,
    client,
    shared: { client, clock, log, count: (what) => void counted.push(what) },
    logged,
    counted,
    start: (source) => void runs.push(source.run(ending.signal)),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await connection.close();
      await api.stop();
    },
  };
}

/** The fault strikes requests of a verb; without end when `times` is absent. */
export function strike(api: KubeApi, verb: ApiRequest['verb'], fault: Fault, times?: number): ActiveFault {
  return strikeWhere(api, (request) => request.verb === verb, fault, times);
}

export function strikeWhere(
  api: KubeApi,
  match: (request: ApiRequest) => boolean,
  fault: Fault,
  times?: number,
): ActiveFault {
  return api.faults.add({ match, ...(times !== undefined && { times }), fault });
}

interface Telling {
  onChange(listener: () => void): () => void;
  onState(listener: () => void): () => void;
}

/** Resolves once the condition holds; asked again after whatever the source tells. Rejects after 20 s, saying of what. */
export async function told(what: string, source: Telling, condition: () => boolean): Promise<void> {
  const holds = Promise.withResolvers<void>();
  const check = () => {
    if (condition()) holds.resolve();
  };
  const stops = [source.onChange(check), source.onState(check)];
  const patience = setTimeout(() => holds.reject(new Error(`never: ${what}`)), 20_000);
  check();
  await holds.promise.finally(() => {
    clearTimeout(patience);
    for (const stop of stops) stop();
  });
}
