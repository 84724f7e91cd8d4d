/** prom-client's metrics under the names of controller-runtime and client-go, so that their dashboards and alerts work. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Declaration, runtimeMetrics } from './metric-list.ts';
import type { QueueMetrics, Running } from './work-queue.ts';

export interface ControllerMetrics {
  started(): void;
  ended(result: ReconcileResult, ms: number): void;
  concurrency(workers: number): void;
}

export type ReconcileResult = 'success' | 'requeue_after' | 'error' | 'terminal_error';

export interface Metrics {
  readonly registry: Registry;
  controller(name: string): ControllerMetrics;
  queue(name: string): QueueMetrics;
  /** Called with true on winning and false on losing. */
  leader(name: string): (leads: boolean) => void;
  /** One call to the API server at `host`. */
  request(call: Request): void;
  counter<L extends string>(declared: Declaration<L>): Counter<L>;
  gauge<L extends string>(declared: Declaration<L>): Gauge<L>;
  /** Asked with every scrape for all that there is: a series goes away with what it is about. */
  state<L extends string>(declared: Declaration<L>, read: () => Iterable<Sample<L>>): void;
  /** `buckets` in seconds. */
  histogram<L extends string>(declared: Declaration<L>, buckets: readonly number[]): Histogram<L>;
}

export interface Request {
  readonly method: string;
  readonly verb: string;
  /** HTTP status; 0 where none came. */
  readonly code: number;
  readonly ms: number;
  readonly host: string;
}

export interface Sample<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  readonly value: number;
}

const timeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** `process`: with CPU, memory, file descriptors and the event loop of this process, which cost timers and an observer. */
export function createMetrics({ process }: { readonly process: boolean }): Metrics {
  const registry = new Registry();
  if (process) collectDefaultMetrics({ register: registry });
  const make = makers(registry);
  return {
    registry,
    controller: controllerMetrics(make),
    queue: queueMetrics(make),
    ...clientMetrics(make),
    ...make,
  };
}

type Makers = Pick<Metrics, 'counter' | 'gauge' | 'state' | 'histogram'>;

function makers(registry: Registry): Makers {
  const settings = <L extends string>({ name, help, labels }: Declaration<L>) => {
    return { name, help, labelNames: Object.keys(labels) as L[], registers: [registry] };
  };
  return {
    counter: (declared) => new Counter(settings(declared)),
    gauge: (declared) => new Gauge(settings(declared)),
    histogram: (declared, buckets) => new Histogram({ ...settings(declared), buckets: [...buckets] }),
    state: (declared, read) => {
      new Gauge({
        ...settings(declared),
        collect() {
          this.reset();
          for (const { labels, value } of read()) this.set(labels, value);
        },
      });
    },
  };
}

function controllerMetrics(make: Makers): Metrics['controller'] {
  const total = make.counter(runtimeMetrics.reconciles);
  const errors = make.counter(runtimeMetrics.errors);
  const terminal = make.counter(runtimeMetrics.terminalErrors);
  const active = make.gauge(runtimeMetrics.active);
  const most = make.gauge(runtimeMetrics.most);
  const time = make.histogram(runtimeMetrics.reconcileTime, timeBuckets);
  return (controller) => {
    // Present from the beginning: a rate over what appears with its first failure misses that failure.
    for (const result of ['success', 'requeue_after', 'error']) total.inc({ controller, result }, 0);
    for (const metric of [errors, terminal, active]) metric.inc({ controller }, 0);
    return {
      concurrency: (workers) => most.set({ controller }, workers),
      started: () => active.inc({ controller }),
      ended: (result, ms) => {
        active.dec({ controller });
        time.observe({ controller }, ms / 1000);
        const failed = result === 'error' || result === 'terminal_error';
        total.inc({ controller, result: failed ? 'error' : result });
        if (failed) errors.inc({ controller });
        if (result === 'terminal_error') terminal.inc({ controller });
      },
    };
  };
}

function queueMetrics(make: Makers): Metrics['queue'] {
  const depth = make.gauge(runtimeMetrics.depth);
  const adds = make.counter(runtimeMetrics.adds);
  const retries = make.counter(runtimeMetrics.retries);
  const waited = make.histogram(runtimeMetrics.waited, timeBuckets);
  const worked = make.histogram(runtimeMetrics.worked, timeBuckets);
  const running = new Map<string, () => Running>();
  const samples = (of: (now: Running) => number) => () =>
    [...running].map(([queue, ask]) => ({ labels: labelsOf(queue), value: of(ask()) / 1000 }));
  make.state(
    runtimeMetrics.unfinished,
    samples((now) => now.unfinishedMs),
  );
  make.state(
    runtimeMetrics.longest,
    samples((now) => now.longestMs),
  );
  return (name) => {
    const labels = labelsOf(name);
    depth.set(labels, 0);
    for (const counter of [adds, retries]) counter.inc(labels, 0);
    return {
      added: () => adds.inc(labels),
      retried: () => retries.inc(labels),
      depth: (keys) => depth.set(labels, keys),
      waited: (ms) => waited.observe(labels, ms / 1000),
      worked: (ms) => worked.observe(labels, ms / 1000),
      watch: (ask) => void running.set(name, ask),
    };
  };
}

function labelsOf(name: string) {
  return { name, controller: name };
}

function clientMetrics(make: Makers): Pick<Metrics, 'leader' | 'request'> {
  const requests = make.counter(runtimeMetrics.requests);
  const time = make.histogram(runtimeMetrics.requestTime, timeBuckets);
  const status = make.gauge(runtimeMetrics.leader);
  return {
    request: ({ method, verb, code, ms, host }) => {
      requests.inc({ code: code === 0 ? '<error>' : String(code), method, host });
      time.observe({ verb, host }, ms / 1000);
    },
    leader: (name) => {
      status.set({ name }, 0);
      return (leads) => status.set({ name }, leads ? 1 : 0);
    },
  };
}
