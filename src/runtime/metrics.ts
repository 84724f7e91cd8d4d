/** prom-client's metrics under the names of controller-runtime and client-go, so that their dashboards and alerts work. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueMetrics, Running } from './work-queue.ts';

export interface ControllerMetrics {
  started(): void;
  ended(result: ReconcileResult, ms: number): void;
  concurrency(workers: number): void;
}

export type ReconcileResult = 'success' | 'requeue_after' | 'error' | 'terminal_error';

/** Names and labels of a metric of our own; a label has few values, never an object's name. */
export interface OwnMetric<Label extends string> {
  /** Without `evengate_`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly Label[];
}

export interface Metrics {
  readonly registry: Registry;
  controller(name: string): ControllerMetrics;
  queue(name: string): QueueMetrics;
  /** Called with true on winning and false on losing. */
  leader(name: string): (leads: boolean) => void;
  /** `code` is the HTTP status, or `<error>` where none came. */
  request(labels: { readonly code: string; readonly method: string; readonly host: string }): void;
  counter<L extends string>(metric: OwnMetric<L>): Counter<L>;
  gauge<L extends string>(metric: OwnMetric<L> & { readonly collect?: (this: Gauge<L>) => void }): Gauge<L>;
  /** `buckets` in the metric's unit, seconds by custom. */
  histogram<L extends string>(metric: OwnMetric<L> & { readonly buckets: readonly number[] }): Histogram<L>;
}

const timeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** `process`: with CPU, memory, file descriptors and the event loop of this process, which cost timers and an observer. */
export function createMetrics({ process }: { readonly process: boolean }): Metrics {
  const registry = new Registry();
  if (process) collectDefaultMetrics({ register: registry });
  return {
    registry,
    controller: controllerMetrics(registry),
    queue: queueMetrics(registry),
    ...clientMetrics(registry),
    counter: (metric) => new Counter(own(registry, metric)),
    gauge: (metric) => new Gauge({ ...own(registry, metric), ...(metric.collect && { collect: metric.collect }) }),
    histogram: (metric) => new Histogram({ ...own(registry, metric), buckets: [...metric.buckets] }),
  };
}

function own<L extends string>(registry: Registry, { name, help, labelNames = [] }: OwnMetric<L>) {
  return { name: `evengate_${name}`, help, labelNames, registers: [registry] };
}

function controllerMetrics(registry: Registry): Metrics['controller'] {
  const { total, errors, terminal, active, most, time } = reconcileMetrics(registry);
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

function reconcileMetrics(registry: Registry) {
  const labelNames = ['controller'] as const;
  const shared = (name: string, help: string) => {
    return { name: `controller_runtime_${name}`, help, labelNames, registers: [registry] };
  };
  return {
    total: new Counter({
      ...shared('reconcile_total', 'Reconciliations by controller and result.'),
      labelNames: ['controller', 'result'] as const,
    }),
    errors: new Counter(shared('reconcile_errors_total', 'Reconciliations that failed.')),
    terminal: new Counter(shared('terminal_reconcile_errors_total', 'Failures that are not retried.')),
    active: new Gauge(shared('active_workers', 'Reconciliations running now.')),
    most: new Gauge(shared('max_concurrent_reconciles', 'Reconciliations that may run at a time.')),
    time: new Histogram({
      ...shared('reconcile_time_seconds', 'How long reconciliations took.'),
      buckets: timeBuckets,
    }),
  };
}

function queueMetrics(registry: Registry): Metrics['queue'] {
  const registers = [registry];
  const labelNames = ['name', 'controller'] as const;
  const shared = (name: string, help: string) => ({ name: `workqueue_${name}`, help, labelNames, registers });
  const depth = new Gauge(shared('depth', 'Keys that wait.'));
  const adds = new Counter(shared('adds_total', 'Keys added.'));
  const retries = new Counter(shared('retries_total', 'Keys added again after a failure.'));
  const waited = histogram('queue_duration_seconds', 'How long keys waited.');
  const worked = histogram('work_duration_seconds', 'How long keys were worked on.');
  const running = new Map<string, () => Running>();
  const gauge = (name: string, help: string, of: (now: Running) => number) =>
    new Gauge({
      ...shared(name, help),
      collect() {
        for (const [queue, ask] of running) this.set(labelsOf(queue), of(ask()) / 1000);
      },
    });
  gauge('unfinished_work_seconds', 'Time of work that is not finished, summed up.', (now) => now.unfinishedMs);
  gauge('longest_running_processor_seconds', 'Time of the longest work that is not finished.', (now) => now.longestMs);
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

  function histogram(name: string, help: string): Histogram<'name' | 'controller'> {
    return new Histogram({ ...shared(name, help), buckets: timeBuckets });
  }
  function labelsOf(name: string) {
    return { name, controller: name };
  }
}

function clientMetrics(registry: Registry): Pick<Metrics, 'leader' | 'request'> {
  const registers = [registry];
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by status code, method and host.',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const status = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this process holds the lease, else 0.',
    labelNames: ['name'],
    registers,
  });
  return {
    request: (labels) => requests.inc(labels),
    leader: (name) => {
      status.set({ name }, 0);
      return (leads) => status.set({ name }, leads ? 1 : 0);
    },
  };
}
