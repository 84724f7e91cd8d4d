/** The operator's own health: a section of the platform's dashboard. */
import { graph, type Section, stack } from './grafana.ts';

/** Of metrics that other operators have, too. */
const ofOperator = 'on (job, instance) group_left () evengate_build_info';

/** Of a histogram in seconds. */
export function quantile(share: number, metric: string, by: string): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${metric}_bucket[$__rate_interval])))`;
}

export const operator: Section = {
  title: 'Operator',
  panels: [
    stack({
      title: 'Reconciliations',
      description: 'By controller and result. Errors are retried, ever more seldom.',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (controller, result) (rate(controller_runtime_reconcile_total[$__rate_interval]) * ${ofOperator})`,
          legend: '{{controller}} {{result}}',
        },
      ],
    }),
    graph({
      title: 'Time of a reconciliation',
      description: '99 of 100 are faster. edge waits for Envoys, fleet and status for the API server.',
      unit: 's',
      queries: [
        {
          expr: `histogram_quantile(0.99, sum by (le, controller) (rate(controller_runtime_reconcile_time_seconds_bucket[$__rate_interval]) * ${ofOperator}))`,
          legend: '{{controller}}',
        },
      ],
    }),
    graph({
      title: 'Keys that wait',
      description: 'Should return to 0 after each change.',
      unit: 'none',
      queries: [{ expr: `sum by (controller) (workqueue_depth * ${ofOperator})`, legend: '{{controller}}' }],
    }),
    graph({
      title: 'Time of a resolution',
      description: 'To find out what all objects mean, after a change: half of them, and 99 of 100.',
      unit: 's',
      queries: [
        { expr: quantile(0.5, 'evengate_resolution_seconds', ''), legend: 'half' },
        { expr: quantile(0.99, 'evengate_resolution_seconds', ''), legend: '99 %' },
      ],
    }),
    stack({
      title: 'Calls to the API server',
      description: 'By status; <error> where no answer came. 409 and 429 pass, 403 is a right that is missing.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (code, method) (rate(rest_client_requests_total[$__rate_interval]) * ${ofOperator})`,
          legend: '{{method}} {{code}}',
        },
      ],
    }),
    graph({
      title: 'Time of a call',
      description: '99 of 100 calls to the API server are faster.',
      unit: 's',
      queries: [
        {
          expr: `histogram_quantile(0.99, sum by (le, verb) (rate(rest_client_request_duration_seconds_bucket[$__rate_interval]) * ${ofOperator}))`,
          legend: '{{verb}}',
        },
      ],
    }),
    graph({
      title: 'Caches behind',
      description: 'For how long a resource type could not be watched; what it holds is as old.',
      unit: 's',
      alarm: 120,
      queries: [{ expr: 'max by (cache) (evengate_cache_behind_seconds)', legend: '{{cache}}' }],
    }),
    graph({
      title: 'Objects in caches',
      description: 'The memory of the operator follows them.',
      unit: 'none',
      queries: [{ expr: 'max by (cache) (evengate_cache_objects)', legend: '{{cache}}' }],
    }),
    graph({
      title: 'Memory',
      description: 'Resident, of each replica.',
      unit: 'bytes',
      queries: [{ expr: `process_resident_memory_bytes * ${ofOperator}`, legend: '{{instance}}' }],
    }),
    graph({
      title: 'CPU',
      description: 'One thread resolves and renders: above 0.8 changes wait for it.',
      unit: 'cores',
      queries: [
        {
          expr: `rate(process_cpu_seconds_total[$__rate_interval]) * ${ofOperator}`,
          legend: '{{instance}}',
        },
      ],
    }),
    graph({
      title: 'Delay of the event loop',
      description: '99 of 100 turns are faster. Long ones are long resolutions, or too little CPU.',
      unit: 's',
      queries: [{ expr: `nodejs_eventloop_lag_p99_seconds * ${ofOperator}`, legend: '{{instance}}' }],
    }),
  ],
};
