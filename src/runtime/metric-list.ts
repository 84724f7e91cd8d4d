/** Metrics that every operator on controller-runtime and client-go has, under their names: dashboards and alerts know them. */

/** One metric: what it is scraped as, and what docs/reference/metrics.md says of it. */
export interface Declaration<Label extends string = string> {
  /** Of a histogram without `_bucket`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** With its unit, one sentence. */
  readonly help: string;
  /** Label -> what its values are. They are few: no label names a Route, a policy or a caller. */
  readonly labels: Readonly<Record<Label, string>>;
}

const controller = { controller: '`edge`, `fleet`, `status`, `mesh`, `keys` or `enrolment`' };
const queue = { name: 'as `controller`', ...controller };
const host = { host: 'host and port of the API server' };

export const runtimeMetrics = {
  reconciles: {
    name: 'controller_runtime_reconcile_total',
    type: 'counter',
    help: 'Reconciliations by controller and result.',
    labels: { ...controller, result: '`success`, `requeue_after` or `error`' },
  },
  errors: {
    name: 'controller_runtime_reconcile_errors_total',
    type: 'counter',
    help: 'Reconciliations that failed.',
    labels: controller,
  },
  terminalErrors: {
    name: 'controller_runtime_terminal_reconcile_errors_total',
    type: 'counter',
    help: 'Failures that are not retried.',
    labels: controller,
  },
  active: {
    name: 'controller_runtime_active_workers',
    type: 'gauge',
    help: 'Reconciliations running now.',
    labels: controller,
  },
  most: {
    name: 'controller_runtime_max_concurrent_reconciles',
    type: 'gauge',
    help: 'Reconciliations that may run at a time.',
    labels: controller,
  },
  reconcileTime: {
    name: 'controller_runtime_reconcile_time_seconds',
    type: 'histogram',
    help: 'Seconds that reconciliations took.',
    labels: controller,
  },
  depth: { name: 'workqueue_depth', type: 'gauge', help: 'Keys that wait.', labels: queue },
  adds: { name: 'workqueue_adds_total', type: 'counter', help: 'Keys added.', labels: queue },
  retries: {
    name: 'workqueue_retries_total',
    type: 'counter',
    help: 'Keys added again after a failure.',
    labels: queue,
  },
  waited: {
    name: 'workqueue_queue_duration_seconds',
    type: 'histogram',
    help: 'Seconds that keys waited.',
    labels: queue,
  },
  worked: {
    name: 'workqueue_work_duration_seconds',
    type: 'histogram',
    help: 'Seconds that keys were worked on.',
    labels: queue,
  },
  unfinished: {
    name: 'workqueue_unfinished_work_seconds',
    type: 'gauge',
    help: 'Seconds of work that is not finished, summed up.',
    labels: queue,
  },
  longest: {
    name: 'workqueue_longest_running_processor_seconds',
    type: 'gauge',
    help: 'Seconds of the longest work that is not finished.',
    labels: queue,
  },
  requests: {
    name: 'rest_client_requests_total',
    type: 'counter',
    help: 'Requests to the API server.',
    labels: { code: 'HTTP status, or `<error>` where none came', method: 'HTTP method', ...host },
  },
  requestTime: {
    name: 'rest_client_request_duration_seconds',
    type: 'histogram',
    help: 'Seconds until the API server had answered; of a watch, until it was open.',
    labels: { verb: 'as RBAC names it', ...host },
  },
  leader: {
    name: 'leader_election_master_status',
    type: 'gauge',
    help: '1 while this process holds the lease, else 0; only with `--leader-elect`.',
    labels: { name: 'name of the Lease, `evengate-<class>`' },
  },
} as const satisfies Readonly<Record<string, Declaration>>;
